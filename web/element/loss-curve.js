/**
 * Points kept; beyond this, neighbours are merged, so that an hour of training still plots fast.
 */
const MAX_POINTS = 3000;

/**
 * Steps over which the smoothed loss forgets: the loss of one step depends far too much on its t.
 * Fewer at first, while the loss falls fast.
 * @param {number} seen
 */
const smoothingSteps = (seen) => Math.min(100, Math.max(10, seen / 5));

/** @import { CurveRecord } from '../store/schema.js' */

/**
 * The history of the loss: each report's mean, and an exponential average without start-up bias.
 */
export class LossCurve {
  /** @type {number[]} */
  steps = [];
  /** @type {number[]} */
  means = [];
  /** @type {number[]} */
  smoothed = [];
  #average = 0;
  #weight = 0;
  #seen = 0;

  /** @returns {number | undefined} */
  get latest() {
    return this.smoothed.at(-1);
  }

  /**
   * @param {number} step the step after the last of `losses`
   * @param {Float32Array} losses
   */
  add(step, losses) {
    if (losses.length === 0) return;
    let sum = 0;
    for (const loss of losses) {
      const decay = 1 - 1 / smoothingSteps(this.#seen++);
      sum += loss;
      this.#average = decay * this.#average + (1 - decay) * loss;
      this.#weight = decay * this.#weight + (1 - decay);
    }
    this.steps.push(step);
    this.means.push(sum / losses.length);
    this.smoothed.push(this.#average / this.#weight);
    if (this.steps.length > MAX_POINTS) this.#thin();
  }

  #thin() {
    const half = Math.floor(this.steps.length / 2);
    const last = (/** @type {number[]} */ values) =>
      Array.from({ length: half }, (_, i) => values[2 * i + 1]);
    const mean = (/** @type {number[]} */ values) =>
      Array.from({ length: half }, (_, i) => (values[2 * i] + values[2 * i + 1]) / 2);
    this.means = mean(this.means);
    this.smoothed = last(this.smoothed);
    this.steps = last(this.steps);
  }

  clear() {
    Object.assign(this, { steps: [], means: [], smoothed: [] });
    this.#average = this.#weight = this.#seen = 0;
  }

  /** @returns {CurveRecord} */
  toRecord() {
    return {
      steps: [...this.steps],
      means: [...this.means],
      smoothed: [...this.smoothed],
      average: this.#average,
      weight: this.#weight,
      seen: this.#seen,
    };
  }

  /** @param {CurveRecord} record */
  restore({ steps, means, smoothed, average, weight, seen }) {
    Object.assign(this, { steps: [...steps], means: [...means], smoothed: [...smoothed] });
    this.#average = average;
    this.#weight = weight;
    this.#seen = seen;
  }
}

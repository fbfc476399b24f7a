import { Budget } from '../lib/budget.js';
import { isAbort, LabError } from '../lib/errors.js';

/** The share of all computing time that may go into it while training runs. */
const SHARE = 0.1;

/**
 * Work that can wait, in small parts: between two slices of training, no more than a fixed share of
 * the time; otherwise whenever nothing else is going on. Dispatches `failed` when a job did.
 *
 * A job is a generator that yields after each part.
 * @typedef {AsyncGenerator<unknown, void, void>} Job
 */
export class Background extends EventTarget {
  #budget = new Budget(SHARE);
  /** In the order of their turn. @type {Map<string, Job>} */
  #jobs = new Map();
  /** Names of those whose turn comes once there are no others. @type {Set<string>} */
  #patient = new Set();
  #working = false;

  /** Set by whoever knows: whether nothing else is going on. */
  idle = () => false;

  /** @param {string} name */
  has(name) {
    return this.#jobs.has(name);
  }

  /**
   * Adds a job; an earlier one of that name is dropped.
   * @param {string} name
   * @param {Job} job
   * @param {{ patient?: boolean }} [options] whether it waits for all others
   */
  put(name, job, { patient = false } = {}) {
    this.drop(name);
    if (patient) this.#patient.add(name);
    this.#jobs.set(name, job);
    this.wake();
  }

  /**
   * Spends what the last slice of training has earned.
   * @param {number} trainMs
   */
  async advance(trainMs) {
    if (this.#jobs.size === 0) return;
    this.#budget.earn(trainMs);
    while (this.#jobs.size > 0 && this.#budget.left) {
      await this.#budget.spend(() => this.#step());
    }
  }

  /** Works for as long as there is nothing better to do. */
  async wake() {
    if (this.#working) return;
    this.#working = true;
    while (this.#jobs.size > 0 && this.idle()) await this.#step();
    this.#working = false;
  }

  async #step() {
    const jobs = [...this.#jobs];
    const [name, job] = jobs.find(([name]) => !this.#patient.has(name)) ?? jobs[0];
    try {
      const { done } = await job.next();
      if (done && this.#jobs.get(name) === job) this.#jobs.delete(name);
    } catch (error) {
      // What became of a job that was dropped meanwhile concerns nobody.
      if (this.#jobs.get(name) !== job) return;
      this.#jobs.delete(name);
      if (isAbort(error)) return;
      this.dispatchEvent(new CustomEvent('failed', { detail: LabError.from(error) }));
    }
  }

  /** @param {string} name of a job that is not needed any more */
  drop(name) {
    const job = this.#jobs.get(name);
    this.#jobs.delete(name);
    this.#patient.delete(name);
    job?.return().catch(() => {});
  }

  clear() {
    for (const name of [...this.#jobs.keys()]) this.drop(name);
    this.#budget.clear();
  }
}

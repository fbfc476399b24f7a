import { Budget } from '../lib/budget.js';

/**
 * Samples from the same noise again and again while training runs: what the model can do by now.
 *
 * Drawn one step at a time between slices of training, so that the picture keeps moving and no more
 * than a fixed share of the time goes into it, on any machine.
 *
 * Dispatches `frame` when another is to be shown, `snapshot` when a drawing is finished, and `reset`
 * when the drawings are those of another run.
 *
 * @import { Frame } from '../worker/protocol.js'
 * @typedef {{ step: number, frame: Frame, kept?: boolean }} Snapshot `kept` if it was drawn before the
 *   run was opened, on this visit or another
 */

/** The share of all computing time that may go into previews. */
const SHARE = 0.15;
/** Rest between two previews, in milliseconds: faster than this the eye cannot follow. */
const REST_MS = 1200;
/** Snapshots kept; beyond this every second one goes. */
export const MAX_SNAPSHOTS = 64;

export class Preview extends EventTarget {
  /** Finished samples by training step. @type {Snapshot[]} */
  snapshots = [];
  /** The state of the batch that is being drawn. @type {Frame | undefined} */
  frame;
  /** Of the weights that it is drawn with, and whether it is one that was kept. */
  origin = { step: 0, kept: false };
  #budget = new Budget(SHARE);
  #finishedAt = -Infinity;
  #snapshotStep = 0;
  /** @type {AsyncGenerator<Frame, void, void> | undefined} */
  #run;

  /** Set by the trainer, before anything else is called. */
  lab = /** @type {import('../lab.js').Lab} */ (/** @type {unknown} */ (undefined));

  /**
   * Spends what the last slice of training has earned.
   * @param {number} trainMs
   */
  async advance(trainMs) {
    this.#budget.earn(trainMs);
    while (this.#budget.left) {
      if (!this.#run && performance.now() - this.#finishedAt < REST_MS) return;
      await this.#budget.spend(() => this.#next());
    }
  }

  async #next() {
    if (!this.#run) {
      const { lab } = this;
      const { seed } = lab.config;
      this.#snapshotStep = lab.step;
      // A CPU draws less, so that the picture still changes several times a minute. Both counts
      // are squares.
      const scale = lab.adapterKind === 'gpu' ? { count: 16, steps: 20 } : { count: 9, steps: 10 };
      const steps = Math.min(scale.steps, lab.config.scheduler.num_train_timesteps);
      this.#run = lab.sample({ seed, labels: lab.labels, count: scale.count, steps });
    }
    const { value: frame } = await this.#run.next();
    if (!frame) return this.#finish();
    this.frame = frame;
    this.origin = { step: this.#snapshotStep, kept: false };
    if (frame.index === frame.total) this.#snapshot(frame);
    this.dispatchEvent(new Event('frame'));
  }

  #finish() {
    this.#run = undefined;
    this.#finishedAt = performance.now();
  }

  /** @param {Frame} frame */
  #snapshot(frame) {
    if (this.snapshots.length >= MAX_SNAPSHOTS) {
      this.snapshots = this.snapshots.filter((_, index) => index % 2 === 0);
    }
    const snapshot = { step: this.#snapshotStep, frame };
    this.snapshots.push(snapshot);
    this.dispatchEvent(new CustomEvent('snapshot', { detail: snapshot }));
  }

  /** The weights that a run under way was drawn with are gone or old: drop it. */
  async cancel() {
    const run = this.#run;
    this.#run = undefined;
    await run?.return().catch(() => {});
  }

  /**
   * Forgets what was drawn after a step of training.
   * @param {number} step
   */
  rewind(step) {
    this.#showLast(this.snapshots.filter((snapshot) => snapshot.step <= step));
  }

  /** @param {Snapshot[]} snapshots of a run that was */
  restore(snapshots) {
    this.#showLast(snapshots);
    this.dispatchEvent(new Event('reset'));
    this.dispatchEvent(new Event('frame'));
  }

  /** @param {Snapshot[]} snapshots */
  #showLast(snapshots) {
    this.snapshots = snapshots;
    const last = snapshots.at(-1);
    this.frame = last?.frame;
    this.origin = { step: last?.step ?? 0, kept: last?.kept ?? false };
  }

  async clear() {
    await this.cancel();
    this.snapshots = [];
    this.frame = undefined;
    this.#budget.clear();
    this.#finishedAt = -Infinity;
    this.dispatchEvent(new Event('reset'));
  }
}

import { isAbort, LabError } from '../lib/errors.js';
import { msg } from '../lib/localize.js';
import { Background } from './background.js';
import { LossCurve } from './loss-curve.js';
import { Preview } from './preview.js';
import { StateAge } from './state-age.js';

/** The window over which speed is measured. */
const RATE_MS = 8_000;

/**
 * Runs training: start, pause, resume; the loss curve, the speed, previews, and a checkpoint every
 * few seconds. Dispatches `progress` after each report, `change` when the curve is another, and
 * `clear` when the run is forgotten.
 */
export class Trainer extends EventTarget {
  curve = new LossCurve();
  /** Steps a second, by the clock on the wall: previews and checkpoints included. */
  rate = 0;
  /** @type {AbortController | undefined} */
  #abort;
  /** @type {Promise<void>} */
  #loop = Promise.resolve();
  /** @type {{ time: number, step: number }[]} */
  #marks = [];
  /** When the GPU's programs were last compiled, on the page's clock. */
  #compiledAt = -Infinity;
  #age = new StateAge();

  preview = new Preview();
  background = new Background();

  /**
   * @param {import('./run.js').Run} run
   * @param {import('./checkpointer.js').Checkpointer} checkpointer
   */
  constructor(run, checkpointer) {
    super();
    this.run = run;
    this.checkpointer = checkpointer;
  }

  /** Set by `use`, before anything else is called. */
  lab = /** @type {import('../lab.js').Lab} */ (/** @type {unknown} */ (undefined));

  /** @param {import('../lab.js').Lab} lab */
  use(lab) {
    this.lab = lab;
    this.preview.lab = lab;
    lab.addEventListener('compiling', () => (this.#compiledAt = performance.now()));
  }

  /** @returns {number | undefined} seconds */
  get eta() {
    return this.rate > 0 ? Math.max(0, this.run.target - this.lab.step) / this.rate : undefined;
  }

  /** @returns {Promise<'done' | 'paused'>} */
  async start() {
    this.run.start();
    this.#abort = new AbortController();
    this.#marks = [];
    this.#age.begin();
    const end = this.#train(this.#abort.signal);
    this.#loop = end.then(
      () => {},
      () => {},
    );
    return end;
  }

  /** @param {AbortSignal} signal */
  async #train(signal) {
    try {
      let target;
      do {
        target = this.run.target;
        await this.#trainTo(target, signal);
      } while (this.run.target !== target);
      await this.checkpoint({ patient: true });
      return 'done';
    } catch (error) {
      if (!isAbort(error)) throw LabError.from(error);
      await this.checkpoint({ patient: true });
      return 'paused';
    } finally {
      this.rate = 0;
      this.run.stop();
    }
  }

  /**
   * @param {number} target the step to stop at, unless the run gets another one meanwhile
   * @param {AbortSignal} signal
   */
  async #trainTo(target, signal) {
    const steps = target - this.lab.step;
    for await (const report of this.lab.train({ steps, signal })) {
      if (!report.losses.every(Number.isFinite)) throw diverged();
      this.curve.add(report.step, report.losses);
      const measured = this.#measure(report);
      this.dispatchEvent(new CustomEvent('progress', { detail: report }));
      if (measured) {
        await this.preview.advance(report.milliseconds);
        await this.background.advance(report.milliseconds);
      }
      if (this.#age.turned()) await this.checkpoint();
      if (this.run.target !== target) return;
    }
  }

  /** Resolves when training has stopped and its checkpoint is written. */
  async pause() {
    this.#abort?.abort();
    await this.#loop;
  }

  /**
   * Measures the speed, but never that of compiling, which may take half a minute.
   *
   * @param {import('../lab.js').TrainReport} report
   * @returns {boolean} whether its time was that of steps alone
   */
  #measure({ step, losses, milliseconds }) {
    const now = performance.now();
    const began = now - milliseconds;
    if (this.#compiledAt > began) {
      this.#marks = [];
      return false;
    }
    const last = this.#marks.at(-1);
    // A tab that was frozen meanwhile, or a machine asleep, says nothing of the speed either.
    const slept = last && began - last.time > RATE_MS;
    if (!last || slept || this.#compiledAt > last.time) {
      this.#marks = [{ time: began, step: step - losses.length }];
    }
    this.#marks.push({ time: now, step });
    while (this.#marks.length > 2 && now - this.#marks[0].time > RATE_MS) this.#marks.shift();
    const [first] = this.#marks;
    if (now > first.time) this.rate = ((step - first.step) * 1000) / (now - first.time);
    return true;
  }

  /** Writes the next checkpoint as soon as the slice under way is over. */
  hurry() {
    this.#age.hurry();
  }

  /** @param {{ patient?: boolean }} [options] see `Checkpointer.keep` */
  async checkpoint(options) {
    // A model that has diverged cannot be kept, and the state before is the better one. What else
    // fails here fails the next step too, where it is heard.
    await this.#age.take(() => this.checkpointer.keep(options).catch(() => {}));
  }

  /**
   * Forgets what came after a state that the lab went back to, or everything without one.
   * @param {import('./checkpointer.js').State} [state]
   */
  rewind(state) {
    this.preview.rewind(this.lab.step);
    if (state) this.restore(state.curve);
    else this.curve.clear();
    this.dispatchEvent(new Event('change'));
  }

  /** Goes on with the curve of a run that was. @param {import('../store/schema.js').CurveRecord} record */
  restore(record) {
    this.curve.restore(record);
    this.dispatchEvent(new Event('change'));
  }

  /** Forgets the run that was, before another. */
  async clear() {
    this.curve.clear();
    this.rate = 0;
    this.checkpointer.forget();
    await this.preview.clear();
    this.dispatchEvent(new Event('clear'));
    this.dispatchEvent(new Event('change'));
  }
}

const diverged = () =>
  new LabError(
    'diverged',
    msg(
      'The loss is no longer a number: training has diverged. Choose a lower learning rate ' +
        'and start again from random weights. What was saved before is kept under “Your ' +
        'runs”.',
    ),
  );

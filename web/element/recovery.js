import { LabError } from '../lib/errors.js';
import { getCheckpoint } from '../lib/store.js';

/** Crashes with nothing computed in between, after which the page stops trying by itself. */
const MAX_CRASHES = 3;

/**
 * After a crash, a new worker with the images and the latest checkpoint, and a sentence about it.
 */
export class Recovery {
  #active = false;
  /** Crashes since the last sign of health. */
  #crashes = 0;

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.session = session;
  }

  /** Whether a crash is being recovered from. */
  get active() {
    return this.#active;
  }

  /** Something was computed. */
  healthy() {
    this.#crashes = 0;
  }

  /** @param {LabError} failure */
  async recover(failure) {
    if (this.#active) return;
    this.#active = true;
    this.#crashes += 1;
    const { session } = this;
    const { lab } = session;
    // When its turn comes, the session may have moved to another lab, or be over.
    const needed = () => session.lab === lab && !session.disposed;
    const restart = async () => needed() && this.#restore(failure);
    try {
      await session.during('Restarting', () => session.queue.run(restart));
    } catch (error) {
      session.giveUp(
        `Computing failed and could not be restarted (${LabError.from(error).message}). ` +
          'Reload the page; what was saved in this browser is kept.',
      );
    } finally {
      this.#active = false;
      session.changed('status', 'run');
    }
  }

  /** @param {LabError} failure */
  async #restore(failure) {
    const { session } = this;
    const { lab, run, trainer } = session;
    await session.pause();
    session.stopDrawing();
    await trainer.preview.cancel();
    session.diagnostics.clear();
    if (this.#crashes > MAX_CRASHES) throw failure;
    await lab.restart();
    const record = run.saved ? await getCheckpoint(run.name) : undefined;
    const model = record?.bytes ?? run.loaded;
    if (model) await lab.load(model);
    trainer.rewind(record);
    run.recover(model !== undefined);
    session.messages.say('crash', sentence(failure, record?.step), { kind: 'error' });
  }
}

/**
 * @param {LabError} failure
 * @param {number | undefined} step
 */
function sentence(failure, step) {
  const what =
    failure.code === 'device-lost'
      ? 'The browser took the GPU away'
      : `The worker crashed (${failure.message})`;
  const restored =
    step === undefined
      ? 'A new one is running with your images.'
      : `A new one is running with your images and the model of step ${step}. Press ` +
        'Resume to go on.';
  return `${what}. ${restored}`;
}

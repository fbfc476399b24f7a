import { CPU_BACKEND, cpuChoice, gpuReturns } from '../lib/backend.js';
import { download } from '../lib/canvas.js';
import { LabError } from '../lib/errors.js';
import { savedName } from '../lib/model-files.js';
import { integer } from '../lib/format.js';
import { trainingOf, withTraining } from '../lib/checkpoint-file.js';
import { msg } from '../lib/localize.js';

/**
 * @import { State } from './checkpointer.js'
 *
 * @typedef {Partial<Record<(typeof RATES)[number], number>>} LearningRates
 */

/** Of Adam, and of Muon, which files older than it do not name. */
const RATES = /** @type {const} */ (['learning_rate', 'muon_learning_rate']);

/** Crashes with no state kept in between, after which the GPU is not tried again. */
const MAX_GPU_CRASHES = 2;
/** And after which the page stops trying by itself. */
const MAX_CRASHES = 4;

/**
 * After a crash, a new worker with the images and the newest state, on which training goes on; after
 * the loss was no number, the newest state with half the learning rate.
 */
export class Recovery {
  #active = false;
  /** Crashes since the last sign of health. */
  #crashes = 0;
  /** Whether the learning rate was halved since the user last started training. */
  #eased = false;

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.session = session;
  }

  /** Whether a crash is being recovered from. */
  get active() {
    return this.#active;
  }

  /** The user starts training. */
  started() {
    this.#eased = false;
  }

  /** A state was kept, or something drawn: there is no loop of crashes. */
  healthy() {
    this.#crashes = 0;
  }

  /**
   * @param {LabError} failure
   * @param {{ training?: boolean }} [options] whether training has ended with it
   */
  async recover(failure, { training = false } = {}) {
    if (this.#active) return;
    this.#active = true;
    const { session } = this;
    const { lab } = session;
    const resumes = training || session.run.training;
    // When its turn comes, the session may have moved to another lab, or be over.
    const needed = () => session.lab === lab && !session.disposed;
    const restart = async () => needed() && this.#restore(failure, resumes);
    let restored = false;
    try {
      restored = await session.during(msg('Restarting'), () => session.queue.run(restart));
    } catch (error) {
      this.#giveUp(LabError.from(error));
    } finally {
      this.#active = false;
      session.changed('status', 'run');
    }
    if (restored && resumes) await session.goOn();
  }

  /**
   * @param {LabError} failure
   * @param {boolean} resumes
   */
  async #restore(failure, resumes) {
    const { session } = this;
    const { run, trainer, checkpointer } = session;
    await session.pause();
    session.stopDrawing();
    await trainer.preview.cancel();
    session.diagnostics.clear();
    const { state } = checkpointer;
    const model = state?.bytes ?? run.loaded;
    const was = session.lab.backend;
    await this.#restart(failure, async (lab) => {
      if (model) await lab.load(model);
    });
    trainer.rewind(state);
    run.recover(model !== undefined);
    const moved = session.lab.backend !== was;
    const step = model ? session.lab.step : undefined;
    const text = sentence(failure, { step, resumes, moved });
    session.messages.say('crash', text, { kind: 'error' });
    session.takeUp();
    return true;
  }

  /**
   * What there is stays on the page, and can be saved.
   * @param {LabError} failure
   */
  #giveUp(failure) {
    const { session } = this;
    const again = () => {
      this.#crashes = 0;
      this.recover(failure);
    };
    const actions = [{ id: 'try-again', label: msg('Try again'), run: again }];
    const bytes = session.checkpointer.state?.bytes;
    if (bytes) {
      actions.push({ id: 'save-kept', label: msg('Save the model'), run: () => this.#save() });
    }
    session.giveUp(
      msg(
        'Computing failed and could not be restarted ({0}). What was saved in this browser ' +
          'is kept. Try again, or reload the page.',
        failure.message,
      ),
      actions,
    );
  }

  /** Saves the newest state, which needs no worker. */
  #save() {
    const { checkpointer, imageSet } = this.session;
    if (!checkpointer.state) return;
    const { bytes, step } = checkpointer.state;
    const name = savedName(imageSet.dataset, step);
    download(new Blob([/** @type {BlobPart} */ (bytes)]), `${name}.safetensors`);
  }

  /**
   * A new worker: with the GPU, as long as that holds, else on the CPU.
   * @param {LabError} failure
   * @param {(lab: import('../lab.js').Lab) => Promise<void>} fill
   */
  async #restart(failure, fill) {
    const { lab } = this.session;
    for (let last = failure; ;) {
      this.#crashes += 1;
      if (this.#crashes > MAX_CRASHES) throw last;
      try {
        await lab.restart({ backend: await this.#backend() });
        await fill(lab);
        return;
      } catch (error) {
        last = LabError.from(error);
      }
    }
  }

  /** What to go on with: on the CPU where the GPU fails again or does not come back. */
  async #backend() {
    const { backend } = this.session.lab;
    if (backend !== 'webgpu') return backend;
    if (this.#crashes > MAX_GPU_CRASHES) {
      return cpuChoice(CPU_BACKEND, msg('The GPU failed again and again, so the CPU computes.'));
    }
    if (await gpuReturns()) return backend;
    return cpuChoice(
      CPU_BACKEND,
      msg('The GPU was lost and did not come back, so the CPU computes.'),
    );
  }

  /**
   * Training has diverged: goes back to the newest state with half the learning rate, once.
   * @param {LabError} failure
   * @returns {Promise<boolean>} whether it did
   */
  async ease(failure) {
    const { session } = this;
    const { run, checkpointer } = session;
    if (failure.code !== 'diverged' || this.#eased || session.disposed) return false;
    this.#eased = true;
    const { state } = checkpointer;
    const bytes = state?.bytes ?? run.loaded;
    // A model in the form of another program has no learning rate.
    if (bytes && !(bytes instanceof Uint8Array)) return false;
    return session.queue.run(async (turn) => {
      const training = bytes ? trainingOf(bytes) : session.lab.config.training;
      if (!training) return false;
      const rates = halved(training);
      if (bytes) await this.#goBack(withTraining(bytes, rates), state);
      else await this.#beginAnew(rates, turn);
      const step = integer(bytes ? session.lab.step : 0);
      session.messages.say(
        'diverged',
        msg(
          'The loss was no longer a number. Training went back to step {0} and goes on with ' +
            'half the learning rate.',
          step,
        ),
      );
      return true;
    });
  }

  /**
   * It diverged before a state was kept: the next start has fresh weights.
   * @param {LearningRates} rates
   * @param {import('../lib/serial-queue.js').Turn} turn
   */
  async #beginAnew(rates, turn) {
    for (const [name, rate] of Object.entries(rates)) this.session.run.override(name, rate);
    await this.session.refreshConfig(turn);
  }

  /**
   * @param {Uint8Array} bytes
   * @param {State} [state]
   */
  async #goBack(bytes, state) {
    const { lab, trainer, run, checkpointer } = this.session;
    await lab.load(bytes);
    trainer.rewind(state);
    if (state) checkpointer.state = { ...state, bytes };
    run.recover(true);
  }
}

/**
 * Half of each learning rate that there is.
 * @param {Record<string, unknown>} training
 * @returns {LearningRates}
 */
function halved(training) {
  const rates = RATES.map((name) => [name, training[name]]);
  const known = rates.filter(([, rate]) => typeof rate === 'number');
  return Object.fromEntries(known.map(([name, rate]) => [name, Number(rate) / 2]));
}

/**
 * @param {LabError} failure
 * @param {{ step?: number, resumes: boolean, moved: boolean }} outcome of the restart; `moved` from
 *   the GPU to the CPU
 */
function sentence({ code, message }, { step, resumes, moved }) {
  const what = code === 'device-lost' ? message : msg('The worker crashed ({0}).', message);
  const then = resumes ? ` ${msg('Training goes on from there.')}` : '';
  return `${what} ${restored(step, moved)}${then}`;
}

/**
 * @param {number | undefined} step
 * @param {boolean} moved whether the CPU computes now
 */
function restored(step, moved) {
  if (step === undefined) {
    return moved
      ? msg('A new worker is running on the CPU, with your images.')
      : msg('A new worker is running, with your images.');
  }
  return moved
    ? msg(
        'A new worker is running on the CPU, with your images and the model of step {0}.',
        integer(step),
      )
    : msg('A new worker is running, with your images and the model of step {0}.', integer(step));
}

import { isAbort, LabError } from '../lib/errors.js';
import { MAX_COMPARED, MIN_COMPARED, samplersFor } from '../lib/samplers.js';
import { frameAt, isKept, Played, recordedShare } from './playback.js';

/**
 * @import { Frame, SampleOptions } from '../worker/protocol.js'
 * @import { SamplerName } from '../lib/samplers.js'
 *
 * @typedef {{ sampler: SamplerName, steps?: number }} Choice what is to run; without steps, as many
 *   as usual
 * @typedef {{ options: SampleOptions, frames: Frame[], total: number }} Run
 */

/**
 * Several samplers from the same x_T, recorded together and played in step: a share of the way for
 * one is the same share for all.
 */
export class Comparison extends Played {
  /** Whether the sample panel shows this and not the samples of one. */
  shown;
  /** The samplers that were chosen, if any were. @type {Choice[] | undefined} */
  #choices;
  /** @type {Run[]} */
  runs = [];
  sampling = false;
  /** @type {AbortController | undefined} */
  #abort;

  /**
   * @param {import('./session.js').Session} session
   * @param {Choice[]} [choices]
   */
  constructor(session, choices) {
    super(() => this.recorded);
    this.session = session;
    this.shown = choices !== undefined;
    if (choices) this.choose(choices);
  }

  /** Share of the way, in [0, 1]. */
  get progress() {
    return this.playback.progress;
  }

  /** Share of the way up to which every run is recorded. */
  get recorded() {
    return recordedShare(this.runs);
  }

  /** @param {Run} run */
  frameOf(run) {
    return run.frames[frameAt(run, this.progress)];
  }

  /** The samplers to run: those chosen, or the model's usual first ones. */
  get choices() {
    const usual = () => samplersFor(this.session.lab?.config).slice(0, 3);
    return this.#choices ?? usual().map((sampler) => /** @type {Choice} */ ({ sampler }));
  }

  /** What each is run with, possible for the model in the lab; all else is as for one alone. */
  get options() {
    const { lab, sampleSettings } = this.session;
    return this.choices.map((choice) => sampleSettings.for(lab?.config, choice));
  }

  /** @param {boolean} shown */
  show(shown) {
    this.shown = shown;
    this.session.stopDrawing();
  }

  /** @param {Choice[]} choices too few or too many are brought within bounds */
  choose(choices) {
    const few = choices.slice(0, MAX_COMPARED);
    while (few.length < MIN_COMPARED) few.push(few[0] ?? { sampler: 'ddpm' });
    this.#choices = few;
    this.changed();
  }

  /**
   * Runs the samplers to their end, unless they are stopped before. The session reports failures.
   * @param {{ play?: boolean }} [how] whether to play it or to show only its end
   */
  async sample({ play = !this.session.options.still } = {}) {
    const { session } = this;
    session.stopDrawing();
    session.samples.pause();
    const abort = new AbortController();
    this.#abort = abort;
    this.sampling = true;
    this.changed();
    try {
      await session.awake();
      await this.#record(abort.signal, play);
      if (abort.signal.aborted) return;
      const detail = { kind: 'compare', runs: this.runs.map(({ options }) => options) };
      session.dispatch('done', detail);
    } catch (error) {
      if (!isAbort(error)) session.fail(error, 'sample');
    } finally {
      if (this.#abort === abort) this.stop();
    }
  }

  /**
   * @param {AbortSignal} signal
   * @param {boolean} play
   */
  async #record(signal, play) {
    const started = this.options.map((options) => ({
      run: /** @type {Run} */ ({ options, frames: [], total: options.steps }),
      taken: 0,
      frames: this.session.lab.sample({ ...options, signal }),
    }));
    try {
      // The noise of all first: the old recordings stay on the screen until then.
      for (const one of started) await record(one);
      this.runs = started.map(({ run }) => run);
      if (play) this.playback.play(0);
      else this.playback.seek(0);
      while (this.recorded < 1) {
        // Whoever is furthest behind takes the next step.
        await record(started.reduce((a, b) => (share(b) < share(a) ? b : a)));
        if (!play && this.recorded === 1) this.playback.seek(1);
        this.moved();
      }
    } finally {
      for (const { frames } of started) frames.return().catch(() => {});
    }
  }

  /** Ends runs that are being recorded; what was recorded can still be looked at. */
  stop() {
    this.#abort?.abort();
    this.#abort = undefined;
    this.sampling = false;
    for (const run of this.runs) run.total = run.frames.at(-1)?.index ?? 0;
    this.changed();
  }

  play() {
    this.playback.play(this.progress < 1 ? this.progress : 0);
  }

  /** @param {number} progress */
  seek(progress) {
    this.playback.seek(Math.min(progress, this.recorded));
    this.moved();
  }
}

/** @typedef {{ run: Run, taken: number, frames: AsyncGenerator<Frame, void, void> }} Started */

const share = (/** @type {Started} */ { run, taken }) => taken / run.total;

/** @param {Started} started */
async function record(started) {
  const { run, frames } = started;
  const { value } = await frames.next();
  if (!value) throw new LabError('aborted', 'Stopped.');
  run.total = value.total;
  started.taken = value.index;
  if (isKept(value)) run.frames.push(value);
}

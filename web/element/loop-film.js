import { isAbort, LabError } from '../lib/errors.js';
import { noiseLoop } from '../lib/noise-loop.js';
import { adaptSampling, isFlow, samplersFor } from '../lib/samplers.js';

/**
 * The frames of a film through noise: from one favourite to the next and back to the first, or through
 * samples where there are no two favourites. Drawn a few at a time by a deterministic sampler, so that
 * nothing changes but the noise. Dispatches `change`, and `drawing` when drawing begins or ends.
 *
 * @import { Subject } from './selected-sample.js'
 * @typedef {import('../lib/gif.js').GifFrame} LoopFrame
 */

const [DDIM, EULER] = /** @type {const} */ (['ddim', 'euler-flow']);
/** Frames drawn together. */
const BATCH = 8;
/** More would take minutes to draw and to watch: the newest. */
const MAX_SUBJECTS = 12;
/** Samples that stand in for favourites. */
const SAMPLES = 4;

export class LoopFilm extends EventTarget {
  /** How much is made, from 0 to 1; nothing while none is being made. @type {number | undefined} */
  progress;
  /** The newest frame. @type {LoopFrame | undefined} */
  frame;
  #session;
  #abort = new AbortController();

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    super();
    this.#session = session;
  }

  get drawing() {
    return this.progress !== undefined;
  }

  /** What it leads through; nothing where there are no two. @returns {Subject[]} */
  get subjects() {
    const { favourites, samples } = this.#session;
    const { list } = favourites;
    if (list.length > 1) return list.slice(-MAX_SUBJECTS);
    const count = Math.min(SAMPLES, samples.frames.at(-1)?.count ?? 0);
    const drawn = Array.from({ length: count }, (_, tile) => samples.subject(tile) ?? []).flat();
    return drawn.length > 1 ? drawn : [];
  }

  /**
   * Draws the frames and hands them on.
   * @template Made
   * @param {(frames: LoopFrame[], how: { signal: AbortSignal, told: (share: number) => void }) =>
   *   Promise<Made>} encode makes a file of them
   * @returns {Promise<Made | undefined>} nothing where it was cancelled
   */
  async make(encode) {
    this.#abort.abort();
    const { signal } = (this.#abort = new AbortController());
    const tell = (/** @type {number} */ share) => {
      if (signal.aborted) return;
      this.progress = share;
      this.dispatchEvent(new Event('change'));
    };
    tell(0);
    this.dispatchEvent(new Event('drawing'));
    try {
      await this.#session.awake();
      // Drawing takes by far the most of the time.
      const frames = await this.#draw(signal, (share) => tell(0.9 * share));
      return await encode(frames, { signal, told: (share) => tell(0.9 + 0.1 * share) });
    } catch (error) {
      if (signal.aborted || isAbort(error)) return undefined;
      throw LabError.from(error);
    } finally {
      if (this.#abort.signal === signal) this.#end();
    }
  }

  /**
   * @param {AbortSignal} signal
   * @param {(share: number) => void} told
   */
  async #draw(signal, told) {
    const { lab } = this.#session;
    const { subjects } = this;
    const way = noiseLoop(subjects.map(({ noise }) => noise));
    const options = { ...subjects[0].options, ...deterministic(subjects[0].options, lab.config) };
    /** @type {LoopFrame[]} */
    const frames = [];
    for (let first = 0; first < way.length; first += BATCH) {
      const part = way.slice(first, first + BATCH);
      const request = {
        ...options,
        signal,
        count: part.length,
        mixtures: part.map(({ noise }) => noise),
        labels: lab.labels.length ? part.map(({ nearest }) => labelOf(subjects[nearest])) : [],
      };
      for await (const { x_t, index, total, count, size } of lab.sample(request)) {
        told((first + (index / total) * count) / way.length);
        if (index < total) continue;
        const tile = x_t.length / count;
        for (let at = 0; at < x_t.length; at += tile) {
          frames.push({ rgb: x_t.slice(at, at + tile), count: 1, size });
        }
        this.frame = frames.at(-1);
      }
    }
    return frames;
  }

  stop() {
    this.#abort.abort();
    if (this.drawing) this.#end();
  }

  #end() {
    this.progress = undefined;
    this.frame = undefined;
    this.dispatchEvent(new Event('change'));
    this.dispatchEvent(new Event('drawing'));
  }
}

/**
 * How a sample was drawn, where that adds no noise: the film then shows it as it is known. Else the
 * sampler that is like it.
 * @param {Partial<import('../worker/protocol.js').SampleOptions>} drawn
 * @param {import('../lib/config.js').Config} config
 */
function deterministic({ sampler, steps, eta = 0 }, config) {
  const adds = sampler === 'ddpm' || eta > 0;
  const kept = !adds && samplersFor(config).find((name) => name === sampler);
  const wish = kept ? { sampler: kept, steps } : { sampler: isFlow(config) ? EULER : DDIM };
  const { sampler: name, steps: taken } = adaptSampling(wish, config);
  return { sampler: name, steps: taken, eta: 0 };
}

/** @param {Subject} subject */
const labelOf = ({ options }) => options.labels?.[0] ?? null;

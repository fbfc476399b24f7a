import { isAbort, LabError } from '../lib/errors.js';
import { seedNoise } from '../lib/noise-mix.js';
import { frameAt, isKept, Played, recordedShare } from './playback.js';

/**
 * @import { Frame } from '../worker/protocol.js'
 * @import { SampleRequest } from '../lab.js'
 * @import { Subject } from './selected-sample.js'
 * @typedef {{ state: import('./run.js').RunState, step: number }} Model
 */

/**
 * Records the frames of one sampling run and plays them: live while they arrive, then from memory.
 */
export class Recording extends Played {
  /** @type {Frame[]} */
  frames = [];
  /** Steps of the run that is recorded or being recorded. */
  total = 0;
  /** The place among `frames` of the one shown. */
  position = 0;
  /** The model that they were drawn by, where that was said. @type {Model | undefined} */
  by;
  /** When the newest of them was drawn, in milliseconds since the epoch. */
  drawnAt = 0;
  sampling = false;
  /** What the frames were made with. @type {SampleRequest | undefined} */
  options;
  /** What stands in the place of images of the run. @type {Map<number, Subject>} */
  #replaced = new Map();
  /** @type {AbortController | undefined} */
  #abort;

  constructor() {
    super(() => recordedShare([this]));
  }

  ticked() {
    const position = frameAt(this, this.playback.progress);
    if (position === this.position) return;
    this.position = position;
    this.moved();
  }

  /** @returns {Frame | undefined} */
  get frame() {
    return this.frames[this.position];
  }

  get ended() {
    return this.total > 0 && this.frame?.index === this.total;
  }

  /**
   * @param {import('../lab.js').Lab} lab
   * @param {SampleRequest} options
   * @param {{ play: boolean, by?: Model }} how whether to play it or to show only its end; what
   *   draws
   * @returns {Promise<boolean>} whether it came to its end
   */
  async sample(lab, options, { play, by }) {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    this.sampling = true;
    this.options = options;
    let first = true;
    try {
      for await (const frame of lab.sample({ ...options, signal: abort.signal })) {
        // The old recording stays on the screen until the new one has something to show.
        if (first) this.#begin(frame.total, { play, by });
        first = false;
        this.drawnAt = Date.now();
        this.dispatchEvent(new CustomEvent('recorded', { detail: frame }));
        if (!isKept(frame)) continue;
        this.frames.push(frame);
        if (!play && frame.index === frame.total) this.seekEnd();
        else if (this.position === this.frames.length - 1) this.moved();
      }
      return true;
    } catch (error) {
      if (isAbort(error)) return false;
      throw LabError.from(error);
    } finally {
      if (this.#abort === abort) {
        this.#abort = undefined;
        this.sampling = false;
        this.changed();
      }
    }
  }

  /** Ends a run that is being recorded; what was recorded stays. */
  stop() {
    this.#abort?.abort();
    this.#abort = undefined;
    this.sampling = false;
    this.total = this.frames.at(-1)?.index ?? this.total;
    this.changed();
  }

  play() {
    this.playback.play(this.ended ? 0 : this.#progress);
  }

  seekEnd() {
    this.seek(this.frames.length - 1);
  }

  /** @param {number} position */
  seek(position) {
    this.position = Math.max(0, Math.min(position, this.frames.length - 1));
    this.playback.seek(this.#progress);
    this.moved();
  }

  get #progress() {
    return (this.frame?.index ?? 0) / Math.max(1, this.total);
  }

  // --- single images of it ---

  /** Whether its images are finished. */
  get finished() {
    const last = this.frames.at(-1);
    return last !== undefined && last.index === this.total && !this.sampling;
  }

  /**
   * One of the images, as it is at the end.
   * @param {number} tile
   * @returns {Subject | undefined} nothing before there is an end
   */
  subject(tile) {
    const last = this.frames.at(-1);
    const { options } = this;
    if (!last || !options || !this.finished || tile >= last.count) return undefined;
    const replaced = this.#replaced.get(tile);
    if (replaced) return replaced;
    const { seed = 0, labels = [], ...others } = options;
    const label = labels.length ? [labels[tile % labels.length]] : [];
    return {
      rgb: tileOf(last.x_t, last, tile),
      size: last.size,
      noise: seedNoise(seed, tile),
      options: { ...others, labels: label },
    };
  }

  /**
   * Another image in the place of one.
   * @param {number} tile
   * @param {readonly Frame[]} frames of the other alone
   * @param {Subject} subject
   */
  replace(tile, frames, subject) {
    const size = this.frames.at(-1)?.size;
    if (this.sampling || size !== subject.size) return;
    this.#replaced.set(tile, subject);
    this.frames = this.frames.map((frame) => {
      const place = Math.round((frame.index / Math.max(1, this.total)) * (frames.length - 1));
      const { x_t, pred_x0 } = frames[place];
      return {
        ...frame,
        x_t: withTile(frame.x_t, frame, { tile, rgb: x_t }),
        pred_x0: frame.pred_x0 && withTile(frame.pred_x0, frame, { tile, rgb: pred_x0 ?? x_t }),
      };
    });
    this.changed();
    this.moved();
  }

  /**
   * @param {number} total
   * @param {{ play: boolean, by?: Model }} how
   */
  #begin(total, { play, by }) {
    this.frames = [];
    this.#replaced.clear();
    this.total = total;
    this.by = by;
    this.position = 0;
    if (play) this.playback.play(0);
    else this.playback.pause();
    this.changed();
  }
}

/**
 * @param {Uint8Array} rgb of all
 * @param {{ count: number }} frame
 * @param {number} tile
 */
function tileOf(rgb, { count }, tile) {
  const length = rgb.length / count;
  return rgb.slice(tile * length, (tile + 1) * length);
}

/**
 * @param {Uint8Array} rgb of all
 * @param {{ count: number }} frame
 * @param {{ tile: number, rgb: Uint8Array }} other
 */
function withTile(rgb, { count }, { tile, rgb: own }) {
  const changed = rgb.slice();
  changed.set(own, (tile * rgb.length) / count);
  return changed;
}

import { loadSetRecording } from '../lib/datasets.js';
import { frameAt, Played } from './playback.js';

/**
 * @import { Frame } from '../worker/protocol.js'
 * @typedef {Pick<Frame, 'index' | 'total' | 'count' | 'size' | 'x_t'>} RecordedFrame
 */

/** A recording of what the session is about to draw, shown from the first second until it does. */
export class BundledRecording extends Played {
  /** @type {RecordedFrame[]} */
  #frames = [];
  #position = 0;
  #ended = false;

  constructor() {
    super(() => 1);
  }

  ticked() {
    this.#show(this.playback.progress);
  }

  /** @returns {RecordedFrame | undefined} */
  get frame() {
    return this.#frames[this.#position];
  }

  /**
   * Fetches the recording of a bundled set and plays it in a loop. Without one there is nothing to
   * see, and nothing else is the worse for it.
   *
   * @param {string | null} set the first if null
   * @param {{ still: boolean }} how whether to show only the end
   */
  async load(set, { still }) {
    const frames = await loadSetRecording(set).catch(() => []);
    if (this.#ended || frames.length === 0) return;
    this.#frames = frames;
    this.#position = -1;
    this.#show(still ? 1 : 0);
    if (!still) this.playback.play(0);
  }

  play() {
    this.playback.play(this.playback.progress % 1);
  }

  /** For good: there is something better to see, or nobody to see it. */
  end() {
    this.#ended = true;
    this.#frames = [];
    this.playback.pause();
  }

  /** @param {number} progress share of its length */
  #show(progress) {
    const frames = this.#frames;
    const position = frameAt({ frames, total: frames.length - 1 }, progress);
    if (position === this.#position) return;
    this.#position = position;
    this.moved();
  }
}

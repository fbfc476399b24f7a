import { loadSetRecording } from '../lib/datasets.js';
import { frameAt, Playback } from './playback.js';

/**
 * @typedef {import('../worker/protocol.js').Frame} Frame
 * @typedef {Pick<Frame, 'index' | 'total' | 'count' | 'size' | 'x_t'>} RecordedFrame
 */

/**
 * A recording of what the session is about to draw, shown from the first second until it does.
 * Dispatches `frame` when another frame is to be shown, and `change` when it starts or stops.
 */
export class BundledRecording extends EventTarget {
  /** @type {RecordedFrame[]} */
  #frames = [];
  #position = 0;
  #ended = false;
  #playback = new Playback(() => 1);

  constructor() {
    super();
    this.#playback.addEventListener('tick', () => this.#show(this.#playback.progress));
    this.#playback.addEventListener('change', () => this.dispatchEvent(new Event('change')));
  }

  get playing() {
    return this.#playback.playing;
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
    if (!still) this.#playback.play(0);
  }

  play() {
    this.#playback.play(this.#playback.progress % 1);
  }

  pause() {
    this.#playback.pause();
  }

  /** For good: there is something better to see, or nobody to see it. */
  end() {
    this.#ended = true;
    this.#frames = [];
    this.#playback.pause();
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    this.#playback.setVisible(visible);
  }

  /** @param {number} progress share of its length */
  #show(progress) {
    const frames = this.#frames;
    const position = frameAt({ frames, total: frames.length - 1 }, progress);
    if (position === this.#position) return;
    this.#position = position;
    this.dispatchEvent(new Event('frame'));
  }
}

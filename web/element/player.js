import { isAbort, LabError } from '../lib/errors.js';

/**
 * @typedef {import('../worker/protocol.js').Frame} Frame
 * @typedef {import('../worker/protocol.js').SampleOptions} SampleOptions
 */

/** A whole trajectory takes this long to play, however many steps it has. */
const PLAY_MS = 3200;
/** How long the finished images stand before the film begins again. */
const HOLD_MS = 4000;

/**
 * Records the frames of one sampling run and plays them like a film: live while they arrive, then
 * from memory. Dispatches `frame` when another frame is to be shown and `change` otherwise.
 */
export class Player extends EventTarget {
  /** @type {Frame[]} */
  frames = [];
  /** Steps of the run that is recorded or being recorded. */
  total = 0;
  /** The frame shown. */
  position = 0;
  playing = false;
  sampling = false;
  loop = true;
  /** What the frames were made with. @type {SampleOptions | undefined} */
  options;
  /** Whether anyone can see the film; it stops while nobody does. */
  #visible = true;
  /** @type {AbortController | undefined} */
  #abort;
  #clock = 0;
  #lastTick = 0;

  /** @returns {Frame | undefined} */
  get frame() {
    return this.frames[this.position];
  }

  get ended() {
    return this.total > 0 && this.position >= this.total;
  }

  /**
   * @param {import('../lab.js').Lab} lab
   * @param {SampleOptions} options
   * @param {{ play: boolean }} how whether to play the film or to show only its end
   * @returns {Promise<boolean>} whether it came to its end
   */
  async sample(lab, options, { play }) {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    this.sampling = true;
    this.options = options;
    let first = true;
    try {
      for await (const frame of lab.sample({ ...options, signal: abort.signal })) {
        // The old film stays on the screen until the new one has something to show.
        if (first) this.#begin(frame.total, play);
        first = false;
        this.frames.push(frame);
        this.dispatchEvent(new CustomEvent('recorded', { detail: frame }));
        if (!play && frame.index === frame.total) this.seek(frame.total);
        else if (this.position === this.frames.length - 1) this.#show();
      }
      return true;
    } catch (error) {
      if (isAbort(error)) return false;
      throw LabError.from(error);
    } finally {
      if (this.#abort === abort) {
        this.#abort = undefined;
        this.sampling = false;
        this.#changed();
      }
    }
  }

  /** Ends a run that is being recorded; what was recorded stays. */
  stop() {
    this.#abort?.abort();
    this.#abort = undefined;
    this.sampling = false;
    if (this.frames.length) this.total = this.frames.length - 1;
    this.#changed();
  }

  play() {
    if (this.ended) this.#clock = 0;
    else this.#clock = (this.position / Math.max(1, this.total)) * PLAY_MS;
    this.playing = true;
    this.#run();
    this.#changed();
  }

  pause() {
    this.playing = false;
    this.#changed();
  }

  /** @param {number} position */
  seek(position) {
    this.position = Math.max(0, Math.min(position, this.frames.length - 1));
    this.#clock = (this.position / Math.max(1, this.total)) * PLAY_MS;
    this.#show();
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    this.#visible = visible;
    if (visible && this.playing) this.#run();
  }

  /**
   * @param {number} total
   * @param {boolean} play
   */
  #begin(total, play) {
    this.frames = [];
    this.total = total;
    this.position = 0;
    this.#clock = 0;
    this.playing = play;
    if (play) this.#run();
    this.#changed();
  }

  #running = false;

  #run() {
    if (this.#running) return;
    this.#running = true;
    this.#lastTick = performance.now();
    requestAnimationFrame(this.#tick);
  }

  /** @param {number} now */
  #tick = (now) => {
    if (!this.playing || !this.#visible) {
      this.#running = false;
      return;
    }
    requestAnimationFrame(this.#tick);
    this.#clock += Math.min(now - this.#lastTick, 100);
    this.#lastTick = now;
    // A film that is still being recorded cannot run ahead of its frames.
    const recorded = this.frames.length - 1;
    if (recorded < this.total) {
      this.#clock = Math.min(this.#clock, ((recorded + 0.99) / Math.max(1, this.total)) * PLAY_MS);
    } else if (this.#clock > PLAY_MS + HOLD_MS) {
      if (this.loop) this.#clock = 0;
      else this.pause();
    }
    const wanted = Math.floor((this.#clock / PLAY_MS) * this.total);
    const position = Math.max(0, Math.min(wanted, recorded));
    if (position !== this.position) {
      this.position = position;
      this.#show();
    }
  };

  #show() {
    this.dispatchEvent(new Event('frame'));
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

import { Played } from './playback.js';

/**
 * The drawings of a training run, one after the other: the newest, one that is looked back at, or
 * all of them as a film, which plays once.
 */
export class Film extends Played {
  /** The step of the drawing that is looked back at; nothing while it is the newest. */
  /** @type {number | undefined} */
  #step;
  #preview;

  /** @param {import('./preview.js').Preview} preview that draws them */
  constructor(preview) {
    super(() => 1);
    this.#preview = preview;
    preview.addEventListener('reset', () => this.#reset());
  }

  get #last() {
    return this.#preview.snapshots.length - 1;
  }

  /** The place of the drawing that is shown; -1 where there is none. Older ones may be thinned out. */
  get position() {
    const step = this.#step;
    if (step === undefined) return this.#last;
    const place = this.#preview.snapshots.findLastIndex((snapshot) => snapshot.step <= step);
    return Math.min(Math.max(0, place), this.#last);
  }

  /** @returns {import('./preview.js').Snapshot | undefined} */
  get snapshot() {
    return this.#preview.snapshots[this.position];
  }

  /** Whether an older drawing than the newest is shown. */
  get looksBack() {
    return this.position < this.#last;
  }

  ticked() {
    const { progress } = this.playback;
    const { position } = this;
    this.#show(Math.floor(progress * this.#last + 1e-9));
    if (progress >= 1) this.pause();
    if (this.position !== position) this.moved();
  }

  play() {
    this.playback.play(this.looksBack ? this.position / this.#last : 0);
  }

  /** @param {number} position */
  seek(position) {
    this.pause();
    this.#show(position);
    this.moved();
  }

  /** @param {number} position */
  #show(position) {
    const newest = position >= this.#last;
    this.#step = newest ? undefined : this.#preview.snapshots[Math.max(0, position)]?.step;
  }

  #reset() {
    this.#step = undefined;
    this.pause();
  }
}

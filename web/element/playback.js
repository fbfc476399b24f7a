/** A whole trajectory takes this long to play, however many steps it has. */
const PLAY_MS = 3200;
/** How long the finished images stand before the recording begins again. */
const HOLD_MS = 4000;

/** Memory of one recording; of a longer one, only some of the frames are kept. */
const MAX_BYTES = 128 * 2 ** 20;

/**
 * What is played: frames in order, the last of which has the index `total`. Not all need be there.
 * @typedef {{ frames: readonly { index: number }[], total: number }} Frames
 */

/**
 * Whether a frame is one of those that are kept: the first, the last, and evenly spread ones
 * between.
 * @param {import('../worker/protocol.js').Frame} frame
 */
export function isKept({ index, total, x_t, pred_x0 }) {
  const bytes = (total + 1) * (x_t.length + (pred_x0?.length ?? 0));
  return index === total || index % Math.ceil(bytes / MAX_BYTES) === 0;
}

/**
 * The place among the frames recorded so far of the one to show at a share of its length.
 * @param {Frames} recording
 * @param {number} progress
 */
export const frameAt = ({ frames, total }, progress) =>
  // Products such as 0.29 · 100 fall just short of the frame that they mean.
  Math.max(
    0,
    frames.findLastIndex(({ index }) => index <= progress * total + 1e-9),
  );

/**
 * How far recordings that run together may be played; to the end, 1, only once all are recorded.
 * @param {Frames[]} recordings
 */
export const recordedShare = (recordings) =>
  Math.min(
    ...recordings.map(({ frames, total }) => {
      const last = frames.at(-1);
      if (!last) return 0;
      return last.index >= total ? 1 : (last.index + 0.99) / Math.max(1, total);
    }),
  );

/**
 * The clock of a recording: plays, loops, and waits for frames that are still being recorded.
 * Dispatches `tick` when it has moved and `change` when it starts or stops.
 */
export class Playback extends EventTarget {
  playing = false;
  #clock = 0;
  #lastTick = 0;
  #running = false;
  /** Whether anyone can see it; it stops while nobody does. */
  #visible = true;

  /** @param {() => number} limit how far, in [0, 1], it may play by now */
  constructor(limit) {
    super();
    this.limit = limit;
  }

  /** Share of the recording's length, in [0, 1]. */
  get progress() {
    return Math.min(1, this.#clock / PLAY_MS);
  }

  /** @param {number} progress where to begin, in [0, 1] */
  play(progress) {
    this.seek(progress);
    this.playing = true;
    this.#run();
    this.dispatchEvent(new Event('change'));
  }

  pause() {
    this.playing = false;
    this.dispatchEvent(new Event('change'));
  }

  /** @param {number} progress */
  seek(progress) {
    this.#clock = progress * PLAY_MS;
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    this.#visible = visible;
    if (visible && this.playing) this.#run();
  }

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
    const limit = this.limit();
    if (limit < 1) this.#clock = Math.min(this.#clock, limit * PLAY_MS);
    else if (this.#clock > PLAY_MS + HOLD_MS) this.#clock = 0;
    this.dispatchEvent(new Event('tick'));
  };
}

/**
 * What has a playback. Dispatches `frame` when another frame is to be shown and `change` otherwise.
 */
export class Played extends EventTarget {
  /** @param {() => number} limit of the playback */
  constructor(limit) {
    super();
    this.playback = new Playback(limit);
    this.playback.addEventListener('change', () => this.changed());
    this.playback.addEventListener('tick', () => this.ticked());
  }

  get playing() {
    return this.playback.playing;
  }

  pause() {
    this.playback.pause();
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    this.playback.setVisible(visible);
  }

  /** The playback has moved. */
  ticked() {
    this.moved();
  }

  moved() {
    this.dispatchEvent(new Event('frame'));
  }

  changed() {
    this.dispatchEvent(new Event('change'));
  }
}

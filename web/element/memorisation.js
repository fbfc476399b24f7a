/**
 * Whether samples are copies of training images: of the samples on the screen, and of the previews
 * over training, which are drawn from the same noise every time.
 *
 * @import { Lab } from '../lab.js'
 * @import { MasterImage } from '../lib/decode-images.js'
 * @import { Frame, Nearest } from '../worker/protocol.js'
 *
 * @typedef {object} Match a sample and the training image nearest to it
 * @property {{ rgb: Uint8Array, size: number }} sample
 * @property {MasterImage} image
 * @property {Nearest} nearest
 */

export class Memorisation {
  /** The frame that `matches` belong to. @type {Frame | undefined} */
  frame;
  /** @type {Match[]} */
  matches = [];
  /** Training steps of the previews looked at. @type {number[]} */
  steps = [];
  /** The share of copies among each, 0 to 1. @type {number[]} */
  shares = [];

  get copies() {
    return this.matches.filter(({ nearest }) => nearest.copy).length;
  }

  /** Forgets the previews of a run. */
  clear() {
    this.steps = [];
    this.shares = [];
  }

  /**
   * Looks at a finished batch of samples.
   * @param {Lab} lab
   * @param {Frame} frame
   * @param {() => void} changed
   */
  async *look(lab, frame, changed) {
    const { images } = lab;
    const tile = frame.x_t.length / frame.count;
    /** @type {Match[]} */
    const matches = [];
    for await (const nearest of lab.nearest(frame)) {
      const start = matches.length * tile;
      const sample = { rgb: frame.x_t.slice(start, start + tile), size: frame.size };
      matches.push({ sample, image: images[nearest.index], nearest });
      yield;
    }
    Object.assign(this, { frame, matches });
    changed();
  }

  /**
   * Looks at a finished preview of a training step.
   * @param {Lab} lab
   * @param {{ step: number, frame: Frame }[]} snapshots those still to be looked at; taken from
   * @param {() => void} changed
   */
  async *follow(lab, snapshots, changed) {
    for (let next = snapshots.shift(); next; next = snapshots.shift()) {
      const { steps } = this;
      let copies = 0;
      for await (const nearest of lab.nearest(next.frame)) {
        copies += Number(nearest.copy);
        yield;
      }
      // Forgotten meanwhile, it is of another run.
      if (this.steps !== steps) continue;
      this.steps = [...steps, next.step];
      this.shares = [...this.shares, copies / next.frame.count];
      changed();
    }
  }
}

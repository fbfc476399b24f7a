/**
 * The variational bound of one image over training, in bits per dimension: how well the model could
 * compress it.
 *
 * @import { Lab } from '../lab.js'
 * @import { MasterImage } from '../lib/decode-images.js'
 * @import { BoundPart } from '../worker/protocol.js'
 */

/** Estimates kept; beyond this, every second one goes. */
const MAX_POINTS = 500;

export class BoundCurve {
  /** Timesteps that an estimate is made of. */
  timesteps = 32;
  /** A training image by its position, or another one. @type {number | MasterImage} */
  image = 0;
  /** Estimates by training step, oldest first; each is the last part of its measurement. */
  /** @type {{ step: number, bound: BoundPart }[]} */
  history = [];
  /** The timesteps of the newest estimate, least noise first. @type {BoundPart[]} */
  parts = [];

  /** @returns {BoundPart | undefined} */
  get latest() {
    return this.history.at(-1)?.bound;
  }

  /** @returns {number | undefined} the training step of the newest estimate */
  get step() {
    return this.history.at(-1)?.step;
  }

  /** The image itself. @param {Lab} lab */
  subject({ images }) {
    return typeof this.image === 'number' ? images[this.image] : this.image;
  }

  /** @param {number | MasterImage} image */
  choose(image) {
    this.image = image;
    this.clear();
  }

  clear() {
    this.history = [];
    this.parts = [];
  }

  /**
   * Adds an estimate for the model of this moment once it is complete.
   * @param {Lab} lab
   * @param {() => void} changed
   */
  async *measure(lab, changed) {
    const { image, history } = this;
    const { step } = lab;
    /** @type {BoundPart[]} */
    const parts = [];
    for await (const part of lab.elbo({ image, timesteps: this.timesteps })) {
      parts.unshift(part);
      yield;
    }
    // Forgotten meanwhile, it is of something else.
    if (this.history !== history) return;
    // Measured once more, it takes the place of what it was before.
    const before = history.filter((point) => point.step < step);
    const full = before.length >= MAX_POINTS;
    const kept = full ? before.filter((_, index) => index % 2 === 0) : before;
    this.history = [...kept, { step, bound: parts[0] }];
    this.parts = parts;
    changed();
  }
}

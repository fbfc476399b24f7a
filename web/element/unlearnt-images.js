import { LabError } from '../lib/errors.js';
import { MIN_COMPARED, outliers } from '../lib/outliers.js';

/**
 * Which training images the model denoises far worse than the others, at several noise levels: what it
 * has not learnt yet. Of each image's error there counts what is above that of the ideal denoiser, for
 * the same noise, since under much noise no network could tell images apart.
 *
 * @import { Lab } from '../lab.js'
 * @import { MasterImage } from '../lib/decode-images.js'
 * @import { Weights } from '../worker/protocol.js'
 *
 * @typedef {object} Unlearnt
 * @property {MasterImage} image
 * @property {number} index of it among the images
 * @property {number} times how much its error is of the median
 */

/** Images looked at, evenly chosen: more would take longer than it is worth. */
const MAX_IMAGES = 128;
/** Noise levels, closer together where there is little noise. */
const LEVELS = 4;
/**
 * Beyond so many images the ideal denoiser takes too long. Under little noise it knows each of them, so
 * that its error is none: those levels alone are looked at then.
 */
const MANY = 1000;
const LITTLE_NOISE = 2;
/** While training runs it begins anew after so many times the steps, */
const LATER = 1.5;
/** and this long after it was done, in milliseconds. */
const REST_MS = 15_000;

export class UnlearntImages {
  /** The worst first. @type {Unlearnt[]} */
  found = [];
  /** How many were looked at, and after which step; nothing before it is known. */
  /** @type {{ count: number, step: number } | undefined} */
  looked;
  #lookedAt = -Infinity;
  /** What was found of which images. @type {unknown} */
  #key;
  /** The errors of the ideal denoiser. @type {WeakMap<MasterImage, number[]>} */
  #ideal = new WeakMap();

  /** Forgets the run that was. */
  clear() {
    this.found = [];
    this.looked = undefined;
    this.#lookedAt = -Infinity;
  }

  /**
   * Whether it is time to look.
   * @param {Lab} lab
   * @param {boolean} training
   */
  isDue({ images, step }, training) {
    if (images.length < MIN_COMPARED || step === 0) return false;
    if (!this.looked) return true;
    if (!training) return step !== this.looked.step;
    const rested = performance.now() - this.#lookedAt > REST_MS;
    return rested && step >= LATER * this.looked.step;
  }

  /**
   * Looks for as long as it is time to.
   * @param {Lab} lab
   * @param {string} key what the error of the ideal denoiser depends on beside the images
   * @param {() => boolean} training
   * @param {() => void} changed
   */
  async *measure(lab, key, training, changed) {
    if (key !== this.#key) this.#ideal = new WeakMap();
    this.#key = key;
    while (this.isDue(lab, training())) yield* this.#look(lab, changed);
  }

  /** @param {Lab} lab @param {() => void} changed */
  async *#look(lab, changed) {
    const { images, step } = lab;
    const count = Math.min(MAX_IMAGES, images.length);
    const places = Array.from({ length: count }, (_, i) => Math.floor((i * images.length) / count));
    /** @type {number[][]} */
    const excess = [];
    for (const index of places) {
      const image = images[index];
      const errors = yield* errorsOf(lab, index, 'ema');
      if (images.length > MANY) {
        excess.push(errors.slice(-LITTLE_NOISE));
        continue;
      }
      const ideal = this.#ideal.get(image) ?? (yield* idealErrors(lab, index));
      this.#ideal.set(image, ideal);
      excess.push(errors.map((error, level) => Math.max(0, error - (ideal[level] ?? 0))));
    }
    // Other images than those have nothing of this.
    if (lab.images !== images) return;
    this.found = outliers(excess).map(({ place, times }) => {
      const index = places[place];
      return { image: images[index], index, times };
    });
    this.looked = { count, step };
    this.#lookedAt = performance.now();
    changed();
  }
}

/**
 * Mean squared errors of x_0, the noisiest level first, for the same noise every time.
 * @param {Lab} lab
 * @param {number} image
 * @param {Weights} weights
 * @returns {AsyncGenerator<void, number[], void>}
 */
async function* errorsOf(lab, image, weights) {
  /** @type {number[]} */
  const errors = [];
  for await (const { x0_mse, left } of lab.elbo({ image, weights, timesteps: LEVELS + 1 })) {
    errors.push(x0_mse);
    // The last is t = 0, where there is no noise to speak of.
    if (left <= 1) break;
    yield;
  }
  return errors;
}

/** @param {Lab} lab @param {number} image @returns {AsyncGenerator<void, number[], void>} */
async function* idealErrors(lab, image) {
  try {
    return yield* errorsOf(lab, image, 'ideal');
  } catch (error) {
    // There is none of a process whose variance is learnt.
    if (LabError.from(error).code === 'bad-config') return [];
    throw error;
  }
}

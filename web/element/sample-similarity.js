import { yielder } from '../lib/yield-to-page.js';
import { learnsCrops } from '../lib/config.js';
import { Reference } from '../lib/similarity.js';
import { resizeSquare } from '../lib/resize.js';

/**
 * How much the drawings of a training run are like its images, measured for each of them.
 *
 * @import { Lab } from '../lab.js'
 * @import { Similarity } from '../lib/similarity.js'
 * @import { Preview, Snapshot } from './preview.js'
 */

/** Images compared with, evenly chosen: more would take longer and say little more. */
const MAX_IMAGES = 256;

export class SampleSimilarity {
  /** What the drawings are compared with. @type {{ images: unknown, size: number } | undefined} */
  #subject;
  /** @type {WeakMap<Snapshot, Similarity>} */
  #measured = new WeakMap();

  /** @param {Snapshot | undefined} snapshot */
  of(snapshot) {
    return snapshot && this.#measured.get(snapshot);
  }

  /**
   * Whether a drawing is to be measured.
   * @param {Lab} lab
   * @param {Preview} preview
   */
  lacks(lab, { snapshots }) {
    if (lab.images.length < 2 || learnsCrops(lab.config)) return false;
    return snapshots.some(
      (snapshot) => comparable(snapshot, lab) && !(this.#isOf(lab) && this.of(snapshot)),
    );
  }

  /** @param {Lab} lab */
  #isOf({ images, config }) {
    return this.#subject?.images === images && this.#subject.size === config.size;
  }

  /**
   * Measures what has not been, the newest first.
   * @param {Lab} lab
   * @param {Preview} preview
   * @param {() => void} changed
   */
  async *measure(lab, preview, changed) {
    const { images, config } = lab;
    const { size } = config;
    const yieldToPage = yielder();
    const count = Math.min(MAX_IMAGES, images.length);
    const tile = size * size * 3;
    const rgb = new Uint8Array(count * tile);
    for (let place = 0; place < count; place++) {
      const image = images[Math.floor((place * images.length) / count)];
      rgb.set(resizeSquare(image.rgb, image.size, size), place * tile);
      if (await yieldToPage()) yield;
    }
    const reference = new Reference();
    const parts = reference.measure({ rgb, count, size });
    while (!parts.next().done) if (await yieldToPage()) yield;
    if (!this.#isOf(lab)) this.#measured = new WeakMap();
    this.#subject = { images, size };
    for (;;) {
      const next = preview.snapshots.findLast(
        (snapshot) => comparable(snapshot, lab) && !this.of(snapshot),
      );
      // With other images or another size it begins anew.
      if (!next || !this.#isOf(lab)) return;
      const { x_t, count } = next.frame;
      const parts = reference.compare({ rgb: x_t, count, size });
      let part = parts.next();
      for (; !part.done; part = parts.next()) if (await yieldToPage()) yield;
      this.#measured.set(next, part.value);
      changed();
      await yieldToPage();
      yield;
    }
  }
}

/**
 * @param {Snapshot} snapshot
 * @param {Lab} lab
 */
const comparable = ({ frame }, lab) => frame.size === lab.config.size && frame.count >= 2;

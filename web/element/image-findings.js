import { duplicates, misfits } from '../lib/image-similarity.js';

/**
 * What is noticed about the user's own images: those that are there twice, and those that are unlike
 * the others. Looked for in the background, whenever the images change.
 *
 * @import { MasterImage } from '../lib/decode-images.js'
 */
export class ImageFindings extends EventTarget {
  /** Each of the images that are there more than once, the first first. @type {MasterImage[][]} */
  duplicates = [];
  /** Images that may not belong; a hint and no more. @type {MasterImage[]} */
  misfits = [];
  /** @type {readonly MasterImage[]} */
  #looked = [];
  #looking = new AbortController();
  /** Those that the user says belong. @type {WeakSet<MasterImage>} */
  #kept = new WeakSet();

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    super();
    this.session = session;
    session.watch(['images'], () => this.#look());
  }

  /** All but the first of each. */
  get copies() {
    return this.duplicates.flatMap(([, ...copies]) => copies);
  }

  /** @param {MasterImage[]} images that belong, whatever they look like */
  keep(images) {
    for (const image of images) this.#kept.add(image);
    this.misfits = this.misfits.filter((image) => !this.#kept.has(image));
    this.dispatchEvent(new Event('change'));
  }

  async #look() {
    const { images, dataset } = this.session.imageSet;
    const own = dataset === null ? images : [];
    if (own === this.#looked || (!own.length && !this.#looked.length)) return;
    this.#looked = own;
    this.#looking.abort();
    this.#looking = new AbortController();
    const { signal } = this.#looking;
    // What was found goes at once where it is no longer true.
    const there = new Set(own);
    const present = (/** @type {MasterImage[]} */ some) => some.filter((image) => there.has(image));
    this.duplicates = this.duplicates.map(present).filter(({ length }) => length > 1);
    this.misfits = present(this.misfits);
    try {
      const found = await duplicates(own, signal);
      const unlike = await misfits(own, signal);
      this.duplicates = found;
      this.misfits = unlike.filter((image) => !this.#kept.has(image));
      this.dispatchEvent(new Event('change'));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

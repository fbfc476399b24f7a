import { FavouriteStore } from '../store/favourites.js';
import { packTiles, unpackTiles } from '../store/images.js';
import { inWords } from '../store/runs.js';
import { newId } from '../store/schema.js';

/**
 * @import { Subject } from './selected-sample.js'
 * @typedef {Subject & { id: string, keptAt: number }} Favourite
 */

/** More would fill the screen. */
const MAX_FAVOURITES = 60;

/**
 * The samples that the visitor keeps, in this browser's storage where that is wanted. Dispatches
 * `change`.
 */
export class Favourites extends EventTarget {
  /** The oldest first. @type {Favourite[]} */
  list = [];
  #session;
  #store;

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    super();
    this.#session = session;
    this.#store = new FavouriteStore(session.storedRuns.store.name);
  }

  /** Looks what there is. A browser may forbid the storage: then there is nothing. */
  async load() {
    if (!this.#session.options.persists) return;
    const stored = await this.#store.list().catch(() => []);
    this.list = stored.flatMap(({ id, keptAt, noise, options, ...picture }) => {
      try {
        const { rgb, size } = unpackTiles(picture);
        return [{ id, keptAt, noise, options, rgb, size }];
      } catch {
        // One that is damaged keeps no other back.
        return [];
      }
    });
    this.#changed();
  }

  /** @param {Subject} subject */
  find({ rgb, noise }) {
    return this.list.find(
      (kept) => kept.noise === noise || kept.rgb.every((value, index) => value === rgb[index]),
    );
  }

  /** @param {Subject} subject */
  async add(subject) {
    if (this.find(subject)) return;
    const { rgb, size, noise, options } = subject;
    const favourite = { id: newId(), keptAt: Date.now(), rgb, size, noise, options };
    if (this.list.length >= MAX_FAVOURITES) await this.remove(this.list[0].id);
    this.list = [...this.list, favourite];
    this.#changed();
    const { id, keptAt } = favourite;
    const picture = packTiles({ x_t: rgb, count: 1, size });
    await this.#write(() => this.#store.put({ id, keptAt, noise, options, ...picture }));
  }

  /** @param {string} id */
  async remove(id) {
    this.list = this.list.filter((favourite) => favourite.id !== id);
    this.#changed();
    await this.#write(() => this.#store.remove(id));
  }

  /** @param {() => Promise<unknown>} work */
  async #write(work) {
    if (!this.#session.options.persists) return;
    try {
      await work();
    } catch (error) {
      this.#session.fail(inWords(error), 'favourites');
    }
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

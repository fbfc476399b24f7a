/**
 * The samples that somebody kept, beside the runs of a site.
 *
 * @import { StoredFavourite } from './schema.js'
 */
import { outcome, transact } from './database.js';
import { isFavourite } from './schema.js';

const STORE = 'favourites';

export class FavouriteStore {
  /** @param {string} name of the database */
  constructor(name) {
    this.name = name;
  }

  /**
   * The oldest first; what is none is left alone.
   * @returns {Promise<StoredFavourite[]>}
   */
  async list() {
    const records = await this.#transact('readonly', (store) => outcome(store.getAll()));
    return records.filter(isFavourite).sort((a, b) => a.keptAt - b.keptAt);
  }

  /** @param {StoredFavourite} favourite */
  put(favourite) {
    return this.#transact('readwrite', (store) => outcome(store.put(favourite)));
  }

  /** @param {string} id */
  remove(id) {
    return this.#transact('readwrite', (store) => outcome(store.delete(id)));
  }

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => Promise<T>} work
   */
  #transact(mode, work) {
    return transact(this.name, [STORE], mode, (transaction) =>
      work(transaction.objectStore(STORE)),
    );
  }
}

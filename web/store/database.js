/**
 * Databases of IndexedDB, with promises.
 */
import { upgrade, VERSION } from './schema.js';

/** Those that are open or being opened, by their names. @type {Map<string, Promise<IDBDatabase>>} */
const databases = new Map();

/** @param {string} name */
function open(name) {
  const known = databases.get(name);
  if (known) return known;
  const forget = () => databases.delete(name);
  /** @type {Promise<IDBDatabase>} */
  const opening = new Promise((resolve, reject) => {
    const request = indexedDB.open(name, VERSION);
    request.onupgradeneeded = ({ oldVersion }) => upgrade(request.result, oldVersion);
    request.onsuccess = () => {
      const { result } = request;
      // A browser may close it while the page is in the background: it is opened again when needed.
      result.onclose = forget;
      // Another tab has a newer version of the page.
      result.onversionchange = () => {
        result.close();
        forget();
      };
      resolve(result);
    };
    const fail = (/** @type {unknown} */ reason) => {
      forget();
      reject(reason);
    };
    request.onerror = () => fail(request.error);
    request.onblocked = () => fail(new Error('A tab with an older version holds the storage.'));
  });
  databases.set(name, opening);
  return opening;
}

/**
 * The outcome of a request.
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
export const outcome = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/**
 * One transaction: all of it, on the disk, or nothing.
 *
 * @template T
 * @param {string} name of the database
 * @param {readonly string[]} stores
 * @param {IDBTransactionMode} mode
 * @param {(transaction: IDBTransaction) => T | Promise<T>} work which waits for nothing but requests
 *   of the transaction
 * @returns {Promise<T>}
 */
export async function transact(name, stores, mode, work) {
  const database = await open(name);
  const transaction = database.transaction(stores, mode, { durability: 'strict' });
  /** @type {Promise<void>} */
  const ended = new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('The storage gave up.'));
  });
  // Whoever gives up first is heard below.
  ended.catch(() => {});
  /** @type {T} */
  let result;
  try {
    result = await work(transaction);
  } catch (error) {
    abort(transaction);
    throw transaction.error ?? error;
  }
  await ended;
  return result;
}

/** @param {IDBTransaction} transaction which may be over */
function abort(transaction) {
  try {
    transaction.abort();
  } catch {
    // A request that failed has ended it.
  }
}

/** @param {unknown} error */
export const isQuota = (error) =>
  error instanceof DOMException && error.name === 'QuotaExceededError';

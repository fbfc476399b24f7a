/**
 * What outlives the tab: the user's images and the latest checkpoint of training, in IndexedDB, on
 * this device only.
 *
 * @typedef {import('./decode-images.js').MasterImage} MasterImage
 *
 * @typedef {object} CheckpointRecord
 * @property {string} run whose checkpoint this is
 * @property {number} step
 * @property {Uint8Array} bytes
 * @property {number} savedAt milliseconds since the epoch
 * @property {string | null} dataset bundled set, or null for the user's own images
 * @property {[number[], number[]]} losses steps and smoothed losses of the curve so far
 * @property {string} backend
 */

const DATABASE = 'unnoise';
const VERSION = 1;
/** One run is kept: the latest. */
export const LAST_RUN = 'last';

/** @type {Promise<IDBDatabase> | undefined} */
let opening;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('images', { autoIncrement: true });
      request.result.createObjectStore('checkpoints', { keyPath: 'run' });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

/**
 * @template T
 * @param {'images' | 'checkpoints'} name
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T> | void} work
 * @returns {Promise<T | undefined>}
 */
async function transact(name, mode, work) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(name, mode);
    const request = work(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(request?.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

/** @param {CheckpointRecord} record */
export const putCheckpoint = (record) =>
  transact('checkpoints', 'readwrite', (store) => void store.put(record));

/**
 * @param {string} [run]
 * @returns {Promise<CheckpointRecord | undefined>}
 */
export const getCheckpoint = (run = LAST_RUN) =>
  transact('checkpoints', 'readonly', (store) => store.get(run));

export const clearCheckpoint = () =>
  transact('checkpoints', 'readwrite', (store) => void store.delete(LAST_RUN));

/** Images a transaction: each is copied on the page's thread, which must not stall. */
const CHUNK = 64;

/** @param {readonly MasterImage[]} images */
export async function putImages(images) {
  await transact('images', 'readwrite', (store) => void store.clear());
  for (let start = 0; start < images.length; start += CHUNK) {
    await transact('images', 'readwrite', (store) => {
      for (const { name, size, rgb, label } of images.slice(start, start + CHUNK)) {
        store.add({ name, size, rgb, label });
      }
    });
  }
}

/** @returns {Promise<MasterImage[]>} */
export async function getImages() {
  return (await transact('images', 'readonly', (store) => store.getAll())) ?? [];
}

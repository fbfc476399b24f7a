/**
 * What outlives the tab: of each run its latest checkpoint and its images, in IndexedDB, on this device
 * only.
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

import { Turns } from './turns.js';

const DATABASE = 'unnoise';
/** Raised when the stores change; what older versions kept is then dropped. */
const VERSION = 2;

/** @type {Promise<IDBDatabase> | undefined} */
let opening;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => {
      const { result } = request;
      for (const name of result.objectStoreNames) result.deleteObjectStore(name);
      result.createObjectStore('images', { keyPath: ['run', 'chunk'] });
      result.createObjectStore('checkpoints', { keyPath: 'run' });
    };
    request.onsuccess = () => {
      const { result } = request;
      // A browser may close it while the page is in the background: it is opened again when needed.
      result.onclose = () => (opening = undefined);
      // Another tab has a newer version of the page.
      result.onversionchange = () => {
        result.close();
        opening = undefined;
      };
      resolve(result);
    };
    // Blocked while a tab with an older version is open.
    request.onerror = request.onblocked = () => {
      opening = undefined;
      reject(request.error ?? new Error('Another tab holds the storage.'));
    };
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
 * @param {string} run
 * @returns {Promise<CheckpointRecord | undefined>}
 */
export const getCheckpoint = (run) =>
  transact('checkpoints', 'readonly', (store) => store.get(run));

/** @returns {Promise<CheckpointRecord | undefined>} the run that was saved last */
export async function getLastCheckpoint() {
  const records = (await transact('checkpoints', 'readonly', (store) => store.getAll())) ?? [];
  return records.reduce((a, b) => (a && a.savedAt >= b.savedAt ? a : b), undefined);
}

/** All chunks of a run. @param {string} run */
const chunksOf = (run) => IDBKeyRange.bound([run, 0], [run, Infinity]);

/**
 * Forgets every other run that has not been saved since `time`: a run in another tab is saved every few
 * seconds.
 * @param {string} run
 * @param {number} time milliseconds since the epoch
 */
export async function forgetOthers(run, time) {
  const records = (await transact('checkpoints', 'readonly', (store) => store.getAll())) ?? [];
  for (const other of records) {
    if (other.run !== run && other.savedAt < time) await forgetRun(other.run);
  }
}

/** @param {string} run */
export async function forgetRun(run) {
  await transact('checkpoints', 'readwrite', (store) => void store.delete(run));
  await transact('images', 'readwrite', (store) => void store.delete(chunksOf(run)));
}

/** Images a transaction: each is copied on the page's thread, which must not stall. */
const CHUNK = 64;
const writing = new Turns();

/**
 * Keeps the images of a run in place of those that it had.
 * @param {string} run
 * @param {readonly MasterImage[]} images
 */
export const putImages = (run, images) =>
  writing.take(async () => {
    await transact('images', 'readwrite', (store) => void store.delete(chunksOf(run)));
    for (let start = 0; start < images.length; start += CHUNK) {
      const part = images.slice(start, start + CHUNK);
      const record = {
        run,
        chunk: start / CHUNK,
        images: part.map(({ name, size, rgb, label }) => ({ name, size, rgb, label })),
      };
      await transact('images', 'readwrite', (store) => void store.put(record));
    }
  });

/**
 * @param {string} run
 * @returns {Promise<MasterImage[]>}
 */
export async function getImages(run) {
  const chunks =
    (await transact('images', 'readonly', (store) => store.getAll(chunksOf(run)))) ?? [];
  return chunks.flatMap(({ images }) => images);
}

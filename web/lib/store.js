/**
 * What outlives the tab: of each run its latest checkpoint and its images, in IndexedDB, on this
 * device only.
 *
 * @import { MasterImage } from './decode-images.js'
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

import { SerialQueue } from './serial-queue.js';

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
      const checkpoints = result.createObjectStore('checkpoints', { keyPath: 'run' });
      // Checkpoints are large: which there are is read off their keys.
      checkpoints.createIndex('savedAt', 'savedAt');
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
    const fail = (/** @type {unknown} */ reason) => {
      opening = undefined;
      reject(reason);
    };
    request.onerror = () => fail(request.error);
    request.onblocked = () => fail(new Error('A tab with an older version holds the storage.'));
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

/** @returns {Promise<CheckpointRecord | undefined>} of the run that was saved last */
export async function getLastCheckpoint() {
  const last = await transact('checkpoints', 'readonly', (store) =>
    store.index('savedAt').openKeyCursor(null, 'prev'),
  );
  return last ? getCheckpoint(String(last.primaryKey)) : undefined;
}

/** A name for a run that begins now. Pages without TLS have no `crypto.randomUUID`. */
export const newRun = () => `${Date.now()}-${Math.random().toString(36).slice(2)}`;

/** @param {string} run */
const beganAt = (run) => Number(run.split('-')[0]);

/** All chunks of a run. @param {string} run */
const chunksOf = (run) => IDBKeyRange.bound([run, 0], [run, Infinity]);

/**
 * Forgets every run that was last saved, or that began and was never saved, before this one began.
 * A run that goes on in another tab is saved every few seconds.
 * @param {string} run
 */
export async function forgetOlder(run) {
  const time = beganAt(run);
  const before = IDBKeyRange.upperBound(time, true);
  const [outdated, saved, withImages] = await Promise.all([
    transact('checkpoints', 'readonly', (store) => store.index('savedAt').getAllKeys(before)),
    transact('checkpoints', 'readonly', (store) => store.getAllKeys()),
    transact('images', 'readonly', (store) => store.getAllKeys()),
  ]);
  const runs = new Set((withImages ?? []).map((key) => String(/** @type {unknown[]} */ (key)[0])));
  const abandoned = [...runs].filter((name) => !saved?.includes(name) && beganAt(name) < time);
  for (const other of [...(outdated ?? []).map(String), ...abandoned]) await forgetRun(other);
}

/** @param {string} run */
export async function forgetRun(run) {
  await transact('checkpoints', 'readwrite', (store) => void store.delete(run));
  await transact('images', 'readwrite', (store) => void store.delete(chunksOf(run)));
}

/** Images a transaction: each is copied on the page's thread, which must not stall. */
const CHUNK = 64;
const writing = new SerialQueue();

/**
 * Keeps the images of a run in place of those that it had.
 * @param {string} run
 * @param {readonly MasterImage[]} images
 */
export const putImages = (run, images) =>
  writing.run(async () => {
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

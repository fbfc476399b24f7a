/**
 * Runs that older versions of the page kept: in one database for the whole origin, with the images
 * as raw pixels.
 *
 * | version | `images`                                     | `checkpoints`            |
 * |---------|----------------------------------------------|--------------------------|
 * | 1       | an image a record, keys count up; of one run | `run`, which is `'last'` |
 * | 2       | `[run, chunk]`, up to 64 images a record     | `run`                    |
 *
 * @import { MasterImage } from '../lib/decode-images.js'
 * @import { RunStore } from './runs.js'
 *
 * @typedef {object} OldCheckpoint
 * @property {string} run
 * @property {number} step
 * @property {Uint8Array} bytes
 * @property {number} savedAt
 * @property {string | null} dataset
 * @property {unknown} losses steps and smoothed losses, if nobody has changed them
 * @property {string} backend
 */

import { outcome } from './database.js';
import { packImages } from './images.js';
import { isCurve, isImage, isObject, isRun, isTime } from './schema.js';

const OLD_DATABASE = 'unnoise';

/**
 * Moves the runs of older versions into a store. Each leaves its old place only when it is in the new
 * one; what is no run stays where it is.
 *
 * @param {RunStore} store
 * @param {(dataset: string | null) => string} nameOf a run that learnt from a set or the user's images
 * @returns {Promise<number>} how many were moved
 */
export async function carryOver(store, nameOf) {
  const database = await openOld();
  if (!database) return 0;
  try {
    const checkpoints = await read(database, 'checkpoints');
    let moved = 0;
    for (const checkpoint of checkpoints.filter(isOldCheckpoint)) {
      // One that cannot be moved keeps no other back.
      const whole = await wholeRun(database, checkpoint, nameOf).catch(() => undefined);
      if (!whole || !isRun(whole.record) || !whole.images.every(isImage)) continue;
      await store.add(whole, `old-${checkpoint.run}`);
      await forget(database, checkpoint.run);
      moved++;
    }
    if (await isEmpty(database)) indexedDB.deleteDatabase(OLD_DATABASE);
    return moved;
  } finally {
    database.close();
  }
}

/** Forgets what older versions kept and could not be moved. */
export const removeOld = () => void indexedDB.deleteDatabase(OLD_DATABASE);

/** @returns {Promise<IDBDatabase | undefined>} nothing where there is none */
function openOld() {
  return new Promise((resolve) => {
    const request = indexedDB.open(OLD_DATABASE);
    // It is only now being made: there was none.
    request.onupgradeneeded = () => request.transaction?.abort();
    request.onsuccess = () => {
      const { result } = request;
      result.onversionchange = () => result.close();
      resolve(result);
    };
    request.onerror = () => resolve(undefined);
  });
}

/** @param {unknown} value @returns {value is OldCheckpoint} */
const isOldCheckpoint = (value) =>
  isObject(value) &&
  typeof value.run === 'string' &&
  Number.isSafeInteger(value.step) &&
  isTime(value.savedAt) &&
  value.bytes instanceof Uint8Array;

/**
 * @param {IDBDatabase} database
 * @param {OldCheckpoint} checkpoint
 * @param {(dataset: string | null) => string} nameOf
 * @returns {Promise<import('./schema.js').WholeRun>}
 */
async function wholeRun(database, { run, step, bytes, savedAt, dataset, losses, backend }, nameOf) {
  const set = dataset ?? null;
  const images = set === null ? await packImages(await imagesOf(database, run), '') : [];
  return {
    record: {
      id: run,
      name: nameOf(set),
      beganAt: Number(run.split('-')[0]) || savedAt,
      savedAt,
      usedAt: savedAt,
      revision: 1,
      step,
      backend: backend ?? '',
      dataset: set,
      imageSet: set === null ? '' : null,
      imageCount: images.length,
      config: null,
      settings: [],
      curve: curveOf(losses),
      picture: null,
      bytes: {
        checkpoint: bytes.length,
        images: images.reduce((sum, { png }) => sum + png.length, 0),
        samples: 0,
      },
    },
    checkpoint: bytes,
    images,
    samples: [],
  };
}

/**
 * A curve, empty where what was kept is none: a run is worth more than the picture of its past.
 * @param {unknown} losses
 */
function curveOf(losses) {
  const [steps = [], smoothed = []] = Array.isArray(losses) ? losses : [];
  const curve = {
    steps,
    means: smoothed,
    smoothed,
    average: Array.isArray(smoothed) ? (smoothed.at(-1) ?? 0) : 0,
    weight: smoothed?.length ? 1 : 0,
    seen: Array.isArray(steps) ? (steps.at(-1) ?? 0) : 0,
  };
  const empty = { steps: [], means: [], smoothed: [], average: 0, weight: 0, seen: 0 };
  return isCurve(curve) ? curve : empty;
}

/**
 * @param {IDBDatabase} database
 * @param {string} run
 * @returns {Promise<MasterImage[]>}
 */
async function imagesOf(database, run) {
  const records = await read(database, 'images');
  if (database.version === 1) return records;
  return records.filter((record) => record.run === run).flatMap(({ images }) => images);
}

/**
 * @param {IDBDatabase} database
 * @param {'images' | 'checkpoints'} name
 * @returns {Promise<any[]>}
 */
const read = (database, name) =>
  database.objectStoreNames.contains(name)
    ? outcome(database.transaction(name).objectStore(name).getAll())
    : Promise.resolve([]);

/**
 * @param {IDBDatabase} database
 * @param {string} run
 * @returns {Promise<void>}
 */
function forget(database, run) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(['images', 'checkpoints'], 'readwrite');
    transaction.objectStore('checkpoints').delete(run);
    const images = transaction.objectStore('images');
    if (database.version === 1) images.clear();
    else images.delete(IDBKeyRange.bound([run, 0], [run, Infinity]));
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

/** @param {IDBDatabase} database */
async function isEmpty(database) {
  const names = [...database.objectStoreNames];
  if (!names.length) return true;
  const transaction = database.transaction(names);
  const counts = await Promise.all(
    names.map((name) => outcome(transaction.objectStore(name).count())),
  );
  return counts.every((count) => count === 0);
}

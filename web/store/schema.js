/**
 * What outlives the tab: runs, in IndexedDB, on this device only.
 *
 * | store         | key            | what it has                                              |
 * |---------------|----------------|----------------------------------------------------------|
 * | `runs`        | `id`           | a `RunRecord`: all that their list shows, and no more   |
 * | `checkpoints` | `run`          | a `CheckpointRecord`, megabytes                          |
 * | `images`      | `[set, index]` | a `StoredImage` of a set, which several runs may share   |
 * | `samples`     | `[run, step]`  | a `StoredSample`: what the model drew after so many steps |
 * | `favourites`  | `id`           | a `StoredFavourite`: a sample that somebody kept         |
 *
 * Everything read from a database is checked: anyone may have edited it.
 *
 * @import { Config } from '../lib/config.js'
 * @import { NoiseTerm } from '../worker/protocol.js'
 *
 * @typedef {object} RunRecord
 * @property {string} id
 * @property {string} name
 * @property {number} beganAt milliseconds since the epoch
 * @property {number} savedAt
 * @property {number} usedAt when it was last saved or opened
 * @property {number} revision counts the times it was saved, so that no tab saves over another's work
 * @property {number} step
 * @property {string} backend
 * @property {string | null} dataset bundled set, or null for the user's own images
 * @property {string | null} imageSet of the user's own images
 * @property {number} imageCount of that set
 * @property {Config | null} config null where an older version did not note it
 * @property {[name: string, value: string][]} settings those that differ from the defaults
 * @property {CurveRecord} curve
 * @property {StoredPicture | null} picture the newest of its samples
 * @property {{ checkpoint: number, images: number, samples: number }} bytes
 *
 * @typedef {object} CurveRecord the whole history of a loss, to go on with
 * @property {number[]} steps
 * @property {number[]} means
 * @property {number[]} smoothed
 * @property {number} average
 * @property {number} weight
 * @property {number} seen
 *
 * @typedef {object} CheckpointRecord
 * @property {string} run
 * @property {number} step
 * @property {Uint8Array} bytes
 *
 * @typedef {object} StoredImage
 * @property {string} set
 * @property {number} index
 * @property {string} name
 * @property {string} [label]
 * @property {number} size
 * @property {Uint8Array} png
 *
 * @typedef {object} StoredPicture tiles one below the other
 * @property {number} count
 * @property {number} size of a tile
 * @property {Uint8Array} png
 *
 * @typedef {StoredPicture & { run: string, step: number }} StoredSample
 *
 * @typedef {StoredPicture & FavouriteNote} StoredFavourite
 *
 * @typedef {object} FavouriteNote
 * @property {string} id
 * @property {number} keptAt milliseconds since the epoch
 * @property {NoiseTerm[]} noise that it was drawn from
 * @property {Record<string, unknown>} options that it was drawn with
 *
 * @typedef {object} WholeRun
 * @property {RunRecord} record
 * @property {Uint8Array} checkpoint
 * @property {StoredImage[]} images
 * @property {StoredSample[]} samples
 */

/** Versions 1 and 2 were those of another database, see `migrations.js`. */
export const VERSION = 4;

export const STORES = /** @type {const} */ ([
  'runs',
  'checkpoints',
  'images',
  'samples',
  'favourites',
]);

/**
 * Brings a database to this version, whatever it had before.
 * @param {IDBDatabase} database
 * @param {number} from its version; 0 for a new one
 */
export function upgrade(database, from) {
  if (from < 3) {
    database.createObjectStore('runs', { keyPath: 'id' });
    database.createObjectStore('checkpoints', { keyPath: 'run' });
    database.createObjectStore('images', { keyPath: ['set', 'index'] });
    database.createObjectStore('samples', { keyPath: ['run', 'step'] });
  }
  if (from < 4) database.createObjectStore('favourites', { keyPath: 'id' });
}

/** All records of a run, or of a set of images. @param {IDBValidKey} owner */
export const recordsOf = (owner) => IDBKeyRange.bound([owner, 0], [owner, Infinity]);

/** A name for what begins now. Pages without TLS have no `crypto.randomUUID`. */
export const newId = () => `${Date.now()}-${Math.random().toString(36).slice(2)}`;

export const MAX_NAME = 80;
/** Of names, settings and ids. */
export const MAX_TEXT = 10_000;
/** Settings that differ from the defaults: many times those that there are. */
const MAX_SETTINGS = 1000;
/** Counters are counted on from here. */
const MAX_COUNT = 2 ** 52;
/** Milliseconds since the epoch that are a date. */
const MAX_TIME = 8.64e15;
/** Sides of pictures of a model, and of all tiles one below the other. */
const MAX_TILE = 256;
const MAX_SIDE = 4096;
/** Of the noise of one image, as the core takes them. */
const MAX_TERMS = 64;
/** Many times those of a curve. */
const MAX_POINTS = 100_000;

/** @param {unknown} value @returns {value is Record<string, unknown>} */
export const isObject = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isText = (/** @type {unknown} */ value) =>
  typeof value === 'string' && value.length <= MAX_TEXT;
const isBytes = (/** @type {unknown} */ value) => value instanceof Uint8Array;
const isCount = (/** @type {unknown} */ value) =>
  Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= MAX_COUNT;
/** @param {unknown} value */
export const isTime = (value) =>
  Number.isFinite(value) && Number(value) >= 0 && Number(value) <= MAX_TIME;
/** @param {unknown} value @param {number} most */
const isSide = (value, most) => isCount(value) && Number(value) >= 1 && Number(value) <= most;
const isTextOrNull = (/** @type {unknown} */ value) => value === null || isText(value);
const isNumbers = (/** @type {unknown} */ value) =>
  Array.isArray(value) && value.length <= MAX_POINTS && value.every(Number.isFinite);

/** @param {unknown} value @returns {value is CurveRecord} */
export const isCurve = (value) =>
  isObject(value) &&
  [value.steps, value.means, value.smoothed].every(isNumbers) &&
  [value.average, value.weight, value.seen].every(Number.isFinite) &&
  new Set([value.steps, value.means, value.smoothed].map((list) => Object(list).length)).size === 1;

const isSettings = (/** @type {unknown} */ value) =>
  Array.isArray(value) &&
  value.length <= MAX_SETTINGS &&
  value.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isText));

const isPicture = (/** @type {unknown} */ value) =>
  isObject(value) &&
  isSide(value.size, MAX_TILE) &&
  isSide(value.count, MAX_SIDE) &&
  isSide(Number(value.size) * Number(value.count), MAX_SIDE) &&
  isBytes(value.png);

/** As it is shown. @param {unknown} value @returns {boolean} */
const isSetting = (value) =>
  value === null ||
  ['number', 'boolean'].includes(typeof value) ||
  isText(value) ||
  (Array.isArray(value) && value.every((item) => !Array.isArray(item) && isSetting(item)));

/** @param {unknown} value */
const isSettingsOf = (value) => isObject(value) && Object.values(value).every(isSetting);

const isConfig = (/** @type {unknown} */ value) =>
  isObject(value) &&
  [value.unet, value.scheduler, value.training].every(isSettingsOf) &&
  [value.size, value.seed].every(Number.isFinite) &&
  Array.isArray(value.labels) &&
  value.labels.every(isText);

const isSizes = (/** @type {unknown} */ value) =>
  isObject(value) && [value.checkpoint, value.images, value.samples].every(isCount);

/** @type {{ [K in keyof RunRecord]: (value: unknown) => boolean }} */
const RUN = {
  id: isText,
  name: isText,
  beganAt: isTime,
  savedAt: isTime,
  usedAt: isTime,
  revision: isCount,
  step: isCount,
  backend: isText,
  dataset: isTextOrNull,
  imageSet: isTextOrNull,
  imageCount: isCount,
  config: (value) => value === null || isConfig(value),
  settings: isSettings,
  curve: isCurve,
  picture: (value) => value === null || isPicture(value),
  bytes: isSizes,
};

/** @param {unknown} value @returns {value is RunRecord} */
export const isRun = (value) =>
  isObject(value) && Object.entries(RUN).every(([key, check]) => check(value[key]));

/**
 * A record without whatever else came with it.
 * @param {RunRecord} run
 * @returns {RunRecord}
 */
export const plainRun = (run) =>
  /** @type {any} */ (
    Object.fromEntries(
      Object.keys(RUN).map((key) => [key, run[/** @type {keyof RunRecord} */ (key)]]),
    )
  );

/** @param {unknown} value @returns {value is CheckpointRecord} */
export const isCheckpoint = (value) =>
  isObject(value) && isText(value.run) && isCount(value.step) && isBytes(value.bytes);

/** @param {unknown} value @returns {value is StoredImage} */
export const isImage = (value) =>
  isObject(value) &&
  [value.set, value.name, value.label ?? ''].every(isText) &&
  isCount(value.index) &&
  isSide(value.size, MAX_SIDE) &&
  isBytes(value.png);

/** @param {unknown} value @returns {value is StoredSample} */
export const isSample = (value) =>
  isPicture(value) && isObject(value) && isText(value.run) && isCount(value.step);

const isTerm = (/** @type {unknown} */ value) =>
  isObject(value) && isCount(value.seed) && isCount(value.index) && Number.isFinite(value.weight);

/** @param {unknown} value @returns {value is StoredFavourite} */
export const isFavourite = (value) =>
  isPicture(value) &&
  isObject(value) &&
  value.count === 1 &&
  isText(value.id) &&
  isTime(value.keptAt) &&
  Array.isArray(value.noise) &&
  value.noise.length >= 1 &&
  value.noise.length <= MAX_TERMS &&
  value.noise.every(isTerm) &&
  isSettingsOf(value.options);

import { LabError } from './errors.js';
import { compact } from './format.js';
import { msg } from './localize.js';

/**
 * Telling models from images among files that someone chose or dropped.
 *
 * @typedef {{ file: File, path: string }} GivenFile `path` with the folders that were opened for it
 * @import { ModelFiles } from '../worker/protocol.js'
 *
 * @typedef {object} GivenModel
 * @property {string} name
 * @property {() => Promise<Uint8Array | ModelFiles>} read
 */

/** More than any model has that a browser can compute with. */
export const MAX_MODEL_BYTES = 2 ** 30;

/**
 * What a model is saved as, without an ending.
 * @param {string | null} dataset that it learnt from; null for the user's own images
 * @param {number} step
 */
export const savedName = (dataset, step) => `${dataset ?? 'unnoise'}-step-${step}`;

/** What a file field for models accepts. */
export const MODEL_TYPES = '.safetensors,.zip';

/**
 * Whether the contents of a file of a diffusers folder are looked at; of others it is enough to
 * know that they are there.
 * @param {string} path
 */
export const isRead = (path) => /\.(json|safetensors)$/.test(path);

/**
 * Whether a file may be part of a diffusers folder.
 * @param {string} name
 */
export const isOfFolder = (name) => isRead(name) || name.endsWith('.bin');

/**
 * @param {File} file a checkpoint, or a zip of a diffusers folder
 * @returns {GivenModel}
 */
export const modelFile = (file) => ({
  name: file.name,
  read: async () => {
    requireRoom(file.name, file.size);
    return new Uint8Array(await file.arrayBuffer());
  },
});

/** What a file of a whole run ends with. */
export const RUN_ENDING = '.unnoise';

/**
 * @param {GivenFile[]} given
 * @returns {{ model?: GivenModel, runs: File[], images: GivenFile[] }} the first model, whole runs,
 *   and what is left
 */
export function divideFiles(given) {
  const inFolders = given.filter(({ path }) => path.includes('/') && isOfFolder(path));
  const single = given.find(
    ({ path }) => !path.includes('/') && /\.(safetensors|zip)$/i.test(path),
  );
  const isRun = (/** @type {GivenFile} */ { path }) => path.endsWith(RUN_ENDING);
  const isModel = (/** @type {GivenFile} */ one) => one === single || inFolders.includes(one);
  const runs = given.filter(isRun).map(({ file }) => file);
  const images = given.filter((one) => !isModel(one) && !isRun(one));
  if (single) return { model: modelFile(single.file), runs, images };
  if (inFolders.some(({ path }) => path.endsWith('/config.json'))) {
    return { model: modelFolder(inFolders), runs, images };
  }
  return { runs, images };
}

/**
 * @param {GivenFile[]} given
 * @returns {GivenModel}
 */
const modelFolder = (given) => ({
  name: given[0].path.split('/')[0],
  read: async () => {
    const read = given.filter(({ path }) => isRead(path));
    const bytes = read.reduce((sum, { file }) => sum + file.size, 0);
    requireRoom(given[0].path.split('/')[0], bytes);
    /** @type {ModelFiles} */
    const files = {};
    for (const { file, path } of given) {
      files[path] = new Uint8Array(await (isRead(path) ? file : new Blob()).arrayBuffer());
    }
    return files;
  },
});

/**
 * Before anything is read: the memory of a tab is soon gone.
 * @param {string} name
 * @param {number} bytes
 * @param {number} [limit] in bytes
 */
export function requireRoom(name, bytes, limit = MAX_MODEL_BYTES) {
  if (bytes <= limit) return;
  throw new LabError(
    'too-large',
    msg(
      '{0} has {1}, more than a model that a browser can compute with ({2}). Nothing was ' +
        'changed.',
      name,
      compact(bytes, 'B'),
      compact(limit, 'B'),
    ),
  );
}

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
  read: async () => new Uint8Array(await file.arrayBuffer()),
});

/**
 * @param {GivenFile[]} given
 * @returns {{ model?: GivenModel, images: GivenFile[] }} the first model, and what is left
 */
export function divideFiles(given) {
  const inFolders = given.filter(({ path }) => path.includes('/') && isOfFolder(path));
  const single = given.find(
    ({ path }) => !path.includes('/') && /\.(safetensors|zip)$/i.test(path),
  );
  const isModel = (/** @type {GivenFile} */ one) => one === single || inFolders.includes(one);
  const images = given.filter((one) => !isModel(one));
  if (single) return { model: modelFile(single.file), images };
  if (inFolders.some(({ path }) => path.endsWith('/config.json'))) {
    return { model: modelFolder(inFolders), images };
  }
  return { images };
}

/**
 * @param {GivenFile[]} given
 * @returns {GivenModel}
 */
const modelFolder = (given) => ({
  name: given[0].path.split('/')[0],
  read: async () => {
    /** @type {ModelFiles} */
    const files = {};
    for (const { file, path } of given) {
      files[path] = new Uint8Array(await (isRead(path) ? file : new Blob()).arrayBuffer());
    }
    return files;
  },
});

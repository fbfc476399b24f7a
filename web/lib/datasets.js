import listing from '../samples/index.json';
import { assetAddress, fetchAsset } from './assets.js';
import { channelsOf, withChannels } from './channels.js';
import { decodeSheet } from './decode-images.js';
import { LabError } from './errors.js';
import { msg, translated } from './localize.js';

/**
 * The bundled sets: sheets of square tiles, each with a licence and (once trained) a small model.
 *
 * @typedef {object} BundledSet
 * @property {string} id
 * @property {string} title
 * @property {string} description
 * @property {string} sprites file of the tiles, left to right, top to bottom
 * @property {number} tile side of a tile in pixels
 * @property {number} count
 * @property {number} columns tiles in a row of the file
 * @property {number} native_size size to train at
 * @property {boolean} flip whether mirrored images are as good
 * @property {string} licence
 * @property {string} attribution
 * @property {[label: string, count: number][]} [labels] what the tiles show, in their order
 * @property {string} [model] file of the model
 * @property {{ file: string, frames: number, count: number, size: number }} [film] a recording of
 *   the model's usual sampling: a sheet with a row of `count` tiles for each frame
 * @property {{ file: string, steps: number[] }} [run_lengths] what a model of the set draws after so
 *   many steps of training: a sheet with a picture for each, side by side
 */

export const SETS = /** @type {BundledSet[]} */ (/** @type {unknown} */ (listing));

const assetOf = (/** @type {string} */ file) => `samples/${file}`;

/**
 * The files of a set that are shown, and not read.
 * @param {BundledSet} set
 */
export const picturesOf = ({ sprites, run_lengths }) =>
  run_lengths ? [sprites, run_lengths.file] : [sprites];

/** @param {BundledSet} set */
export const sheetAddress = (set) => assetAddress(assetOf(set.sprites)).href;

/** @param {BundledSet} set */
export async function loadSetImages(set) {
  const sheet = await (await fetchFile(set.sprites)).blob();
  return decodeSheet(sheet, { ...set, title: translated(set.title) });
}

/**
 * @param {BundledSet} set
 * @returns {Promise<Uint8Array | undefined>} undefined where the set has no model yet
 */
export async function loadSetModel(set) {
  if (!set.model) return undefined;
  const response = await fetchAsset(assetOf(set.model));
  // A server may answer a missing file with a page of its own.
  const missing = !response.ok || response.headers.get('content-type')?.includes('text/html');
  return missing ? undefined : new Uint8Array(await response.arrayBuffer());
}

/**
 * @param {string | null} id of a set; the first if null
 * @returns {Promise<import('../element/bundled-recording.js').RecordedFrame[]>} none where the set
 *   has none
 */
export async function loadSetRecording(id) {
  const { film: recording, title } = SETS.find((set) => id === null || set.id === id) ?? {};
  if (!recording || !title) return [];
  const { file, frames, count, size } = recording;
  // It is there to be seen before the megabytes that are asked for at the same time.
  const sheet = await (await fetchFile(file, { priority: 'high' })).blob();
  const layout = { tile: size, count: frames * count, columns: count, title };
  const tiles = await decodeSheet(sheet, layout);
  return Array.from({ length: frames }, (_, index) => {
    const x_t = new Uint8Array(count * size * size * 3);
    for (let image = 0; image < count; image++) {
      const { rgb } = tiles[index * count + image];
      x_t.set(withChannels(rgb, channelsOf(rgb, size), 3), image * size * size * 3);
    }
    return { index, total: frames - 1, count, size, x_t };
  });
}

/**
 * @param {string} name
 * @param {RequestInit} [options]
 */
async function fetchFile(name, options) {
  const response = await fetchAsset(assetOf(name), options).catch(() => undefined);
  if (!response?.ok) {
    throw new LabError(
      'not-found',
      msg(
        'The bundled images could not be fetched ({0}). Check the connection and reload, or ' +
          'add your own images.',
        name,
      ),
    );
  }
  return response;
}

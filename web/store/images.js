/**
 * Pictures in the form in which they are stored, and back.
 *
 * @import { MasterImage } from '../lib/decode-images.js'
 * @import { StoredImage, StoredPicture } from './schema.js'
 */
import { breather } from '../lib/breather.js';
import { LabError } from '../lib/errors.js';
import { decodePng, encodePng } from '../lib/png.js';
import { MAX_TEXT } from './schema.js';

/** Of all images of a run: many times those of a run that was made here, and bearable. */
const MAX_PIXELS = 2 ** 27;
/**
 * @param {readonly MasterImage[]} images
 * @param {string} set its name
 * @returns {Promise<StoredImage[]>}
 */
export async function packImages(images, set) {
  const breathe = breather();
  const packed = [];
  for (const [index, { name, size, rgb, label }] of images.entries()) {
    const shown = name.slice(0, MAX_TEXT);
    packed.push({ set, index, name: shown, size, label, png: encodePng(rgb, size, size) });
    await breathe();
  }
  return packed;
}

/**
 * @param {StoredImage[]} images
 * @returns {Promise<MasterImage[]>}
 */
export async function unpackImages(images) {
  const pixels = images.reduce((sum, { size }) => sum + size ** 2, 0);
  if (pixels > MAX_PIXELS) {
    throw new LabError('too-large', 'This run has more images than a page can hold.');
  }
  const breathe = breather();
  const unpacked = [];
  for (const { name, size, label, png } of images) {
    unpacked.push({ name, size, rgb: decodePng(png, size, size), label });
    await breathe();
  }
  return unpacked;
}

/**
 * @param {{ x_t: Uint8Array, count: number, size: number }} frame
 * @returns {StoredPicture}
 */
export const packTiles = ({ x_t, count, size }) => ({
  count,
  size,
  png: encodePng(x_t, size, size * count),
});

/** @param {StoredPicture} picture */
export const unpackTiles = ({ count, size, png }) => ({
  rgb: decodePng(png, size, size * count),
  count,
  size,
});

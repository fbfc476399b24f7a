/**
 * Pictures in the form in which they are stored, and back.
 *
 * @import { MasterImage } from '../lib/decode-images.js'
 * @import { StoredImage, StoredPicture } from './schema.js'
 */
import { yielder } from '../lib/yield-to-page.js';
import { concat } from '../lib/bytes.js';
import { channelsOfImage } from '../lib/channels.js';
import { LabError } from '../lib/errors.js';
import { msg } from '../lib/localize.js';
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
  const yieldToPage = yielder();
  const packed = [];
  for (const [index, { name, size, rgb, label }] of images.entries()) {
    const shown = name.slice(0, MAX_TEXT);
    packed.push({ set, index, name: shown, size, label, png: encodePng(rgb, size, size) });
    await yieldToPage();
  }
  return packed;
}

/**
 * The same images with their files in one buffer: sent to a worker, ten thousand buffers would stall
 * the page. Whoever stores one takes its part out of it.
 *
 * @param {StoredImage[]} images
 * @returns {StoredImage[]}
 */
export function inOneBuffer(images) {
  const whole = concat(images.map(({ png }) => png));
  let end = 0;
  return images.map((image) => {
    const png = whole.subarray(end, end + image.png.length);
    end += png.length;
    return { ...image, png };
  });
}

/**
 * @param {StoredImage[]} images
 * @returns {Promise<MasterImage[]>}
 */
export async function unpackImages(images) {
  const pixels = images.reduce((sum, { size }) => sum + size ** 2, 0);
  if (pixels > MAX_PIXELS) {
    throw new LabError('too-large', msg('This run has more images than a page can hold.'));
  }
  const yieldToPage = yielder();
  const unpacked = [];
  for (const { name, size, label, png } of images) {
    const image = { name, size, rgb: decodePng(png, size, size), label };
    // Looked at now, and not for all images at once.
    channelsOfImage(image);
    unpacked.push(image);
    await yieldToPage();
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

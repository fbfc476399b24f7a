/**
 * Pictures in the form in which they are stored, and back.
 *
 * @import { MasterImage } from '../lib/decode-images.js'
 * @import { StoredImage, StoredPicture } from './schema.js'
 */
import { LabError } from '../lib/errors.js';
import { decodePng, encodePng } from '../lib/png.js';

/** How long the page may be kept from its other work, in milliseconds. */
const TURN_MS = 8;

/** Gives the page a turn now and then. */
function breather() {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < TURN_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    since = performance.now();
  };
}

/**
 * @param {readonly MasterImage[]} images
 * @param {string} set its name
 * @returns {Promise<StoredImage[]>}
 */
export async function packImages(images, set) {
  const breathe = breather();
  const packed = [];
  for (const [index, { name, size, rgb, label }] of images.entries()) {
    packed.push({ set, index, name, size, label, png: encodePng(rgb, size, size) });
    await breathe();
  }
  return packed;
}

/**
 * @param {StoredImage[]} images
 * @returns {Promise<MasterImage[]>}
 */
export async function unpackImages(images) {
  const breathe = breather();
  const unpacked = [];
  for (const { name, size, label, png } of images) {
    const { rgb, width, height } = decodePng(png);
    if (width !== size || height !== size) throw wrongSize();
    unpacked.push({ name, size, rgb, label });
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
export function unpackTiles({ count, size, png }) {
  const { rgb, width, height } = decodePng(png);
  if (width !== size || height !== size * count) throw wrongSize();
  return { rgb, count, size };
}

const wrongSize = () => new LabError('bad-image', 'A stored picture has another size than noted.');

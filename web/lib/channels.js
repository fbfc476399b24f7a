import { yielder } from './yield-to-page.js';
import { concat } from './bytes.js';
import { luma } from './luma.js';
import { resizeSquare } from './resize.js';

/**
 * Channels of images: 1 of grey ones, 3 of RGB, 4 of RGB and alpha, whose colours are not multiplied by
 * it. Bytes have as many as their number says.
 *
 * @import { MasterImage } from './decode-images.js'
 */

/** Red, green and blue of a grey pixel differ by at most this: nobody sees it, and decoders round. */
const GREY_TOLERANCE = 2;

/**
 * @param {Uint8Array} bytes `count` tiles of `size` × `size`
 * @param {number} size
 * @param {number} [count]
 */
export const channelsOf = (bytes, size, count = 1) => bytes.length / (count * size * size);

/** What images need, once looked at. @type {WeakMap<MasterImage, number>} */
const needed = new WeakMap();

/**
 * The fewest channels that show all there is in an image.
 * @param {MasterImage} image
 */
export function channelsOfImage(image) {
  let channels = needed.get(image);
  if (channels === undefined) {
    channels = channelsOf(image.rgb, image.size);
    if (channels === 3 && isGrey(image.rgb)) channels = 1;
    needed.set(image, channels);
  }
  return channels;
}

/**
 * The fewest channels that show all there is in images: 4 where one is transparent anywhere, or else
 * 1 where all are grey, or else 3.
 * @param {readonly MasterImage[]} images
 */
export function neededChannels(images) {
  if (images.length === 0) return 3;
  return images.reduce((most, image) => Math.max(most, channelsOfImage(image)), 1);
}

/** @param {Uint8Array} rgb */
function isGrey(rgb) {
  for (let at = 0; at < rgb.length; at += 3) {
    const most = Math.max(rgb[at], rgb[at + 1], rgb[at + 2]);
    if (most - Math.min(rgb[at], rgb[at + 1], rgb[at + 2]) > GREY_TOLERANCE) return false;
  }
  return true;
}

/**
 * The bytes of an image at another size and with other channels.
 *
 * @param {Pick<MasterImage, 'rgb' | 'size'>} image
 * @param {number} size
 * @param {number} channels
 */
export function squareOf({ rgb, size: from }, size, channels) {
  return resizeSquare(withChannels(rgb, channelsOf(rgb, from), channels), from, size);
}

/**
 * Images of one size and with the same channels, one after the other. Now and then the page gets a
 * turn, so that it answers while hundreds are scaled.
 *
 * @param {readonly MasterImage[]} images
 * @param {number} size
 * @param {number} channels
 */
export async function packSquares(images, size, channels) {
  const tile = size * size * channels;
  const bytes = new Uint8Array(images.length * tile);
  const yieldToPage = yielder();
  for (const [index, image] of images.entries()) {
    bytes.set(squareOf(image, size, channels), index * tile);
    await yieldToPage();
  }
  return bytes;
}

/**
 * Images as they are, one after the other, and the height and width of each: crops are taken of them.
 *
 * @param {readonly MasterImage[]} images
 * @param {number} channels
 */
export function packPictures(images, channels) {
  const pixels = images.map(({ rgb, size }) => withChannels(rgb, channelsOf(rgb, size), channels));
  const shapes = Uint32Array.from(images.flatMap(({ size }) => [size, size]));
  return { bytes: concat(pixels), shapes };
}

/**
 * The same pixels with other channels: what is transparent on white, where no alpha is wanted.
 *
 * @param {Uint8Array} bytes
 * @param {number} from
 * @param {number} to
 */
export function withChannels(bytes, from, to) {
  if (from === to) return bytes;
  const pixels = bytes.length / from;
  const converted = new Uint8Array(pixels * to);
  // Where a grey pixel has its green and blue.
  const step = from === 1 ? 0 : 1;
  const rgb = [0, 0, 0];
  for (let pixel = 0; pixel < pixels; pixel++) {
    const source = pixel * from;
    const target = pixel * to;
    const alpha = from === 4 ? bytes[source + 3] / 255 : 1;
    const white = 255 * (1 - alpha);
    for (let channel = 0; channel < 3; channel++) {
      rgb[channel] = Math.round(bytes[source + channel * step] * alpha + white);
      if (to > 1) converted[target + channel] = rgb[channel];
    }
    if (to === 1) converted[target] = Math.round(luma(rgb));
    if (to === 4) converted[target + 3] = 255;
  }
  return converted;
}

import { breather } from './breather.js';

/**
 * Scales a square RGB image by averaging over areas: every source pixel counts once, edges do not
 * ring, and (unlike a browser's own scaling) every machine gets the same bytes, so that a link
 * reproduces a run.
 *
 * @param {Uint8Array} rgb
 * @param {number} from side of the source
 * @param {number} to side of the result
 * @returns {Uint8Array}
 */
export function resizeSquare(rgb, from, to) {
  if (from === to) return rgb;
  const weights = areaWeights(from, to);
  const rows = new Float32Array(from * to * 3);
  for (let y = 0; y < from; y++) {
    for (let x = 0; x < to; x++) accumulate(rgb, y * from, 1, weights[x], rows, (y * to + x) * 3);
  }
  const result = new Float32Array(to * to * 3);
  for (let y = 0; y < to; y++) {
    for (let x = 0; x < to; x++) accumulate(rows, x, to, weights[y], result, (y * to + x) * 3);
  }
  return Uint8Array.from(result, (value) => Math.round(value));
}

/**
 * @param {ArrayLike<number>} source
 * @param {number} start first pixel of the line
 * @param {number} stride pixels from one to the next
 * @param {{ first: number, weights: number[] }} span
 * @param {Float32Array} target
 * @param {number} at
 */
function accumulate(source, start, stride, span, target, at) {
  for (let i = 0; i < span.weights.length; i++) {
    const pixel = (start + (span.first + i) * stride) * 3;
    for (let channel = 0; channel < 3; channel++) {
      target[at + channel] += span.weights[i] * source[pixel + channel];
    }
  }
}

/**
 * For each target pixel, the source pixels below it and the share of each.
 * @param {number} from
 * @param {number} to
 */
function areaWeights(from, to) {
  const scale = from / to;
  return Array.from({ length: to }, (_, index) => {
    const begin = index * scale;
    const end = begin + scale;
    const first = Math.floor(begin);
    const weights = [];
    for (let pixel = first; pixel < Math.min(from, Math.ceil(end - 1e-9)); pixel++) {
      weights.push((Math.min(end, pixel + 1) - Math.max(begin, pixel)) / scale);
    }
    return { first, weights };
  });
}

/**
 * Images scaled to one size, one after the other. Now and then the page gets a turn, so that it
 * answers while hundreds are scaled.
 *
 * @param {readonly import('./decode-images.js').MasterImage[]} images
 * @param {number} size
 */
export async function packSquares(images, size) {
  const tile = size * size * 3;
  const bytes = new Uint8Array(images.length * tile);
  const breathe = breather();
  for (const [index, image] of images.entries()) {
    bytes.set(resizeSquare(image.rgb, image.size, size), index * tile);
    await breathe();
  }
  return bytes;
}

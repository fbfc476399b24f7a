/**
 * Scales a square image by averaging over areas: every source pixel counts once, or as much as its
 * alpha, edges do not ring, and (unlike a browser's own scaling) every machine gets the same bytes, so
 * that a link reproduces a run.
 *
 * @param {Uint8Array} bytes grey, RGB, or RGB and alpha
 * @param {number} from side of the source
 * @param {number} to side of the result
 * @returns {Uint8Array}
 */
export function resizeSquare(bytes, from, to) {
  if (from === to) return bytes;
  const channels = bytes.length / (from * from);
  const source = channels === 4 ? timesAlpha(bytes) : bytes;
  const weights = areaWeights(from, to);
  const rows = new Float32Array(from * to * channels);
  for (let y = 0; y < from; y++) {
    for (let x = 0; x < to; x++) {
      accumulate(source, { start: y * from, stride: 1, channels }, weights[x], rows, y * to + x);
    }
  }
  const result = new Float32Array(to * to * channels);
  for (let y = 0; y < to; y++) {
    for (let x = 0; x < to; x++) {
      accumulate(rows, { start: x, stride: to, channels }, weights[y], result, y * to + x);
    }
  }
  if (channels === 4) divideByAlpha(result);
  return Uint8Array.from(result, (value) => Math.round(value));
}

/** @param {Uint8Array} rgba */
function timesAlpha(rgba) {
  const scaled = Float32Array.from(rgba);
  for (let at = 0; at < scaled.length; at += 4) {
    for (let channel = 0; channel < 3; channel++) scaled[at + channel] *= scaled[at + 3] / 255;
  }
  return scaled;
}

/** @param {Float32Array} rgba whose colours are multiplied by alpha, and then no more */
function divideByAlpha(rgba) {
  for (let at = 0; at < rgba.length; at += 4) {
    const alpha = rgba[at + 3] / 255;
    for (let channel = 0; channel < 3; channel++) {
      rgba[at + channel] = alpha > 0 ? Math.min(255, rgba[at + channel] / alpha) : 0;
    }
  }
}

/**
 * @typedef {object} Line of pixels
 * @property {number} start the first
 * @property {number} stride from one to the next
 * @property {number} channels
 *
 * @param {ArrayLike<number>} source
 * @param {Line} line of the source
 * @param {{ first: number, weights: number[] }} span
 * @param {Float32Array} target
 * @param {number} place the pixel of the target
 */
function accumulate(source, { start, stride, channels }, span, target, place) {
  const at = place * channels;
  for (let i = 0; i < span.weights.length; i++) {
    const pixel = (start + (span.first + i) * stride) * channels;
    for (let channel = 0; channel < channels; channel++) {
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

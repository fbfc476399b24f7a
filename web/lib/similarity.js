import { channelsOf, withChannels } from './channels.js';

/**
 * How much a set of drawings is like a set of images, by two statistics that need no network:
 *
 * - the maximum mean discrepancy (Gretton et al. 2012): the unbiased estimate of MMD² between both
 *   sets, times 1000, with a sum of three Gaussian kernels whose widths are 0.1, 0.3 and 1 times the
 *   median of the squared distances among the images. Of two views: `layout`, the averages of 8 × 8
 *   cells, and `edges`, the averages of the differences between neighbouring pixels in such cells.
 *   0 is what new images of the same kind have on average; an estimate may be below.
 * - `contrast`: the mean square of what an image consists of at three scales, as a share of that of
 *   the images. `colours` is the average colour of a picture, less that of all images; `layout` is
 *   what 8 × 8 cells add to that, and `detail` what the pixels add to the cells.
 *
 * @typedef {{ rgb: Uint8Array, count: number, size: number }} Tiles
 * @typedef {(typeof VIEWS)[number]} View
 * @typedef {(typeof SCALES)[number]} Scale
 * @typedef {Record<View, Float32Array[]>} Features of each image
 *
 * @typedef {object} Estimate
 * @property {number} value
 * @property {number | undefined} error how far chance alone takes it, as a standard deviation
 *
 * @typedef {object} Similarity
 * @property {Record<View, Estimate>} distance
 * @property {Record<Scale, Estimate | undefined>} contrast 1 is that of the images; nothing where
 *   those have none
 */

export const VIEWS = /** @type {const} */ (['layout', 'edges']);
export const SCALES = /** @type {const} */ (['colours', 'layout', 'detail']);

/** Cells in a line. */
const CELLS = 8;
/** Widths of the kernels, in medians of the squared distance. */
const WIDTHS = [0.1, 0.3, 1];
/** Below the rounding of bytes, squared. */
const MIN_ENERGY = 0.1;
/** Sets drawn from the images themselves, to see what chance does. */
const TRIALS = 32;

/**
 * Averages of square cells.
 * @param {ArrayLike<number>} values `channels` of each pixel, row by row
 * @param {number} size
 * @param {number} channels
 */
function pool(values, size, channels) {
  const cells = Math.min(CELLS, size);
  const sums = new Float32Array(cells * cells * channels);
  const counts = new Float32Array(cells * cells);
  const cellOf = (/** @type {number} */ place) => Math.floor((place * cells) / size);
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const cell = cellOf(y) * cells + cellOf(x);
      counts[cell]++;
      for (let c = 0; c < channels; c++, at++) sums[cell * channels + c] += values[at];
    }
  }
  return sums.map((sum, index) => sum / counts[Math.floor(index / channels)]);
}

/**
 * The largest difference of a channel to the pixel on the right, and to the one below.
 * @param {Uint8Array} rgb
 * @param {number} size
 */
function differences(rgb, size) {
  const both = new Float32Array(size * size * 2);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const at = y * size + x;
      for (let c = 0; c < 3; c++) {
        const value = rgb[at * 3 + c];
        const right = x + 1 < size ? Math.abs(rgb[(at + 1) * 3 + c] - value) : 0;
        const below = y + 1 < size ? Math.abs(rgb[(at + size) * 3 + c] - value) : 0;
        both[at * 2] = Math.max(both[at * 2], right);
        both[at * 2 + 1] = Math.max(both[at * 2 + 1], below);
      }
    }
  }
  return both;
}

/** @param {Tiles} tiles */
const each = ({ rgb, count, size }) => {
  const tile = size * size * 3;
  const shown = withChannels(rgb, channelsOf(rgb, size, count), 3);
  return Array.from({ length: count }, (_, index) =>
    shown.subarray(index * tile, (index + 1) * tile),
  );
};

/**
 * @param {Uint8Array} image
 * @param {number} size
 * @returns {Record<View, Float32Array>}
 */
const featuresOf = (image, size) => ({
  layout: pool(image, size, 3),
  edges: pool(differences(image, size), size, 2),
});

/**
 * @param {Uint8Array} image
 * @param {number} size
 * @param {Float32Array} cells its layout
 * @param {ArrayLike<number>} usual the average colour of the images
 * @returns {Record<Scale, number>}
 */
function energiesOf(image, size, cells, usual) {
  const colour = colourOf(cells);
  const side = Math.min(CELLS, size);
  const mean = (
    /** @type {ArrayLike<number>} */ values,
    /** @type {(i: number) => number} */ of,
  ) => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += (values[i] - of(i)) ** 2;
    return sum / values.length;
  };
  const cellOf = (/** @type {number} */ place) => Math.floor((place * side) / size);
  const ofPixel = (/** @type {number} */ i) => {
    const pixel = Math.floor(i / 3);
    const cell = cellOf(Math.floor(pixel / size)) * side + cellOf(pixel % size);
    return cells[cell * 3 + (i % 3)];
  };
  return {
    colours: mean(colour, (i) => usual[i]),
    layout: mean(cells, (i) => colour[i % 3]),
    detail: mean(image, ofPixel),
  };
}

/** @param {Float32Array} cells */
function colourOf(cells) {
  const sums = [0, 0, 0];
  for (const [index, value] of cells.entries()) sums[index % 3] += value;
  return sums.map((sum) => (sum * 3) / cells.length);
}

/**
 * @param {Float32Array} a
 * @param {Float32Array} b
 */
function squaredDistance(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum;
}

/** @param {number} distance in medians */
const kernel = (distance) => WIDTHS.reduce((sum, width) => sum + Math.exp(-distance / width), 0);

/** @param {number[]} values */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of the average of independent values. @param {number[]} values */
function standardError(values) {
  if (values.length < 2) return undefined;
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1) / values.length);
}

/** The images that drawings are compared with: what of it does not depend on the drawings. */
export class Reference {
  /** @type {Features} */
  #features = { layout: [], edges: [] };
  /** Sums of kernels between the images, row by row. @type {Record<View, Float32Array>} */
  #kernels = { layout: new Float32Array(), edges: new Float32Array() };
  /** Of the squared distances. @type {Record<View, number>} */
  #medians = { layout: 0, edges: 0 };
  /** @type {number[]} */
  #colour = [];
  /** @type {Record<Scale, number>} */
  #energies = { colours: 0, layout: 0, detail: 0 };
  /** By the number of drawings, what chance does. @type {Map<string, number>} */
  #errors = new Map();

  /**
   * Measures in parts; it is finished when the generator is.
   * @param {Tiles} tiles at least two
   */
  *measure(tiles) {
    const { count, size } = tiles;
    const images = each(tiles);
    for (const image of images) {
      const features = featuresOf(image, size);
      for (const view of VIEWS) this.#features[view].push(features[view]);
      yield;
    }
    const colours = this.#features.layout.map(colourOf);
    this.#colour = [0, 1, 2].map((channel) => mean(colours.map((colour) => colour[channel])));
    for (const [index, image] of images.entries()) {
      const own = energiesOf(image, size, this.#features.layout[index], this.#colour);
      for (const scale of SCALES) this.#energies[scale] += own[scale] / count;
      yield;
    }
    for (const view of VIEWS) {
      const features = this.#features[view];
      const distances = new Float32Array(count * count);
      for (let i = 0; i < count; i++) {
        for (let j = 0; j < i; j++) {
          const distance = squaredDistance(features[i], features[j]);
          distances[i * count + j] = distances[j * count + i] = distance;
        }
        yield;
      }
      const sorted = distances.slice().sort();
      yield;
      const middle = (count * count) / 2;
      const median = (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
      // Where most images are the same there is no scale to measure by.
      this.#medians[view] = median || 1;
      for (let i = 0; i < count; i++) {
        for (let j = i * count; j < (i + 1) * count; j++) {
          distances[j] = kernel(distances[j] / this.#medians[view]);
        }
        yield;
      }
      this.#kernels[view] = distances;
    }
  }

  get #count() {
    return this.#features.layout.length;
  }

  /**
   * Compares in parts, and returns the outcome.
   * @param {Tiles} tiles drawings of the size of the images, at least two
   * @returns {Generator<void, Similarity, void>}
   */
  *compare(tiles) {
    const { count, size } = tiles;
    /** @type {Features} */
    const features = { layout: [], edges: [] };
    /** @type {Record<Scale, number[]>} */
    const shares = { colours: [], layout: [], detail: [] };
    for (const image of each(tiles)) {
      const own = featuresOf(image, size);
      for (const view of VIEWS) features[view].push(own[view]);
      const energies = energiesOf(image, size, own.layout, this.#colour);
      for (const scale of SCALES) shares[scale].push(energies[scale] / this.#energies[scale]);
      yield;
    }
    for (const view of VIEWS) yield* this.#trials(view, count);
    const distance = (/** @type {View} */ view) => ({
      value: this.#distance(view, features[view]),
      error: this.#errors.get(`${view} ${count}`),
    });
    const contrast = (/** @type {Scale} */ scale) =>
      // Images of one colour have no detail to compare with.
      this.#energies[scale] < MIN_ENERGY
        ? undefined
        : { value: mean(shares[scale]), error: standardError(shares[scale]) };
    return {
      distance: { layout: distance('layout'), edges: distance('edges') },
      contrast: {
        colours: contrast('colours'),
        layout: contrast('layout'),
        detail: contrast('detail'),
      },
    };
  }

  /**
   * @param {View} view
   * @param {Float32Array[]} drawn
   */
  #distance(view, drawn) {
    const median = this.#medians[view];
    const pairs = (/** @type {Float32Array[]} */ others) =>
      drawn.map((a) => others.reduce((sum, b) => sum + kernel(squaredDistance(a, b) / median), 0));
    const sum = (/** @type {number[]} */ values) => values.reduce((a, b) => a + b, 0);
    const all = Array.from({ length: this.#count }, (_, index) => index);
    return discrepancy({
      own: sum(pairs(drawn)) - drawn.length * kernel(0),
      cross: sum(pairs(this.#features[view])),
      theirs: this.#sum(view, all, all) - this.#count * kernel(0),
      counts: [drawn.length, this.#count],
    });
  }

  /**
   * Finds the standard deviation of what as many images have, compared with the others.
   * @param {View} view
   * @param {number} count
   */
  *#trials(view, count) {
    const key = `${view} ${count}`;
    const total = this.#count;
    // Of fewer the sets would be nearly the same.
    if (this.#errors.has(key) || total < 2 * count || count < 2) return;
    let squares = 0;
    for (let trial = 0; trial < TRIALS; trial++) {
      const order = shuffled(total, trial);
      const [set, rest] = [order.slice(0, count), order.slice(count)];
      const value = discrepancy({
        own: this.#sum(view, set, set) - count * kernel(0),
        cross: this.#sum(view, set, rest),
        theirs: this.#sum(view, rest, rest) - rest.length * kernel(0),
        counts: [count, rest.length],
      });
      squares += value ** 2;
      yield;
    }
    this.#errors.set(key, Math.sqrt(squares / TRIALS));
  }

  /**
   * @param {View} view
   * @param {number[]} rows
   * @param {number[]} columns
   */
  #sum(view, rows, columns) {
    const kernels = this.#kernels[view];
    const count = this.#count;
    let sum = 0;
    for (const row of rows) for (const column of columns) sum += kernels[row * count + column];
    return sum;
  }
}

/**
 * The unbiased estimate from sums of kernels within two sets, themselves left out, and between them.
 * @param {{ own: number, cross: number, theirs: number, counts: [number, number] }} sums
 */
const discrepancy = ({ own, cross, theirs, counts: [m, n] }) =>
  1000 * (own / (m * (m - 1)) + theirs / (n * (n - 1)) - (2 * cross) / (m * n));

/**
 * An order of so many, the same every time.
 * @param {number} count
 * @param {number} seed
 */
function shuffled(count, seed) {
  const order = Array.from({ length: count }, (_, index) => index);
  let state = seed + 1;
  for (let last = count - 1; last > 0; last--) {
    // Numerical Recipes' linear congruential generator.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

import { yielder } from './yield-to-page.js';
import { squareOf } from './channels.js';
import { luma } from './luma.js';

/**
 * Which images of a set are the same picture, and which are unlike all others: by small copies of
 * them, with no model and nothing fetched. Both are hints; nothing is done about them here.
 *
 * @import { MasterImage } from './decode-images.js'
 *
 * @typedef {object} Look what is compared of an image
 * @property {Uint8Array} small RGB, `SMALL` pixels a side
 * @property {number[]} [fine] how bright it is at `FINE` × `FINE` places, where that was needed
 * @property {[number, number]} bits whether it grows brighter to the right, at 8 × 8 places: the
 *   difference hash of Krawetz 2013
 */

const SMALL = 8;
/** Levels of 255 that are brighter: less is what saving as JPEG changes, and would turn bits at random. */
const BRIGHTER = 4;
/** Bits of the hash in which two copies of a picture may differ, out of 64. */
const MAX_BITS = 4;
/** And how far their small copies, on average of the bytes: what saving as JPEG changes. */
const MAX_DIFFERENCE = 2;
/** Two faces that differ in the mouth are no copies: in larger copies no place may be brighter by more. Colours
 * are compared in the small ones alone, since JPEG blurs them. */
const FINE = 16;
const MAX_FINE_DIFFERENCE = 20;

/** Fewer images have no usual look. */
const MIN_FOR_MISFITS = 8;
/** Images that each is compared with: enough to say what is usual, however many there are. */
const MAX_REFERENCES = 400;
/** An image is as far from the others as from this one of its neighbours, nearest first. */
const NEIGHBOUR = 3;
/** Median absolute deviations, and times the median, beyond which it does not fit. */
const MAX_DEVIATIONS = 6;
const MAX_RATIO = 1.6;
/** More than this share of the images are no exceptions, but another kind. */
const MAX_SHARE = 0.1;

/** @type {WeakMap<MasterImage, Look>} */
const looks = new WeakMap();

/**
 * @param {readonly MasterImage[]} images
 * @param {AbortSignal} signal ends it
 */
async function looksOf(images, signal) {
  const yieldToPage = yielder();
  /** @type {Look[]} */
  const all = [];
  for (const image of images) {
    let look = looks.get(image);
    if (!look) looks.set(image, (look = lookOf(image)));
    all.push(look);
    await yieldToPage();
    signal.throwIfAborted();
  }
  return all;
}

/** @param {MasterImage} image @returns {Look} */
function lookOf(image) {
  const small = squareOf(image, SMALL, 3);
  const wide = squareOf(image, SMALL + 1, 3);
  /** @type {[number, number]} */
  const bits = [0, 0];
  for (let place = 0; place < SMALL * SMALL; place++) {
    const at = (Math.floor(place / SMALL) * (SMALL + 1) + (place % SMALL)) * 3;
    const brighter = luma(wide, at + 3) - luma(wide, at) > BRIGHTER;
    if (brighter) bits[place >> 5] |= 1 << (place & 31);
  }
  return { small, bits };
}

/**
 * The images that are there more than once: each group the first first.
 *
 * @param {readonly MasterImage[]} images
 * @param {AbortSignal} signal ends it
 * @returns {Promise<MasterImage[][]>}
 */
export async function duplicates(images, signal) {
  const all = await looksOf(images, signal);
  const yieldToPage = yielder();
  /** By the first of a group. @type {Map<number, number[]>} */
  const groups = new Map();
  const grouped = new Set();
  for (let first = 0; first < all.length; first++) {
    if (grouped.has(first)) continue;
    for (let other = first + 1; other < all.length; other++) {
      if (grouped.has(other) || !seemsCopy(all[first], all[other])) continue;
      // Of images that are much alike, each seems a copy of hundreds.
      await yieldToPage();
      signal.throwIfAborted();
      if (!isCopy(images[first], images[other])) continue;
      groups.set(first, [...(groups.get(first) ?? [first]), other]);
      grouped.add(other);
    }
    await yieldToPage();
    signal.throwIfAborted();
  }
  return [...groups.values()].map((group) => group.map((index) => images[index]));
}

/**
 * @param {Look} a
 * @param {Look} b
 */
function seemsCopy(a, b) {
  const differing = ones(a.bits[0] ^ b.bits[0]) + ones(a.bits[1] ^ b.bits[1]);
  if (differing > MAX_BITS) return false;
  let sum = 0;
  for (let at = 0; at < a.small.length; at++) sum += Math.abs(a.small[at] - b.small[at]);
  return sum <= MAX_DIFFERENCE * a.small.length;
}

/**
 * @param {MasterImage} a
 * @param {MasterImage} b
 */
function isCopy(a, b) {
  const [one, other] = [fineOf(a), fineOf(b)];
  return one.every((value, at) => Math.abs(value - other[at]) <= MAX_FINE_DIFFERENCE);
}

/** @param {MasterImage} image */
function fineOf(image) {
  const look = /** @type {Look} */ (looks.get(image));
  if (!look.fine) {
    const rgb = squareOf(image, FINE, 3);
    look.fine = Array.from({ length: FINE * FINE }, (_, place) => luma(rgb, place * 3));
  }
  return look.fine;
}

/** How many bits of a number of 32 are set. @param {number} bits */
function ones(bits) {
  let pairs = bits - ((bits >>> 1) & 0x55555555);
  pairs = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return (((pairs + (pairs >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

/**
 * The images that are much farther from all others than is usual among them.
 *
 * @param {readonly MasterImage[]} images
 * @param {AbortSignal} signal ends it
 * @returns {Promise<MasterImage[]>} the farthest first
 */
export async function misfits(images, signal) {
  if (images.length < MIN_FOR_MISFITS) return [];
  const all = await looksOf(images, signal);
  const stride = Math.ceil(all.length / MAX_REFERENCES);
  const references = all.filter((_, index) => index % stride === 0);
  const yieldToPage = yielder();
  /** @type {number[]} */
  const distances = [];
  for (const look of all) {
    distances.push(distanceTo(look, references));
    await yieldToPage();
    signal.throwIfAborted();
  }
  const usual = median(distances);
  const spread = median(distances.map((distance) => Math.abs(distance - usual)));
  const limit = Math.max(usual + MAX_DEVIATIONS * spread, MAX_RATIO * usual);
  const found = images
    .map((image, index) => ({ image, distance: distances[index] }))
    .filter(({ distance }) => distance > limit)
    .sort((a, b) => b.distance - a.distance);
  return found.length > MAX_SHARE * images.length ? [] : found.map(({ image }) => image);
}

/**
 * The distance to one of the nearest, itself not counted.
 * @param {Look} look
 * @param {Look[]} references
 */
function distanceTo(look, references) {
  /** The nearest, in ascending order. @type {number[]} */
  const nearest = [];
  for (const other of references) {
    if (other === look) continue;
    const farthest = nearest[NEIGHBOUR - 1] ?? Infinity;
    const distance = squaredDistance(look.small, other.small, farthest);
    if (distance >= farthest) continue;
    nearest.push(distance);
    nearest.sort((a, b) => a - b);
    nearest.length = Math.min(NEIGHBOUR, nearest.length);
  }
  return Math.sqrt(nearest.at(-1) ?? 0);
}

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 * @param {number} enough beyond which it is not needed exactly
 */
function squaredDistance(a, b, enough) {
  let sum = 0;
  for (let at = 0; at < a.length && sum < enough; at++) sum += (a[at] - b[at]) ** 2;
  return sum;
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/**
 * Masks: a byte for each pixel of a square image, row by row; 1 where it is to be filled in and 0
 * where it is kept. They are not changed in place.
 *
 * @typedef {{ x: number, y: number }} Point in pixels of the image, from its upper left corner
 */

/** @type {Record<string, (x: number, y: number) => boolean>} coordinates from 0 to 1 */
const HALVES = {
  left: (x) => x < 0.5,
  right: (x) => x >= 0.5,
  top: (_, y) => y < 0.5,
  bottom: (_, y) => y >= 0.5,
};
export const HALF_NAMES = Object.keys(HALVES);

/** @param {number} size */
export const emptyMask = (size) => new Uint8Array(size * size);

/** @param {Uint8Array} mask */
export const isEmptyMask = (mask) => !mask.includes(1);

/**
 * @param {number} size
 * @param {string} name one of `HALF_NAMES`
 */
export const halfMask = (size, name) =>
  emptyMask(size).map((_, i) =>
    Number(HALVES[name]((i % size) / size, Math.floor(i / size) / size)),
  );

/**
 * A stroke of a round brush.
 *
 * @param {Uint8Array} mask
 * @param {object} stroke
 * @param {Point} stroke.from
 * @param {Point} stroke.to
 * @param {number} stroke.width in pixels
 * @param {boolean} stroke.erase
 */
export function paintStroke(mask, { from, to, width, erase }) {
  const size = Math.sqrt(mask.length);
  // So that even the finest brush meets the pixel it is over.
  const radius = Math.max(width / 2, Math.SQRT1_2);
  return mask.map((value, i) => {
    const centre = { x: (i % size) + 0.5, y: Math.floor(i / size) + 0.5 };
    return distanceToSegment(centre, from, to) <= radius ? Number(!erase) : value;
  });
}

/**
 * How far a point is from the line between two.
 * @param {Point} point
 * @param {Point} from
 * @param {Point} to
 */
export function distanceToSegment(point, from, to) {
  const along = { x: to.x - from.x, y: to.y - from.y };
  const length = along.x ** 2 + along.y ** 2;
  const product = (point.x - from.x) * along.x + (point.y - from.y) * along.y;
  const share = length > 0 ? Math.max(0, Math.min(1, product / length)) : 0;
  return Math.hypot(point.x - from.x - share * along.x, point.y - from.y - share * along.y);
}

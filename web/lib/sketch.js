import { channelsOf, withChannels } from './channels.js';
import { distanceToSegment } from './mask.js';

/**
 * Pictures that are drawn on: the bytes of a square image, with any channels. They are not changed in
 * place.
 *
 * @import { Point } from './mask.js'
 */

/**
 * The bytes of a pixel of a colour of the form `#rrggbb`.
 * @param {string} colour
 * @param {number} channels
 */
function pixelOf(colour, channels) {
  const rgb = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) || 0);
  return withChannels(Uint8Array.from(rgb), 3, channels);
}

/**
 * A stroke of a round pen.
 *
 * @param {Uint8Array} picture
 * @param {number} size
 * @param {object} stroke
 * @param {Point} stroke.from
 * @param {Point} stroke.to
 * @param {number} stroke.width in pixels
 * @param {string} stroke.colour `#rrggbb`
 */
export function drawStroke(picture, size, { from, to, width, colour }) {
  const channels = channelsOf(picture, size);
  const bytes = pixelOf(colour, channels);
  const drawn = picture.slice();
  // So that even the finest pen meets the pixel it is over.
  const radius = Math.max(width / 2, Math.SQRT1_2);
  for (let pixel = 0; pixel < size * size; pixel++) {
    const centre = { x: (pixel % size) + 0.5, y: Math.floor(pixel / size) + 0.5 };
    if (distanceToSegment(centre, from, to) <= radius) drawn.set(bytes, pixel * channels);
  }
  return drawn;
}

/**
 * A picture of one colour.
 * @param {number} size
 * @param {number} channels
 * @param {string} colour `#rrggbb`
 */
export function blank(size, channels, colour) {
  const bytes = pixelOf(colour, channels);
  return Uint8Array.from({ length: size * size * channels }, (_, i) => bytes[i % channels]);
}

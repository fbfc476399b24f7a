import { applyPalette, quantize } from 'gifenc';

/**
 * A picture by a palette, as gifenc's `writeFrame` takes it.
 *
 * @typedef {object} IndexedColours
 * @property {Uint8Array} index a place in the palette for each pixel
 * @property {number[][]} palette
 * @property {boolean} [transparent]
 * @property {number} [transparentIndex]
 * @property {number} [dispose]
 */

const MAX_COLOURS = 256;
/** Alpha from which on a pixel is there: a GIF has no half. */
const OPAQUE = 128;
/** A frame is taken away before the next is drawn. */
const TO_BACKGROUND = 2;

/**
 * The 256 colours that stand best for those of a picture. Of noise that takes up to a second.
 *
 * @param {Uint8ClampedArray} rgba
 * @returns {IndexedColours}
 */
export function indexColours(rgba) {
  const visible = [];
  for (let at = 0; at < rgba.length; at += 4) if (rgba[at + 3] >= OPAQUE) visible.push(at);
  if (visible.length * 4 === rgba.length) {
    const palette = quantize(rgba, MAX_COLOURS);
    return { index: applyPalette(rgba, palette), palette };
  }
  // One colour is kept for what is not there.
  const seen = new Uint8ClampedArray(visible.length * 4);
  for (const [pixel, at] of visible.entries()) seen.set(rgba.subarray(at, at + 4), pixel * 4);
  const palette = visible.length > 0 ? quantize(seen, MAX_COLOURS - 1) : [];
  const transparentIndex = palette.length;
  const index = new Uint8Array(rgba.length / 4).fill(transparentIndex);
  if (visible.length > 0) {
    const found = applyPalette(seen, palette);
    for (const [pixel, at] of visible.entries()) index[at / 4] = found[pixel];
  }
  const whole = [...palette, [0, 0, 0]];
  return { index, palette: whole, transparent: true, transparentIndex, dispose: TO_BACKGROUND };
}

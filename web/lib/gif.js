import { applyPalette, GIFEncoder, quantize } from 'gifenc';
import { drawTiles, gridColumns } from './canvas.js';
import { channelsOf } from './channels.js';
import { throwIfAborted } from './errors.js';

/**
 * @typedef {{ rgb: Uint8Array, count: number, size: number }} GifFrame as `drawTiles` takes them
 * @typedef {{ signal?: AbortSignal, told?: (share: number) => void }} Making of a file: what ends it, and
 *   who is told how much is made
 */

const MAX_COLOURS = 256;
/** Alpha from which on a pixel is there: a GIF has no half. */
const OPAQUE = 128;
/** A frame is taken away before the next is drawn. */
const TO_BACKGROUND = 2;

/**
 * A GIF that repeats. Each frame has a palette of its own: those of noise and of images share few
 * colours.
 *
 * @param {GifFrame[]} frames all of one size
 * @param {{ scale: number, delayMs: number, lastMs: number } & Making} options how much larger than the
 *   images, and how long a frame and the last one stand
 * @returns {Promise<Blob>}
 */
export async function encodeGif(frames, { scale, delayMs, lastMs, signal, told }) {
  const encoder = GIFEncoder();
  for (const [place, frame] of frames.entries()) {
    throwIfAborted(signal);
    told?.(place / frames.length);
    const { data, width, height } = pixelsOf(frame);
    const { index, ...colours } = indexed(data);
    const delay = frame === frames.at(-1) ? lastMs : delayMs;
    const pixels = enlarge(index, { width, height, scale });
    encoder.writeFrame(pixels, width * scale, height * scale, { ...colours, delay });
    // The page stays awake between frames.
    await new Promise((resolve) => setTimeout(resolve));
  }
  encoder.finish();
  return new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (encoder.bytes())], {
    type: 'image/gif',
  });
}

/** @param {Uint8ClampedArray} rgba */
function indexed(rgba) {
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

/** @param {GifFrame} frame */
function pixelsOf({ rgb, count, size }) {
  const canvas = document.createElement('canvas');
  drawTiles(canvas, rgb, count, size, gridColumns(count));
  const { width, height } = canvas;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  // Between opaque tiles there is white.
  if (channelsOf(rgb, size, count) < 4) {
    context.globalCompositeOperation = 'destination-over';
    context.fillStyle = '#fff';
    context.fillRect(0, 0, width, height);
  }
  return context.getImageData(0, 0, width, height);
}

/**
 * Every pixel as a square of them. Of indices, since that costs a quarter of enlarging colours.
 *
 * @param {Uint8Array} index
 * @param {{ width: number, height: number, scale: number }} how
 */
function enlarge(index, { width, height, scale }) {
  const wide = width * scale;
  const enlarged = new Uint8Array(wide * height * scale);
  for (let y = 0; y < height; y++) {
    const top = y * scale * wide;
    for (let x = 0; x < width; x++) {
      enlarged.fill(index[y * width + x], top + x * scale, top + (x + 1) * scale);
    }
    for (let copy = 1; copy < scale; copy++) {
      enlarged.copyWithin(top + copy * wide, top, top + wide);
    }
  }
  return enlarged;
}

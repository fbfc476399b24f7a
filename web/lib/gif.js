import { GIFEncoder } from 'gifenc';
import { nextTask } from './yield-to-page.js';
import { drawTiles, gridColumns } from './canvas.js';
import { channelsOf } from './channels.js';
import { throwIfAborted } from './errors.js';
import { indexColours } from './gif-colours.js';

/**
 * @import { IndexedColours } from './gif-colours.js'
 *
 * @typedef {(rgba: Uint8ClampedArray) => Promise<IndexedColours>} Indexer
 * @typedef {{ rgb: Uint8Array, count: number, size: number }} GifFrame as `drawTiles` takes them
 * @typedef {{ signal?: AbortSignal, told?: (share: number) => void }} Making of a file: what ends it, and
 *   who is told how much is made
 */

/** Frames whose colours are found ahead of their turn: a worker may have other things to do in between. */
const AHEAD = 8;

/** Finds colours here, each in a task of its own. @type {Indexer} */
export async function indexHere(rgba) {
  await nextTask();
  return indexColours(rgba);
}

/**
 * A GIF that repeats. Each frame has a palette of its own: those of noise and of images share few
 * colours.
 *
 * @param {GifFrame[]} frames all of one size
 * @param {{ scale: number, delayMs: number, lastMs: number, index?: Indexer } & Making} options how much
 *   larger than the images, how long a frame and the last one stand, and who finds its colours
 * @returns {Promise<Blob>}
 */
export async function encodeGif(
  frames,
  { scale, delayMs, lastMs, signal, told, index: find = indexHere },
) {
  const encoder = GIFEncoder();
  /** @type {{ width: number, height: number, colours: Promise<IndexedColours> }[]} */
  const found = [];
  for (const [place, frame] of frames.entries()) {
    throwIfAborted(signal);
    told?.(place / frames.length);
    while (found.length < Math.min(place + AHEAD, frames.length)) {
      const { data, width, height } = pixelsOf(frames[found.length]);
      found.push({ width, height, colours: find(data) });
    }
    const { width, height } = found[place];
    const { index, ...colours } = await found[place].colours;
    const delay = frame === frames.at(-1) ? lastMs : delayMs;
    const pixels = enlarge(index, { width, height, scale });
    encoder.writeFrame(pixels, width * scale, height * scale, { ...colours, delay });
    // The page stays awake between frames.
    await nextTask();
  }
  encoder.finish();
  return new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (encoder.bytes())], {
    type: 'image/gif',
  });
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

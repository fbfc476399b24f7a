import { channelsOf } from './channels.js';

/** Tiles of bytes on a canvas, one canvas pixel for each pixel of the image. */

/** Canvas pixels between tiles. */
const GAP = 1;

/**
 * Columns of a grid that is at least as wide as it is high.
 * @param {number} count
 */
export function gridColumns(count) {
  const columns = Math.ceil(Math.sqrt(count));
  // A full last row looks calmer: prefer a divisor close by.
  for (let wider = columns; wider <= columns + 2; wider++) if (count % wider === 0) return wider;
  return columns;
}

/**
 * @param {number} tiles tiles in a line
 * @param {number} size side of a tile
 */
export const gridSpan = (tiles, size) => tiles * size + (tiles - 1) * GAP;

/**
 * A canvas with transparent tiles has the attribute `data-alpha`.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} rgb `count` tiles of `size` × `size`, grey, RGB, or RGB and alpha
 * @param {number} count
 * @param {number} size
 * @param {number} columns
 */
export function drawTiles(canvas, rgb, count, size, columns) {
  const width = gridSpan(Math.min(columns, count), size);
  const height = gridSpan(Math.ceil(count / columns), size);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext('2d');
  if (!context) return;
  const image = context.createImageData(width, height);
  const channels = channelsOf(rgb, size, count);
  canvas.toggleAttribute('data-alpha', channels === 4);
  for (let tile = 0; tile < count; tile++) {
    const left = (tile % columns) * (size + GAP);
    const top = Math.floor(tile / columns) * (size + GAP);
    const bytes = rgb.subarray(tile * size * size * channels, (tile + 1) * size * size * channels);
    copyTile(
      bytes,
      { width: size, height: size, channels },
      { data: image.data, at: (top * width + left) * 4, width },
    );
  }
  context.putImageData(image, 0, 0);
}

/**
 * One picture of any shape, pixel for pixel.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} bytes grey, RGB, or RGB and alpha
 * @param {{ width: number, height: number }} shape
 */
export function drawPicture(canvas, bytes, { width, height }) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext('2d');
  if (!context) return;
  const image = context.createImageData(width, height);
  const channels = bytes.length / (width * height);
  canvas.toggleAttribute('data-alpha', channels === 4);
  copyTile(bytes, { width, height, channels }, { data: image.data, at: 0, width });
  context.putImageData(image, 0, 0);
}

/**
 * @param {Uint8Array} bytes of the tile
 * @param {{ width: number, height: number, channels: number }} tile
 * @param {object} target
 * @param {Uint8ClampedArray} target.data RGBA
 * @param {number} target.at first byte of the tile in it
 * @param {number} target.width pixels in a row of it
 */
function copyTile(bytes, tile, { data, at: first, width }) {
  const { channels } = tile;
  // Where a grey pixel has its green and blue.
  const step = channels === 1 ? 0 : 1;
  let source = 0;
  for (let y = 0; y < tile.height; y++) {
    let at = first + y * width * 4;
    for (let x = 0; x < tile.width; x++, source += channels, at += 4) {
      data[at] = bytes[source];
      data[at + 1] = bytes[source + step];
      data[at + 2] = bytes[source + 2 * step];
      data[at + 3] = channels === 4 ? bytes[source + 3] : 255;
    }
  }
}

/**
 * A PNG of a canvas at a whole multiple of its size, as crisp as on the page.
 * @param {HTMLCanvasElement} canvas
 * @param {number} scale
 * @returns {Promise<Blob>}
 */
export async function canvasToPng(canvas, scale) {
  const enlarged = new OffscreenCanvas(canvas.width * scale, canvas.height * scale);
  const context = enlarged.getContext('2d');
  if (context) {
    context.imageSmoothingEnabled = false;
    context.drawImage(canvas, 0, 0, enlarged.width, enlarged.height);
  }
  return enlarged.convertToBlob({ type: 'image/png' });
}

/**
 * @param {BlobPart} content
 * @param {string} name
 */
export function download(content, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content]));
  link.download = name;
  link.click();
  // The download reads the address after this returns; a minute is ample.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

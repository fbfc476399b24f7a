import { LabError } from './errors.js';
import { MAX_PIXELS, readImageHeader } from './image-size.js';
import { resizeSquare } from './resize.js';
import { drawnElements } from './svg-weight.js';

/**
 * Each image is kept as one square of at most this many pixels a side: small enough to store by the
 * hundred, large enough to be scaled to any size a browser can train at.
 */
export const MASTER_SIZE = 128;

/** Elements of an SVG, and its bytes: the page waits while they are drawn. */
const MAX_SVG_ELEMENTS = 20_000;
const MAX_SVG_BYTES = 8 * 2 ** 20;
/** Beyond this, an SVG is drawn smaller than it is, so that browsers still draw it. */
const MAX_SVG_SIDE = 16_384;

/**
 * One of the user's images: a square of RGB bytes, cropped but not yet scaled to the model's size.
 * @typedef {{ name: string, size: number, rgb: Uint8Array, label?: string }} MasterImage
 */

/**
 * @typedef {object} Decoded
 * @property {MasterImage} image
 * @property {boolean} cropped
 * @property {boolean} transparent
 * @property {number} width of the file's image
 * @property {number} height
 */

/**
 * Decodes, centre-crops to a square, composites on white and scales down.
 *
 * @param {Blob & { name?: string }} file
 * @returns {Promise<Decoded>}
 */
export async function decodeImage(file) {
  const name = file.name ?? 'pasted image';
  const { width, height, type } = await readImageHeader(file, name);
  const source = await (type === 'svg'
    ? decodeSvg(file, name, width, height)
    : decodeBitmap(file, name, type));
  try {
    // By its header it may have been another: decoders go their own ways through damaged files.
    if (source.width * source.height > MAX_PIXELS) throw new Error('larger than its header says');
    const side = Math.min(source.width, source.height);
    const size = Math.min(side, MASTER_SIZE);
    const left = Math.floor((source.width - side) / 2);
    const top = Math.floor((source.height - side) / 2);
    const square = await createImageBitmap(source, left, top, side, side, {
      resizeWidth: size,
      resizeHeight: size,
      resizeQuality: 'high',
    });
    const [{ rgb, transparent }] = cutTiles(square, size, 1);
    square.close();
    return { image: { name, size, rgb }, cropped: width !== height, transparent, width, height };
  } catch (cause) {
    const message = `${name} could not be drawn by this browser. Save it as PNG and add that.`;
    throw new LabError('bad-image', message, { cause });
  } finally {
    if (source instanceof ImageBitmap) source.close();
  }
}

/**
 * RGB bytes of an image or image file at another size.
 *
 * @param {Blob | Pick<MasterImage, 'rgb' | 'size'>} source
 * @param {number} size
 */
export async function pixelsAt(source, size) {
  const image = source instanceof Blob ? (await decodeImage(source)).image : source;
  return resizeSquare(image.rgb, image.size, size);
}

/**
 * @param {Blob} file
 * @param {string} name
 * @param {string} type
 */
async function decodeBitmap(file, name, type) {
  try {
    return await createImageBitmap(file);
  } catch (cause) {
    const advice =
      type === 'heif' || type === 'avif'
        ? 'this browser cannot decode that format. Convert it to PNG or JPEG and add it again.'
        : 'its data is damaged or cut short. Save or download it again, then add it.';
    throw new LabError(
      'bad-image',
      `${name} starts like a ${type.toUpperCase()} file, but ${advice}`,
      {
        cause,
      },
    );
  }
}

/**
 * Only an <img> draws SVG; loaded that way it runs no scripts and fetches nothing.
 *
 * @param {Blob} file
 * @param {string} name
 * @param {number} width
 * @param {number} height
 */
async function decodeSvg(file, name, width, height) {
  if (file.size > MAX_SVG_BYTES || drawnElements(await file.text()) > MAX_SVG_ELEMENTS) {
    const message = `${name} is an SVG that would take too long to draw. Export it as PNG and add that.`;
    throw new LabError('bad-image', message);
  }
  const url = URL.createObjectURL(new Blob([file], { type: 'image/svg+xml' }));
  try {
    // Twice the master's size, so that edges are still smooth after scaling down.
    const side = 2 * MASTER_SIZE;
    const scale = side / Math.min(width, height);
    const drawn = [width, height].map((length) => Math.min(MAX_SVG_SIDE, length * scale));
    const image = new Image(Math.round(drawn[0]), Math.round(drawn[1]));
    image.src = url;
    await image.decode();
    // The middle alone: the whole may be a line of a million pixels.
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = side;
    const [left, top] = [image.width, image.height].map((length) => (side - length) / 2);
    canvas.getContext('2d')?.drawImage(image, left, top, image.width, image.height);
    return canvas;
  } catch (cause) {
    throw new LabError(
      'bad-image',
      `${name} is an SVG that this browser cannot draw. Export it as PNG and add that.`,
      { cause },
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * Squares side by side as RGB on white.
 *
 * @param {ImageBitmap} row
 * @param {number} size
 * @param {number} count
 */
function cutTiles(row, size, count) {
  const canvas = new OffscreenCanvas(size * count, size);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
    canvas.getContext('2d', { willReadFrequently: true })
  );
  context.drawImage(row, 0, 0);
  return Array.from({ length: count }, (_, index) => {
    const { data } = context.getImageData(index * size, 0, size, size);
    return compositeOnWhite(data);
  });
}

/** @param {Uint8ClampedArray} rgba */
function compositeOnWhite(rgba) {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  let transparent = false;
  for (let source = 0, target = 0; source < rgba.length; source += 4, target += 3) {
    const alpha = rgba[source + 3] / 255;
    const white = 255 * (1 - alpha);
    if (alpha < 1) transparent = true;
    for (let channel = 0; channel < 3; channel++) {
      rgb[target + channel] = Math.round(rgba[source + channel] * alpha + white);
    }
  }
  return { rgb, transparent };
}

/**
 * Cuts a sheet of square tiles into images.
 *
 * @param {Blob} sheet
 * @typedef {object} Layout
 * @property {number} tile side of a tile
 * @property {number} count
 * @property {number} columns
 * @property {string} title
 * @property {[label: string, tiles: number][]} [labels] what so many tiles after one another show
 *
 * @param {Layout} layout
 * @returns {Promise<MasterImage[]>}
 */
export async function decodeSheet(sheet, { tile, count, columns, title, labels = [] }) {
  const bitmap = await createImageBitmap(sheet);
  const labelled = labels.flatMap(([label, tiles]) => Array(tiles).fill(label));
  /** @type {MasterImage[]} */
  const images = [];
  for (let first = 0; first < count; first += columns) {
    const tiles = Math.min(columns, count - first);
    const top = (first / columns) * tile;
    const row = await createImageBitmap(bitmap, 0, top, tiles * tile, tile);
    for (const { rgb } of cutTiles(row, tile, tiles)) {
      const name = `${title} ${images.length + 1}`;
      images.push({ name, size: tile, rgb, label: labelled[images.length] });
    }
    row.close();
  }
  bitmap.close();
  return images;
}

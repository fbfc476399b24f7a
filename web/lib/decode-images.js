import { channelsOfImage, squareOf } from './channels.js';
import { LabError } from './errors.js';
import { noteOrigin } from './image-origins.js';
import { MAX_PIXELS, readImageHeader } from './image-size.js';
import { msg } from './localize.js';
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
 * One of the user's images: a square of RGB bytes, or of RGB and alpha where it is transparent anywhere,
 * cropped but not yet scaled to the model's size.
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
 * How an image is made a square.
 *
 * @import { Crop } from './image-origins.js'
 *
 * @typedef {object} Framing
 * @property {Crop} [crop] the central square, unless said otherwise
 * @property {string} [background] colour of what is transparent, as `#rrggbb`; without it that stays
 *   transparent
 * @property {number} [masterSize] pixels a side at most
 */

/**
 * Decodes, crops to a square and scales down. What a whole picture leaves free beside it has the
 * colour of the background, or is white, unless the picture is transparent itself.
 *
 * @param {Blob & { name?: string }} file
 * @param {Framing} [framing]
 * @returns {Promise<Decoded>}
 */
export async function decodeImage(
  file,
  { crop = 'centre', background, masterSize = MASTER_SIZE } = {},
) {
  const name = file.name ?? msg('pasted image');
  const { width, height, type } = await readImageHeader(file, name);
  const source = await (type === 'svg'
    ? decodeSvg(file, name, { width, height, crop })
    : decodeBitmap(file, name, type));
  try {
    // By its header it may have been another: decoders go their own ways through damaged files.
    if (source.width * source.height > MAX_PIXELS)
      throw new Error(msg('larger than its header says'));
    const { left, top, side } = croppedSquare(crop, source);
    const size = Math.min(side, masterSize);
    // What lies outside of the picture is transparent.
    const square = await createImageBitmap(source, left, top, side, side, {
      resizeWidth: size,
      resizeHeight: size,
      resizeQuality: 'high',
    });
    const [rgba] = cutTiles(square, size, 1);
    square.close();
    const part = pictureWithin({ left, top, side }, source, size);
    const { rgb, transparent } = withoutNeedlessAlpha(rgba, size, { part, background });
    const image = { name, size, rgb };
    noteOrigin(image, { file, crop, transparent });
    // Looked at now, and not for all images at once.
    channelsOfImage(image);
    const cropped = crop !== 'whole' && width !== height;
    return { image, cropped, transparent, width, height };
  } catch (cause) {
    const message = msg(
      '{0} could not be drawn by this browser. Save it as PNG and add that.',
      name,
    );
    throw new LabError('bad-image', message, { cause });
  } finally {
    if (source instanceof ImageBitmap) source.close();
  }
}

/**
 * Where a picture lies in a square that was cut out of it, without the edge, which is mixed with what
 * lies beside it.
 *
 * @param {{ left: number, top: number, side: number }} square in pixels of the picture
 * @param {{ width: number, height: number }} picture
 * @param {number} size of the square as it is kept
 */
function pictureWithin({ left, top, side }, { width, height }, size) {
  const first = (/** @type {number} */ from) =>
    from < 0 ? Math.ceil((-from * size) / side) + 1 : 0;
  const last = (/** @type {number} */ from, /** @type {number} */ length) =>
    from + side > length ? Math.floor(((length - from) * size) / side) - 1 : size;
  return {
    left: first(left),
    top: first(top),
    right: last(left, width),
    bottom: last(top, height),
  };
}

/**
 * A whole picture, to choose a part of.
 * @param {Blob & { name?: string }} file
 */
export async function decodeWhole(file) {
  const name = file.name ?? msg('pasted image');
  const { width, height, type } = await readImageHeader(file, name);
  return type === 'svg'
    ? decodeSvg(file, name, { width, height, crop: 'whole' })
    : decodeBitmap(file, name, type);
}

/**
 * The square of a picture that is kept, in its pixels.
 *
 * @param {Crop} crop
 * @param {{ width: number, height: number }} picture
 */
export function croppedSquare(crop, { width, height }) {
  const shorter = Math.min(width, height);
  if (typeof crop === 'object') {
    const side = Math.max(1, Math.min(shorter, Math.round(crop.side * shorter)));
    const left = Math.max(0, Math.min(width - side, Math.round(crop.x * width)));
    const top = Math.max(0, Math.min(height - side, Math.round(crop.y * height)));
    return { left, top, side };
  }
  const side = crop === 'whole' ? Math.max(width, height) : shorter;
  return { left: Math.floor((width - side) / 2), top: Math.floor((height - side) / 2), side };
}

/**
 * The bytes of an image or image file as a model takes it.
 *
 * @param {Blob | Pick<MasterImage, 'rgb' | 'size'>} source
 * @param {number} size
 * @param {number} channels
 */
export async function pixelsAt(source, size, channels) {
  const image = source instanceof Blob ? (await decodeImage(source)).image : source;
  return squareOf(image, size, channels);
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
        ? msg('this browser cannot decode that format. Convert it to PNG or JPEG and add it again.')
        : msg('its data is damaged or cut short. Save or download it again, then add it.');
    throw new LabError(
      'bad-image',
      msg('{0} starts like a {1} file, but {2}', name, type.toUpperCase(), advice),
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
 * @param {{ width: number, height: number, crop: Crop }} drawing
 */
async function decodeSvg(file, name, { width, height, crop }) {
  if (file.size > MAX_SVG_BYTES || drawnElements(await file.text()) > MAX_SVG_ELEMENTS) {
    const message = msg(
      '{0} is an SVG that would take too long to draw. Export it as PNG and add that.',
      name,
    );
    throw new LabError('bad-image', message);
  }
  const url = URL.createObjectURL(new Blob([file], { type: 'image/svg+xml' }));
  try {
    // Twice the master's size, so that edges are still smooth after scaling down.
    const side = 2 * MASTER_SIZE;
    const alone = crop === 'centre';
    const scale = alone ? side / Math.min(width, height) : (4 * side) / Math.max(width, height);
    const drawn = [width, height].map((length) =>
      Math.max(1, Math.round(Math.min(MAX_SVG_SIDE, length * scale))),
    );
    const image = new Image(drawn[0], drawn[1]);
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    // The middle alone, where that is enough: the whole may be a line of a million pixels.
    [canvas.width, canvas.height] = alone ? [side, side] : drawn;
    const left = (canvas.width - image.width) / 2;
    const top = (canvas.height - image.height) / 2;
    canvas.getContext('2d')?.drawImage(image, left, top, image.width, image.height);
    return canvas;
  } catch (cause) {
    throw new LabError(
      'bad-image',
      msg('{0} is an SVG that this browser cannot draw. Export it as PNG and add that.', name),
      { cause },
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * Squares side by side, as RGBA.
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
  const tile = (/** @type {unknown} */ _, /** @type {number} */ index) =>
    context.getImageData(index * size, 0, size, size).data;
  return Array.from({ length: count }, tile);
}

/**
 * RGBA where a square is transparent in the part that counts and nothing else is asked for; RGB on a
 * background, or on white, otherwise.
 *
 * @param {Uint8ClampedArray} rgba
 * @param {number} size
 * @param {{ part?: Part, background?: string }} [how] all of it counts, unless said otherwise
 */
function withoutNeedlessAlpha(rgba, size, { part, background } = {}) {
  const all = { left: 0, top: 0, right: size, bottom: size };
  const transparent = isTransparent(rgba, size, part ?? all);
  const kept = transparent && !background;
  const rgb = kept ? new Uint8Array(rgba) : compositeOn(rgba, background ?? '#ffffff');
  return { rgb, transparent };
}

/**
 * Whether a square is transparent anywhere within a part of it.
 *
 * @typedef {{ left: number, top: number, right: number, bottom: number }} Part in pixels
 *
 * @param {Uint8ClampedArray} rgba
 * @param {number} size
 * @param {Part} part
 */
function isTransparent(rgba, size, { left, top, right, bottom }) {
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      if (rgba[4 * (y * size + x) + 3] < 255) return true;
    }
  }
  return false;
}

/**
 * @param {Uint8ClampedArray} rgba
 * @param {string} background `#rrggbb`
 */
function compositeOn(rgba, background) {
  const behind = [1, 3, 5].map((at) => Number.parseInt(background.slice(at, at + 2), 16));
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let source = 0, target = 0; source < rgba.length; source += 4, target += 3) {
    const alpha = rgba[source + 3] / 255;
    for (let channel = 0; channel < 3; channel++) {
      const shown = rgba[source + channel] * alpha + behind[channel] * (1 - alpha);
      rgb[target + channel] = Math.round(shown);
    }
  }
  return rgb;
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
    for (const rgba of cutTiles(row, tile, tiles)) {
      const { rgb } = withoutNeedlessAlpha(rgba, tile);
      const name = `${title} ${images.length + 1}`;
      images.push({ name, size: tile, rgb, label: labelled[images.length] });
    }
    row.close();
  }
  bitmap.close();
  return images;
}

import { channelsOf, withChannels } from './channels.js';

/**
 * Images cut out of their backgrounds, on a sheet: what is connected to the border and of its colour
 * is transparent, and a white edge goes around the rest, as on stickers that are bought.
 */

/** How far a pixel may be from the colour of the border to count as background, of 441. */
const TOLERANCE = 48;
/** Pixels of the image around each, and of the white edge, in parts of the image's side. */
const MARGIN = 1 / 8;
const EDGE = 1 / 24;
/** Pixels of a sticker's side, about. */
const STICKER_SIDE = 256;

/**
 * Which pixels of an image are its background.
 *
 * @param {Uint8Array} rgb `size` × `size`
 * @param {number} size
 * @returns {Uint8Array} 1 where it is background
 */
export function backgroundOf(rgb, size) {
  const outside = new Uint8Array(size * size);
  const border = borderPlaces(size);
  const colour = [0, 1, 2].map((channel) => median(border.map((at) => rgb[at * 3 + channel])));
  const isBackground = (/** @type {number} */ at) => {
    const [r, g, b] = colour.map((value, channel) => rgb[at * 3 + channel] - value);
    return r * r + g * g + b * b <= TOLERANCE * TOLERANCE;
  };
  const open = border.filter(isBackground);
  for (const at of open) outside[at] = 1;
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const next of neighbours(at, size)) {
      if (outside[next] || !isBackground(next)) continue;
      outside[next] = 1;
      open.push(next);
    }
  }
  return outside;
}

/** @param {number} size */
function borderPlaces(size) {
  const places = new Set();
  for (let i = 0; i < size; i++) {
    for (const at of [i, (size - 1) * size + i, i * size, i * size + size - 1]) places.add(at);
  }
  return /** @type {number[]} */ ([...places]);
}

/**
 * @param {number} at
 * @param {number} size
 */
function neighbours(at, size) {
  const x = at % size;
  const places = [at - size, at + size];
  if (x > 0) places.push(at - 1);
  if (x < size - 1) places.push(at + 1);
  return places.filter((place) => place >= 0 && place < size * size);
}

/** @param {number[]} values */
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

/**
 * @param {import('./gif.js').GifFrame} frame
 * @param {number} columns
 * @returns {HTMLCanvasElement} transparent between the stickers
 */
export function stickerSheet({ rgb, count, size }, columns) {
  const scale = Math.max(1, Math.round(STICKER_SIDE / size));
  const side = size * scale;
  const margin = Math.round(side * MARGIN);
  const tile = rgb.length / count;
  const canvas = document.createElement('canvas');
  canvas.width = columns * (side + 2 * margin);
  canvas.height = Math.ceil(count / columns) * (side + 2 * margin);
  const context = canvas.getContext('2d');
  if (!context) return canvas;
  for (let index = 0; index < count; index++) {
    const pixels = rgb.subarray(index * tile, (index + 1) * tile);
    const x = (index % columns) * (side + 2 * margin) + margin;
    const y = Math.floor(index / columns) * (side + 2 * margin) + margin;
    drawSticker(context, cutOut(pixels, size), { x, y, side });
  }
  return canvas;
}

/**
 * Of an image with alpha what it shows, of another what is not its background.
 *
 * @param {Uint8Array} bytes grey, RGB, or RGB and alpha
 * @param {number} size
 */
function cutOut(bytes, size) {
  const channels = channelsOf(bytes, size);
  return drawn(
    channels === 4 ? bytes : withoutBackground(withChannels(bytes, channels, 3), size),
    size,
  );
}

/**
 * @param {Uint8Array} rgb
 * @param {number} size
 * @returns {Uint8Array} RGBA
 */
function withoutBackground(rgb, size) {
  const rgba = withChannels(rgb, 3, 4);
  for (const [at, outside] of backgroundOf(rgb, size).entries()) if (outside) rgba[at * 4 + 3] = 0;
  return rgba;
}

/**
 * @param {Uint8Array} rgba
 * @param {number} size
 */
function drawn(rgba, size) {
  const image = new ImageData(size, size);
  image.data.set(rgba);
  const canvas = new OffscreenCanvas(size, size);
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  return canvas;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {OffscreenCanvas} picture
 * @param {{ x: number, y: number, side: number }} place
 */
function drawSticker(context, picture, { x, y, side }) {
  const white = new OffscreenCanvas(picture.width, picture.height);
  const silhouette = white.getContext('2d');
  if (!silhouette) return;
  silhouette.drawImage(picture, 0, 0);
  silhouette.globalCompositeOperation = 'source-in';
  silhouette.fillStyle = '#fff';
  silhouette.fillRect(0, 0, white.width, white.height);
  context.imageSmoothingEnabled = false;
  const edge = Math.max(2, side * EDGE);
  // Round corners: the silhouette all around.
  for (let turn = 0; turn < 32; turn++) {
    const angle = (turn / 32) * 2 * Math.PI;
    context.drawImage(white, x + edge * Math.cos(angle), y + edge * Math.sin(angle), side, side);
  }
  context.drawImage(picture, x, y, side, side);
}

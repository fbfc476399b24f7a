import { drawTiles, gridColumns } from './canvas.js';
import { msg } from './localize.js';

/**
 * A run on one sheet, to hang up: what it learnt from, what it draws, how its loss fell, what it was
 * set to, and a code with the link. In the proportions of A4, for 300 dots an inch at half its size.
 *
 * @import { MasterImage } from './decode-images.js'
 * @import { GifFrame } from './gif.js'
 *
 * @typedef {object} Poster
 * @property {string} title
 * @property {string} learnt from what, in words
 * @property {readonly MasterImage[]} images
 * @property {GifFrame} samples
 * @property {{ steps: number[], smoothed: number[] }} curve
 * @property {[name: string, value: string][]} settings
 * @property {string} link
 * @property {string} fonts a font family as CSS has it
 */

const WIDTH = 1240;
const HEIGHT = 1754;
const MARGIN = 84;
const INNER = WIDTH - 2 * MARGIN;
const COLOURS = {
  paper: '#fbfaf8',
  ink: '#1d1b22',
  muted: '#66626e',
  accent: '#c8421a',
  line: '#e5e1db',
};
/** Images of the set that are shown, in a row. */
const SHOWN_IMAGES = 12;
const SAMPLES_SIDE = 860;
const FOOT = 300;

/**
 * @param {Poster} poster
 * @returns {Promise<HTMLCanvasElement>}
 */
export async function drawPoster(poster) {
  const { encodeQR } = await import('qr');
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext('2d');
  if (!context) return canvas;
  context.fillStyle = COLOURS.paper;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  const pen = new Pen(context, poster.fonts);
  const head = drawHead(pen, poster);
  const images = drawImages(pen, poster.images, head + 28);
  drawSamples(context, poster.samples, images + 32);
  const foot = HEIGHT - MARGIN - FOOT;
  drawCurve(pen, poster.curve, { x: MARGIN, y: foot, width: 400, height: FOOT });
  drawSettings(pen, poster.settings, { x: MARGIN + 450, y: foot, width: 330 });
  drawCode(pen, encodeQR(poster.link, 'raw', { ecc: 'low', border: 1 }), foot);
  return canvas;
}

/** Text in the poster's type. */
class Pen {
  /**
   * @param {CanvasRenderingContext2D} context
   * @param {string} fonts
   */
  constructor(context, fonts) {
    this.context = context;
    this.fonts = fonts;
  }

  /**
   * @param {string} text cut off where it is too wide
   * @param {{ x: number, y: number, size: number, weight?: number, colour?: string, width?: number,
   *   align?: CanvasTextAlign }} how `y` is that of the base line
   */
  write(text, { x, y, size, weight = 400, colour = COLOURS.ink, width = INNER, align = 'left' }) {
    const { context } = this;
    context.font = `${weight} ${size}px ${this.fonts}`;
    context.fillStyle = colour;
    context.textAlign = align;
    let shown = text;
    while (shown.length > 1 && context.measureText(shown).width > width) {
      shown = `${shown.slice(0, -2)}…`;
    }
    context.fillText(shown, x, y);
  }
}

/**
 * @param {Pen} pen
 * @param {Poster} poster
 * @returns {number} where it ends
 */
function drawHead(pen, { title, learnt }) {
  const y = MARGIN + 56;
  pen.write(title, { x: MARGIN, y, size: 64, weight: 700 });
  pen.write(learnt, { x: MARGIN, y: y + 46, size: 26, colour: COLOURS.muted });
  return y + 60;
}

/**
 * @param {Pen} pen
 * @param {readonly MasterImage[]} images
 * @param {number} y
 * @returns {number} where they end
 */
function drawImages({ context }, images, y) {
  const gap = 8;
  const side = (INNER - (SHOWN_IMAGES - 1) * gap) / SHOWN_IMAGES;
  const stride = Math.max(1, Math.floor(images.length / SHOWN_IMAGES));
  const shown = images.filter((_, index) => index % stride === 0).slice(0, SHOWN_IMAGES);
  const tile = document.createElement('canvas');
  for (const [index, { rgb, size }] of shown.entries()) {
    drawTiles(tile, rgb, 1, size, 1);
    // Photographs are scaled down smoothly; pixel art stays crisp.
    context.imageSmoothingEnabled = size > side;
    context.drawImage(tile, MARGIN + index * (side + gap), y, side, side);
  }
  return y + side;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {GifFrame} samples
 * @param {number} y
 */
function drawSamples(context, { rgb, count, size }, y) {
  const tiles = document.createElement('canvas');
  drawTiles(tiles, rgb, count, size, gridColumns(count));
  const room = Math.min(SAMPLES_SIDE, HEIGHT - MARGIN - FOOT - 48 - y);
  const fits = Math.min(INNER / tiles.width, room / tiles.height);
  // Every pixel a whole number of those of the sheet.
  const scale = fits >= 1 ? Math.floor(fits) : fits;
  const width = tiles.width * scale;
  const height = tiles.height * scale;
  context.imageSmoothingEnabled = scale < 1;
  context.drawImage(tiles, (WIDTH - width) / 2, y + (room - height) / 2, width, height);
}

/**
 * The smoothed loss, on a logarithmic axis.
 * @param {Pen} pen
 * @param {{ steps: number[], smoothed: number[] }} curve
 * @param {{ x: number, y: number, width: number, height: number }} box
 */
function drawCurve(pen, { steps, smoothed }, { x, y, width, height }) {
  const { context } = pen;
  pen.write(msg('Loss'), { x, y: y + 22, size: 22, weight: 650 });
  if (steps.length < 2) {
    pen.write(msg('no run yet'), { x, y: y + 60, size: 20, colour: COLOURS.muted });
    return;
  }
  const logs = smoothed.map((value) => Math.log(Math.max(value, 1e-9)));
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  const [first, last] = [steps[0], steps[steps.length - 1]];
  const top = y + 48;
  const bottom = y + height - 34;
  context.strokeStyle = COLOURS.line;
  context.lineWidth = 2;
  context.strokeRect(x, top, width, bottom - top);
  context.strokeStyle = COLOURS.accent;
  context.lineWidth = 4;
  context.lineJoin = 'round';
  context.beginPath();
  for (const [index, log] of logs.entries()) {
    const across = (steps[index] - first) / Math.max(1, last - first);
    const down = 1 - (log - low) / Math.max(1e-9, high - low);
    context.lineTo(x + 6 + across * (width - 12), top + 8 + down * (bottom - top - 16));
  }
  context.stroke();
  const small = { y: bottom + 28, size: 18, colour: COLOURS.muted };
  pen.write(msg('{0} at step {1}', smoothed[0].toPrecision(2), first), {
    x,
    ...small,
    width: width / 2,
  });
  const end = msg('{0} at step {1}', smoothed[smoothed.length - 1].toPrecision(2), last);
  pen.write(end, { x: x + width, ...small, align: 'right', width: width / 2 });
}

/**
 * @param {Pen} pen
 * @param {[name: string, value: string][]} settings
 * @param {{ x: number, y: number, width: number }} box
 */
function drawSettings(pen, settings, { x, y, width }) {
  pen.write(msg('Settings'), { x, y: y + 22, size: 22, weight: 650 });
  for (const [index, [name, value]] of settings.entries()) {
    const line = y + 64 + index * 30;
    pen.write(name, { x, y: line, size: 19, colour: COLOURS.muted, width: width / 2 });
    pen.write(value, { x: x + width, y: line, size: 19, align: 'right', width: width / 2 });
  }
}

/**
 * @param {Pen} pen
 * @param {boolean[][]} modules
 * @param {number} foot
 */
function drawCode({ context }, modules, foot) {
  const right = WIDTH - MARGIN;
  const scale = Math.max(2, Math.floor(232 / modules.length));
  const side = modules.length * scale;
  context.fillStyle = COLOURS.ink;
  for (const [row, line] of modules.entries()) {
    for (const [column, dark] of line.entries()) {
      if (!dark) continue;
      context.fillRect(right - side + column * scale, foot + row * scale, scale, scale);
    }
  }
}

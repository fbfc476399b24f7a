import { html, nothing } from 'lit';
import { decodeWhole, croppedSquare } from '../lib/decode-images.js';
import { define } from '../lib/define.js';
import { findFace } from '../lib/find-face.js';
import { originOf } from '../lib/image-origins.js';
import { msg } from '../lib/localize.js';
import { button } from './buttons.js';
import { rangeField } from './fields.js';
import { Sheet } from './sheet.js';

/**
 * @import { MasterImage } from '../lib/decode-images.js'
 * @import { Square } from '../lib/image-origins.js'
 */

/** Pixels that the picture is drawn with, along its longer side. */
const SHOWN_SIDE = 640;
const PREVIEW_SIDE = 96;
/** The smallest part, as a share of the shorter side. */
const MIN_SIDE = 0.05;
/** How far a press of an arrow key moves it, as a share of the picture; with Shift, further. */
const STEP = 0.01;
const LONG_STEP = 0.1;

/** Which part of one image is learnt: a square on the picture, moved by hand or by keys. */
export class CropSheet extends Sheet {
  static properties = {
    ...Sheet.properties,
    session: { attribute: false },
    square: { state: true },
    problem: { state: true },
  };

  /** @type {MasterImage | undefined} */
  #image;
  /** @type {ImageBitmap | HTMLCanvasElement | undefined} */
  #picture;
  /** Where in the square it was taken hold of. @type {{ x: number, y: number } | undefined} */
  #held;

  constructor() {
    super();
    /** @type {import('../element/session.js').Session} */
    this.session = /** @type {any} */ (undefined);
    /** @type {Square} */
    this.square = { x: 0, y: 0, side: 1 };
    this.problem = '';
  }

  /** @param {MasterImage} image */
  async choose(image) {
    const origin = originOf(image);
    if (!origin) return;
    try {
      this.#picture = await decodeWhole(origin.file);
    } catch (error) {
      this.session.fail(error, 'files');
      return;
    }
    this.#image = image;
    this.problem = '';
    this.#set(typeof origin.crop === 'object' ? origin.crop : this.#centre);
    this.open();
  }

  get #centre() {
    const { width, height } = this.#size;
    const { left, top } = croppedSquare('centre', this.#size);
    return { x: left / width, y: top / height, side: 1 };
  }

  get #size() {
    const { width = 1, height = 1 } = this.#picture ?? {};
    return { width, height };
  }

  closed() {
    if (this.#picture instanceof ImageBitmap) this.#picture.close();
    this.#picture = undefined;
  }

  /** Within the picture. @param {Square} square */
  #set({ x, y, side }) {
    const { width, height } = this.#size;
    const pixels = Math.max(MIN_SIDE, Math.min(1, side)) * Math.min(width, height);
    const within = (/** @type {number} */ share, /** @type {number} */ length) =>
      Math.max(0, Math.min(1 - pixels / length, share));
    this.square = {
      x: within(x, width),
      y: within(y, height),
      side: pixels / Math.min(width, height),
    };
  }

  /** Around the middle that it has. @param {number} side */
  #resize(side) {
    const { x, y, side: before } = this.square;
    const { width, height } = this.#size;
    const grown = ((side - before) * Math.min(width, height)) / 2;
    this.#set({ x: x - grown / width, y: y - grown / height, side });
  }

  render() {
    const { x, y, side } = this.square;
    const percent = (/** @type {number} */ share) => `${Math.round(share * 100)} %`;
    return this.sheet({
      id: 'crop-title',
      title: msg('Which part is learnt'),
      content: html`<div class="crop-picture">
          <canvas
            class="crop-canvas"
            tabindex="0"
            role="slider"
            aria-label=${msg('The part that is learnt. Arrow keys move it, plus and minus change its size')}
            aria-valuenow=${Math.round(side * 100)}
            aria-valuetext=${msg(
              '{0} from the left, {1} from the top, {2} of the shorter side',
              percent(x),
              percent(y),
              percent(side),
            )}
            data-testid="crop-canvas"
            @keydown=${this.#press}
            @pointerdown=${this.#down}
            @pointermove=${this.#move}
            @pointerup=${() => (this.#held = undefined)}
            @pointercancel=${() => (this.#held = undefined)}
          ></canvas>
          <figure>
            <canvas class="crop-preview" role="img" aria-label=${msg('What is learnt')}></canvas>
            <figcaption class="explanation">${msg('As it is learnt')}</figcaption>
          </figure>
        </div>
        <label class="slider">
          <span class="label">${msg('Size')}</span>
          ${rangeField({
            label: msg('Size of the part'),
            testid: 'crop-size',
            min: MIN_SIDE * 100,
            max: 100,
            value: side * 100,
            text: percent(side),
            input: (value) => this.#resize(value / 100),
          })}
        </label>
        ${this.problem ? html`<p role="alert">${this.problem}</p>` : nothing}
        <div class="row">
          ${button({
            label: msg('Use this part'),
            testid: 'crop-use',
            kind: 'primary',
            click: () => this.#use(this.square),
          })}
          ${button({
            label: msg('Use all of it'),
            testid: 'crop-whole',
            click: () => this.#use('whole'),
          })}
          ${button({
            label: msg('Middle'),
            testid: 'crop-middle',
            click: () => this.#set(this.#centre),
          })}
          ${findFace ? button({ label: msg('Find a face'), testid: 'crop-face', click: () => this.#findFace() }) : nothing}
        </div>`,
    });
  }

  async #findFace() {
    if (!findFace || !this.#picture) return;
    const face = await findFace(this.#picture);
    this.problem = face ? '' : msg('No face was found in this picture. Move the square by hand.');
    if (face) this.#set(face);
  }

  /** @param {Square | 'whole'} crop */
  #use(crop) {
    const image = this.#image;
    this.close();
    if (image) this.session.imageSet.crops.cropOne(image, crop);
  }

  #press = (/** @type {KeyboardEvent} */ event) => {
    const { x, y, side } = this.square;
    const step = event.shiftKey ? LONG_STEP : STEP;
    const moves = /** @type {Record<string, () => void>} */ ({
      ArrowLeft: () => this.#set({ x: x - step, y, side }),
      ArrowRight: () => this.#set({ x: x + step, y, side }),
      ArrowUp: () => this.#set({ x, y: y - step, side }),
      ArrowDown: () => this.#set({ x, y: y + step, side }),
      '+': () => this.#resize(side + step),
      '-': () => this.#resize(side - step),
    });
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
  };

  /** Where a pointer is, as shares of the picture. @param {PointerEvent} event */
  #place({ clientX, clientY, currentTarget }) {
    const canvas = /** @type {HTMLCanvasElement} */ (currentTarget);
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return { x: (clientX - left) / width, y: (clientY - top) / height };
  }

  #down = (/** @type {PointerEvent} */ event) => {
    const canvas = /** @type {HTMLCanvasElement} */ (event.currentTarget);
    canvas.setPointerCapture(event.pointerId);
    const { x, y } = this.#place(event);
    const { width, height } = this.#size;
    const { square } = this;
    const pixels = square.side * Math.min(width, height);
    const [wide, high] = [pixels / width, pixels / height];
    const inside = x >= square.x && x <= square.x + wide && y >= square.y && y <= square.y + high;
    // Outside of it, it comes to the pointer.
    if (!inside) this.#set({ ...square, x: x - wide / 2, y: y - high / 2 });
    this.#held = { x: x - this.square.x, y: y - this.square.y };
  };

  #move = (/** @type {PointerEvent} */ event) => {
    if (!this.#held) return;
    const { x, y } = this.#place(event);
    this.#set({ ...this.square, x: x - this.#held.x, y: y - this.#held.y });
  };

  updated() {
    const canvas = /** @type {HTMLCanvasElement | null} */ (this.querySelector('.crop-canvas'));
    const preview = /** @type {HTMLCanvasElement | null} */ (this.querySelector('.crop-preview'));
    if (!canvas || !preview || !this.#picture) return;
    draw(canvas, this.#picture, this.square);
    const { left, top, side } = croppedSquare(this.square, this.#size);
    preview.width = preview.height = PREVIEW_SIDE;
    const context = preview.getContext('2d');
    if (context) context.imageSmoothingQuality = 'high';
    context?.drawImage(this.#picture, left, top, side, side, 0, 0, PREVIEW_SIDE, PREVIEW_SIDE);
  }
}

/**
 * The picture, darker where it is left out.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {ImageBitmap | HTMLCanvasElement} picture
 * @param {Square} square
 */
function draw(canvas, picture, square) {
  const scale = SHOWN_SIDE / Math.max(picture.width, picture.height);
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext('2d');
  if (!context) return;
  const { left, top, side } = croppedSquare(square, picture);
  const [x, y, shown] = [left, top, side].map((length) => length * scale);
  context.clearRect(0, 0, width, height);
  // Pixel art is not to be blurred.
  context.imageSmoothingEnabled = scale < 1;
  context.drawImage(picture, 0, 0, width, height);
  context.fillStyle = 'rgb(0 0 0 / 0.55)';
  context.beginPath();
  context.rect(0, 0, width, height);
  context.rect(x, y, shown, shown);
  context.fill('evenodd');
  context.lineWidth = 3;
  context.strokeStyle = '#fff';
  context.strokeRect(x + 1.5, y + 1.5, shown - 3, shown - 3);
}

define('unnoise-crop-sheet', CropSheet);

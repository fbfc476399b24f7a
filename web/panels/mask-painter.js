import { channelsOf } from '../lib/channels.js';
import { define } from '../lib/define.js';
import { msg } from '../lib/localize.js';

/**
 * @import { Point } from '../lib/mask.js'
 * @typedef {{ rgb: Uint8Array, size: number, mask?: Uint8Array }} MaskedImage
 */

/** How much of the picture is seen through every other pixel of the mask. */
const SEEN_THROUGH = 0.45;

/**
 * A picture to paint on, with mouse, pen, finger or keys: its mask, or itself. Dispatches `stroke` with
 * the ends of each piece of the way, `{ from, to, begins }` in pixels of the picture, where `begins` is
 * said of the first of a stroke; whoever listens sets what comes of it.
 *
 * Arrow keys move a cursor; the space bar puts the brush down and takes it up.
 */
export class MaskPainter extends HTMLElement {
  #canvas = document.createElement('canvas');
  /** @type {MaskedImage | undefined} */
  #image;
  /** Where the brush is while it is down. @type {Point | undefined} */
  #last;
  /** Where the arrow keys are, while they are in use. @type {Point | undefined} */
  #cursor;
  #down = false;

  connectedCallback() {
    if (this.#canvas.isConnected) return;
    this.append(this.#canvas);
    this.#canvas.dataset.testid = 'mask-canvas';
    this.#canvas.setAttribute('role', 'application');
    this.#canvas.setAttribute('part', 'canvas');
    this.#canvas.tabIndex = 0;
    this.#canvas.addEventListener('keydown', this.#key);
    this.#canvas.addEventListener('blur', () => this.#leave());
    this.#canvas.addEventListener('pointerdown', this.#press);
    this.#canvas.addEventListener('pointermove', this.#move);
    for (const end of ['pointerup', 'pointercancel'])
      this.#canvas.addEventListener(end, () => (this.#last = undefined));
  }

  /** @param {MaskedImage | undefined} image */
  set image(image) {
    const { rgb, mask } = this.#image ?? {};
    if (image?.rgb === rgb && image?.mask === mask) return;
    this.#image = image;
    this.#draw();
  }

  #draw() {
    if (!this.#image) return;
    const { rgb, size, mask } = this.#image;
    const canvas = this.#canvas;
    canvas.setAttribute(
      'aria-label',
      msg(
        'The picture to paint on: arrow keys move, the space bar puts the brush down and takes it up',
      ),
    );
    if (canvas.width !== size) canvas.width = canvas.height = size;
    const context = canvas.getContext('2d');
    if (!context) return;
    const pixels = context.createImageData(size, size);
    const accent = accentOf(canvas);
    const channels = channelsOf(rgb, size);
    const step = channels === 1 ? 0 : 1;
    canvas.toggleAttribute('data-alpha', channels === 4);
    for (let i = 0; i < size * size; i++) {
      const even = (i + Math.floor(i / size)) % 2 === 0;
      const seen = mask?.[i] ? (even ? 0 : SEEN_THROUGH) : 1;
      for (let channel = 0; channel < 3; channel++) {
        const value = rgb[i * channels + channel * step];
        pixels.data[i * 4 + channel] = seen * value + (1 - seen) * accent[channel];
      }
      pixels.data[i * 4 + 3] = channels === 4 && !mask?.[i] ? rgb[i * 4 + 3] : 255;
    }
    if (this.#cursor) {
      const at = (Math.floor(this.#cursor.y) * size + Math.floor(this.#cursor.x)) * 4;
      for (let channel = 0; channel < 3; channel++) pixels.data[at + channel] ^= 0x80;
    }
    context.putImageData(pixels, 0, 0);
  }

  #press = (/** @type {PointerEvent} */ event) => {
    if (event.button !== 0) return;
    this.#leave();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#begins = true;
    this.#last = this.#place(event);
    this.#stroke(this.#last);
  };

  #move = (/** @type {PointerEvent} */ event) => {
    if (!this.#last) return;
    // Between two frames a fast hand makes more of a curve than its ends tell.
    const events = event.getCoalescedEvents?.() ?? [];
    for (const part of events.length ? events : [event]) this.#stroke(this.#place(part));
  };

  /** @param {Point} to */
  #stroke(to) {
    const from = this.#last ?? to;
    const begins = this.#begins;
    this.#begins = false;
    this.#last = to;
    this.dispatchEvent(new CustomEvent('stroke', { detail: { from, to, begins } }));
  }

  #begins = false;

  #key = (/** @type {KeyboardEvent} */ event) => {
    /** @type {Record<string, [x: number, y: number]>} */
    const ways = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const { size = 0 } = this.#image ?? {};
    this.#cursor ??= { x: Math.floor(size / 2) + 0.5, y: Math.floor(size / 2) + 0.5 };
    if (event.key === ' ') {
      this.#down = !this.#down;
      this.#begins = this.#down;
      this.#last = undefined;
      if (this.#down) this.#stroke(this.#cursor);
    } else if (Object.hasOwn(ways, event.key)) {
      const step = event.shiftKey ? 4 : 1;
      const [x, y] = ways[event.key];
      const inside = (/** @type {number} */ place) => Math.min(size - 0.5, Math.max(0.5, place));
      this.#cursor = {
        x: inside(this.#cursor.x + x * step),
        y: inside(this.#cursor.y + y * step),
      };
      if (this.#down) this.#stroke(this.#cursor);
    } else return;
    event.preventDefault();
    this.#draw();
  };

  /** The keys are done with. */
  #leave() {
    this.#cursor = undefined;
    this.#down = false;
    this.#last = undefined;
    this.#draw();
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  #place({ clientX, clientY }) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const { width: columns, height: rows } = this.#canvas;
    return { x: ((clientX - left) / width) * columns, y: ((clientY - top) / height) * rows };
  }
}

/**
 * The theme's accent, which the canvas has as its text colour, as RGB bytes.
 * @param {HTMLCanvasElement} canvas
 */
function accentOf(canvas) {
  const numbers = getComputedStyle(canvas).color.match(/[\d.]+/g) ?? [];
  return [0, 1, 2].map((channel) => Number(numbers[channel] ?? 128));
}

define('unnoise-mask', MaskPainter);

import { drawTiles, gridColumns } from '../lib/canvas.js';
import { define } from '../lib/define.js';

/**
 * @typedef {{ rgb: Uint8Array, count: number, size: number, columns?: number }} Tiles as `drawTiles`
 *   takes them
 */

/**
 * Shows tiles of pixels, every pixel a square of whole screen pixels. Drawing waits for the next
 * animation frame, however often the tiles change in between. What is transparent in them is so in
 * the canvas too, which then has a checkerboard behind it.
 */
export class PixelGrid extends HTMLElement {
  canvas = document.createElement('canvas');
  /** @type {Tiles | undefined} */
  #tiles;
  #pending = false;
  #observer = new ResizeObserver(() => this.#fit());

  connectedCallback() {
    if (!this.canvas.isConnected) this.append(this.canvas);
    this.canvas.setAttribute('role', 'img');
    this.canvas.setAttribute('part', 'canvas');
    this.#observer.observe(this);
  }

  disconnectedCallback() {
    this.#observer.disconnect();
  }

  /** @param {string} text */
  set label(text) {
    this.canvas.setAttribute('aria-label', text);
  }

  /** @param {string} name */
  set testid(name) {
    this.canvas.dataset.testid = name;
  }

  /** @param {Tiles | undefined} tiles */
  set tiles(tiles) {
    if (!tiles || (tiles.rgb === this.#tiles?.rgb && tiles.columns === this.#tiles.columns)) return;
    this.#tiles = tiles;
    if (this.#pending) return;
    this.#pending = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#pending = false;
    if (!this.#tiles) return;
    const { rgb, count, size, columns = gridColumns(count) } = this.#tiles;
    const { width } = this.canvas;
    drawTiles(this.canvas, rgb, count, size, columns);
    this.toggleAttribute('drawn', true);
    if (this.canvas.width !== width || !this.canvas.style.width) this.#fit();
  }

  #fit() {
    const { width } = this.canvas;
    const available = this.clientWidth;
    if (!this.#tiles || !available) return;
    const whole = Math.floor((available * devicePixelRatio) / width);
    // Large tiles at once or twice their size would waste most of the space to stay exact.
    const exact = whole > 1 || (whole === 1 && width * 1.25 > available * devicePixelRatio);
    this.canvas.style.width = exact ? `${(width * whole) / devicePixelRatio}px` : '100%';
  }
}

define('unnoise-pixels', PixelGrid);

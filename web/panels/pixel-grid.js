import { drawTiles, gridColumns } from '../lib/canvas.js';
import { define } from '../lib/define.js';
import { TilePicker } from './tile-picker.js';

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

  /**
   * Makes buttons of the tiles, for listeners to `pick`; its words.
   * @param {Parameters<TilePicker['lay']>[1] | undefined} words
   */
  set picks(words) {
    this.#picks = words;
    this.#layPicker();
  }

  /** @type {Parameters<TilePicker['lay']>[1] | undefined} */
  #picks;
  /** @type {TilePicker | undefined} */
  #picker;

  #layPicker() {
    if (!this.#picks || !this.#tiles) {
      this.#picker?.element.remove();
      return;
    }
    this.#picker ??= new TilePicker(this);
    const { element } = this.#picker;
    if (!element.isConnected) this.append(element);
    const { count, size, columns = gridColumns(count) } = this.#tiles;
    this.#picker.lay({ count, size, columns }, this.#picks);
    element.style.width = this.canvas.style.width;
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
    this.#layPicker();
  }

  #fit() {
    const { width } = this.canvas;
    const available = this.clientWidth;
    if (!this.#tiles || !available) return;
    const whole = Math.floor((available * devicePixelRatio) / width);
    // Large tiles at once or twice their size would waste most of the space to stay exact.
    const exact = whole > 1 || (whole === 1 && width * 1.25 > available * devicePixelRatio);
    this.canvas.style.width = exact ? `${(width * whole) / devicePixelRatio}px` : '100%';
    this.#layPicker();
  }
}

define('unnoise-pixels', PixelGrid);

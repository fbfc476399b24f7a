import { define } from '../lib/define.js';
import { drawPlane } from '../lib/draw-plane.js';
import { ThemeColours } from '../lib/theme-colours.js';

/**
 * @import { PlanePicture } from '../lib/draw-plane.js'
 */

/** Distance between points of a stroke, in the plane. */
const SPACING = 0.05;
/** How far from the stroke they are, so that a line is no row of points. */
const SPREAD = 0.02;

/**
 * The plane as a picture. Drawing waits for the next animation frame, however often what is shown
 * changes in between.
 *
 * With `drawable` one can draw points on it with mouse, pen or finger: it dispatches `points`, with x
 * and y of each new one, and `stroke` once a stroke is over.
 */
export class PlaneCanvas extends HTMLElement {
  canvas = document.createElement('canvas');
  /** @type {PlanePicture | undefined} */
  #picture;
  #pending = false;
  #drawable = false;
  /** Where the pen is while it is down. @type {[number, number] | undefined} */
  #last;
  #observer = new ResizeObserver(() => this.#request());
  /** @type {ThemeColours | undefined} */
  #colours;
  #connection = new AbortController();

  connectedCallback() {
    if (!this.canvas.isConnected) this.append(this.canvas);
    this.canvas.setAttribute('role', 'img');
    this.canvas.setAttribute('part', 'canvas');
    this.#observer.observe(this);
    this.#connection = new AbortController();
    const { signal } = this.#connection;
    this.#colours = new ThemeColours(this, () => this.#request(), signal);
    const { canvas } = this;
    canvas.addEventListener('pointerdown', this.#down, { signal });
    canvas.addEventListener('pointermove', this.#move, { signal });
    for (const end of ['pointerup', 'pointercancel']) {
      canvas.addEventListener(end, this.#up, { signal });
    }
  }

  disconnectedCallback() {
    this.#observer.disconnect();
    this.#connection.abort();
  }

  /** @param {string} text */
  set label(text) {
    this.canvas.setAttribute('aria-label', text);
  }

  /** @param {string} name */
  set testid(name) {
    this.canvas.dataset.testid = name;
  }

  /** @param {boolean} drawable */
  set drawable(drawable) {
    this.#drawable = drawable;
    this.toggleAttribute('drawable', drawable);
  }

  /** @param {PlanePicture} picture */
  set picture(picture) {
    this.#picture = picture;
    this.#request();
  }

  #request() {
    if (this.#pending) return;
    this.#pending = true;
    requestAnimationFrame(() => {
      this.#pending = false;
      this.#draw();
    });
  }

  #draw() {
    const context = this.canvas.getContext('2d');
    const side = Math.round(this.clientWidth * devicePixelRatio);
    if (!this.#picture || !this.#colours || !context || side === 0) return;
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side;
    drawPlane(context, side, this.#picture, this.#colours.get);
    this.toggleAttribute('drawn', this.#picture.scene !== undefined);
  }

  #down = (/** @type {PointerEvent} */ event) => {
    if (!this.#drawable || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.#last = undefined;
    this.#stroke([this.#place(event)]);
  };

  #move = (/** @type {PointerEvent} */ event) => {
    if (!this.#last) return;
    // Between two frames a fast hand makes more of a curve than its ends tell.
    const events = event.getCoalescedEvents?.() ?? [];
    this.#stroke((events.length ? events : [event]).map((part) => this.#place(part)));
  };

  #up = () => {
    if (!this.#last) return;
    this.#last = undefined;
    this.dispatchEvent(new Event('stroke'));
  };

  /** @param {[number, number][]} places that the pen came to */
  #stroke(places) {
    const points = [];
    for (const place of places) {
      const from = this.#last;
      const length = from ? Math.hypot(place[0] - from[0], place[1] - from[1]) : SPACING;
      const steps = Math.floor(length / SPACING);
      for (let i = 1; i <= steps; i++) {
        const share = i / steps;
        for (const axis of [0, 1]) {
          const start = from ? from[axis] : place[axis];
          const on = start + share * (place[axis] - start);
          points.push(on + SPREAD * (Math.random() + Math.random() - 1));
        }
      }
      if (steps > 0) this.#last = place;
    }
    if (points.length) this.dispatchEvent(new CustomEvent('points', { detail: points }));
  }

  /**
   * @param {PointerEvent} event
   * @returns {[number, number]} in the plane
   */
  #place({ clientX, clientY }) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const extent = this.#picture?.extent ?? 1;
    const within = (/** @type {number} */ share) =>
      Math.max(-1, Math.min(1, 2 * share - 1)) * extent;
    return [within((clientX - left) / width), -within((clientY - top) / height)];
  }
}

define('unnoise-plane', PlaneCanvas);

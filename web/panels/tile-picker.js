import { gridSpan } from '../lib/canvas.js';
import { msg } from '../lib/localize.js';

/**
 * Buttons over the tiles of a canvas, one of which is reached by the Tab key and the others from it by
 * the arrow keys. Dispatches `pick` with the place of the tile.
 */
export class TilePicker {
  element = document.createElement('div');
  #layout = '';

  /** @param {HTMLElement} host that lays out the canvas, and dispatches the events */
  constructor(host) {
    this.element.className = 'picker';
    this.element.setAttribute('role', 'group');
    this.element.addEventListener('keydown', (event) => this.#onKey(event));
    this.element.addEventListener('click', ({ target }) => {
      const place = this.#buttons.indexOf(/** @type {HTMLButtonElement} */ (target));
      if (place >= 0) host.dispatchEvent(new CustomEvent('pick', { detail: place }));
    });
    this.element.addEventListener('focusin', ({ target }) => this.#rove(target));
  }

  /** @returns {HTMLButtonElement[]} */
  get #buttons() {
    return /** @type {any} */ ([...this.element.children]);
  }

  /**
   * @param {{ count: number, columns: number, size: number }} grid
   * @param {{ label: (place: number) => string, testid: string }} words of each button
   */
  lay({ count, columns, size }, { label, testid }) {
    const layout = [count, columns, size, label(0), testid].join();
    if (layout === this.#layout) return;
    this.#layout = layout;
    this.element.setAttribute('aria-label', msg('Samples'));
    const across = gridSpan(Math.min(columns, count), size);
    const down = gridSpan(Math.ceil(count / columns), size);
    const share = (/** @type {number} */ part, /** @type {number} */ whole) =>
      `${(part / whole) * 100}%`;
    const buttons = Array.from({ length: count }, (_, place) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.dataset.testid = `${testid}-${place}`;
      button.setAttribute('aria-label', label(place));
      button.tabIndex = place === 0 ? 0 : -1;
      const { style } = button;
      style.left = share((place % columns) * (size + 1), across);
      style.top = share(Math.floor(place / columns) * (size + 1), down);
      style.width = share(size, across);
      style.height = share(size, down);
      return button;
    });
    this.element.replaceChildren(...buttons);
    this.#columns = columns;
  }

  #columns = 1;

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const buttons = this.#buttons;
    const place = buttons.indexOf(/** @type {HTMLButtonElement} */ (event.target));
    /** @type {Record<string, number>} */
    const next = {
      ArrowLeft: place - 1,
      ArrowRight: place + 1,
      ArrowUp: place - this.#columns,
      ArrowDown: place + this.#columns,
      Home: 0,
      End: buttons.length - 1,
    };
    if (!Object.hasOwn(next, event.key)) return;
    event.preventDefault();
    buttons[next[event.key]]?.focus();
  }

  /** @param {EventTarget | null} focused */
  #rove(focused) {
    for (const button of this.#buttons) button.tabIndex = button === focused ? 0 : -1;
  }
}

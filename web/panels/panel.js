import { LitElement } from 'lit';
import { LanguageController } from './language-controller.js';

/**
 * What all panels share: they show parts of a session and look again when those change. They render
 * without a shadow root of their own, so that the element's styles and `::part`s reach them.
 */
export class Panel extends LitElement {
  static properties = { session: { attribute: false } };

  /** The parts of the session that it shows. */
  static shows = /** @type {readonly import('../element/session-events.js').Part[]} */ ([]);

  /** By the ids of their containers. @type {Map<string, import('../lib/plot.js').Plot>} */
  #plots = new Map();
  #watching = new AbortController();

  constructor() {
    super();
    new LanguageController(this);
    /** @type {import('../element/session.js').Session} */
    this.session = /** @type {any} */ (undefined);
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.#watching = new AbortController();
    const { shows } = /** @type {typeof Panel} */ (this.constructor);
    this.session.watch(shows, () => this.requestUpdate(), this.#watching.signal);
    this.requestUpdate();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#watching.abort();
    for (const plot of this.#plots.values()) plot.destroy();
    this.#plots.clear();
  }

  /**
   * A chart of the panel: made when it is first asked for, gone when the panel leaves the page.
   * @param {string} id of its container
   * @param {(container: HTMLElement) => import('../lib/plot.js').Plot} make
   */
  plot(id, make) {
    const plot =
      this.#plots.get(id) ?? make(/** @type {HTMLElement} */ (this.querySelector(`#${id}`)));
    this.#plots.set(id, plot);
    return plot;
  }
}

import { LitElement } from 'lit';

/**
 * What all panels share: they show a session and look again when it changes. They render without a
 * shadow root of their own, so that the element's styles and `::part`s reach them.
 */
export class Panel extends LitElement {
  static properties = { session: { attribute: false } };

  /** By the ids of their containers. @type {Map<string, import('../lib/plot.js').Plot>} */
  #plots = new Map();

  constructor() {
    super();
    /** @type {import('../element/session.js').Session} */
    this.session = /** @type {any} */ (undefined);
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    for (const [target, type] of this.sources()) target.addEventListener(type, this.look);
    this.look();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    for (const [target, type] of this.sources()) target.removeEventListener(type, this.look);
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

  /**
   * What to watch.
   * @returns {[EventTarget, string][]}
   */
  sources() {
    return [[this.session, 'change']];
  }

  look = () => this.requestUpdate();
}

import { LitElement } from 'lit';

/**
 * What all panels share: they show a session and look again when it changes. They render without a
 * shadow root of their own, so that the element's styles and `::part`s reach them.
 */
export class Panel extends LitElement {
  static properties = { session: { attribute: false } };

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
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    for (const [target, type] of this.sources()) target.removeEventListener(type, this.look);
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

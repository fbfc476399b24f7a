import { html, LitElement, nothing } from 'lit';
import { msg } from '../lib/localize.js';
import { LanguageController } from './language-controller.js';

/** A dialog over the page. What is in it is there only while it is open. */
export class Sheet extends LitElement {
  static properties = { opened: { state: true } };

  constructor() {
    super();
    new LanguageController(this);
    this.opened = false;
  }

  createRenderRoot() {
    return this;
  }

  open() {
    this.opened = true;
    this.updateComplete.then(() => this.querySelector('dialog')?.showModal());
  }

  close() {
    this.querySelector('dialog')?.close();
  }

  /** For what has to end with it. */
  closed() {}

  /**
   * @param {object} sheet
   * @param {string} sheet.id of its heading
   * @param {string} sheet.title
   * @param {unknown} sheet.content
   */
  sheet({ id, title, content }) {
    if (!this.opened) return nothing;
    return html`<dialog
      class="dialog"
      part="dialog"
      aria-labelledby=${id}
      @close=${() => {
        this.opened = false;
        this.closed();
      }}
      @click=${(/** @type {MouseEvent} */ { target }) => target instanceof HTMLDialogElement && this.close()}
    >
      <div class="dialog-body">
        <header>
          <h2 id=${id}>${title}</h2>
          <button
            type="button"
            class="icon"
            aria-label=${msg('Close')}
            data-testid="sheet-close"
            @click=${() => this.close()}
          >
            ×
          </button>
        </header>
        ${content}
      </div>
    </dialog>`;
  }
}

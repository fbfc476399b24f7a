import { html, LitElement } from 'lit';
import { scriptAddress } from '../lib/assets.js';
import { define } from '../lib/define.js';
import { embedCode, FORMATS } from '../lib/embed-code.js';
import { marked, msg, translatedOptions } from '../lib/localize.js';
import { selectField } from './fields.js';
import { LanguageController } from './language-controller.js';

const MODES = /** @type {[string, string][]} */ ([
  ['sample', marked('Samples')],
  ['forward', marked('The forward process')],
  ['train', marked('Training')],
  ['compare', marked('Samplers side by side')],
  ['edit', marked('Edits')],
  ['diagnostics', marked('Diagnostics')],
  ['plane', marked('Points in the plane')],
  ['lab', marked('The whole lab')],
]);

/** "Embed this figure": the code that shows it, with its settings, on another page. */
export class EmbedDialog extends LitElement {
  static properties = {
    /** The settings in force, by their names in links. */
    settings: { attribute: false },
    mode: {},
    /** Whether the page around shows the element alone when asked to. */
    page: { type: Boolean },
    format: { state: true },
    chosen: { state: true },
    copied: { state: true },
  };

  constructor() {
    super();
    new LanguageController(this);
    /** @type {() => Record<string, unknown>} */
    this.settings = () => ({});
    this.mode = 'lab';
    this.page = false;
    /** @type {import('../lib/embed-code.js').Format} */
    this.format = 'html';
    /** @type {string | undefined} */
    this.chosen = undefined;
    this.copied = false;
  }

  createRenderRoot() {
    return this;
  }

  open() {
    this.copied = false;
    this.requestUpdate();
    this.updateComplete.then(() => this.querySelector('dialog')?.showModal());
  }

  get #code() {
    const mode = this.chosen ?? (this.mode === 'lab' ? 'sample' : this.mode);
    const draws = !['forward', 'train', 'diagnostics'].includes(mode);
    /** @type {Record<string, unknown>} */
    const settings = { ...this.settings(), mode };
    // A figure of one sampler does not compare, whatever is shown here.
    if (mode === 'sample') delete settings.compare;
    const page = this.page ? location.href : undefined;
    const drawing = draws ? { autoplay: true } : {};
    const tag = this.format === 'iframe' ? settings : { ...settings, ...drawing };
    return embedCode(this.format, { settings: tag, script: scriptAddress(), page });
  }

  render() {
    const formats = /** @type {[string, string][]} */ (Object.entries(FORMATS)).filter(
      ([format]) => this.page || format !== 'iframe',
    );
    return html`<dialog
      class="embed"
      aria-labelledby="embed-title"
      @click=${(/** @type {MouseEvent} */ { target }) => {
        if (target instanceof HTMLDialogElement) target.close();
      }}
    >
      <form method="dialog">
        <header>
          <h2 id="embed-title">${msg('Embed this figure')}</h2>
          <button class="icon" aria-label=${msg('Close')} data-testid="embed-close">×</button>
        </header>
        <p class="muted">
          ${msg(
            'The code shows it on another page, with the settings in force here. It computes on ' +
              'the reader’s device and sends nothing.',
          )}
        </p>
        <div class="fields">
          ${selectField({
            label: msg('Show'),
            testid: 'embed-mode',
            value: this.chosen ?? (this.mode === 'lab' ? 'sample' : this.mode),
            options: translatedOptions(MODES),
            change: (mode) => (this.chosen = mode),
          })}
          ${selectField({
            label: msg('Where'),
            testid: 'embed-format',
            value: this.format,
            options: formats,
            change: (format) => (this.format = /** @type {'html'} */ (format)),
          })}
        </div>
        <textarea
          readonly
          rows="9"
          spellcheck="false"
          aria-label=${msg('Code')}
          data-testid="embed-code"
          .value=${this.#code}
        ></textarea>
        <div class="row">
          <button
            type="button"
            class="primary"
            data-testid="embed-copy"
            @click=${() => this.#copy()}
          >
            ${this.copied ? msg('Copied') : msg('Copy')}
          </button>
          <span class="note">${this.#note}</span>
        </div>
      </form>
    </dialog>`;
  }

  get #note() {
    const bundled = ['mdx', 'vitepress', 'astro', 'react', 'vue'].includes(this.format);
    return bundled ? msg('Install the package first: npm install unnoise') : '';
  }

  async #copy() {
    const field = /** @type {HTMLTextAreaElement} */ (this.querySelector('textarea'));
    try {
      await navigator.clipboard.writeText(field.value);
      this.copied = true;
      setTimeout(() => (this.copied = false), 2000);
    } catch {
      // Without the permission, it is there to be copied by hand.
      field.select();
    }
  }
}

define('unnoise-embed-dialog', EmbedDialog);

import { html, nothing } from 'lit';
import { BACKENDS } from '../lib/backend.js';
import { define } from '../lib/define.js';
import { deviceWords } from '../lib/device-words.js';
import { integer, loss, plural } from '../lib/format.js';
import { marked, mixed, msg, translated } from '../lib/localize.js';
import { deviceFacts } from './device-facts.js';
import './embed-dialog.js';
import { Panel } from './panel.js';

const NAMES = { webgpu: 'WebGPU', flex: 'flex (CPU)', candle: 'candle (CPU)' };

/** Where it runs, what it does, and a link to exactly this. */
export class StatusBar extends Panel {
  static shows = /** @type {const} */ (['status', 'run', 'training', 'sampling']);

  static properties = {
    ...Panel.properties,
    copied: { state: true },
    link: { attribute: false },
    settings: { attribute: false },
    mode: {},
    detailed: { type: Boolean },
    setDetailed: { attribute: false },
    page: { type: Boolean },
    showKeys: { attribute: false },
  };

  constructor() {
    super();
    this.copied = false;
    /** @type {() => string} */
    this.link = () => location.href;
    /** @type {() => Record<string, unknown>} */
    this.settings = () => ({});
    this.mode = 'lab';
    /** Whether formulas and all settings are shown. */
    this.detailed = true;
    /** @type {(all: boolean) => void} */
    this.setDetailed = () => {};
    /** Whether the page around shows the element alone when asked to. */
    this.page = false;
    this.showKeys = () => {};
  }

  render() {
    const { session } = this;
    const { lab, run, trainer } = session;
    if (!lab) return html`<div class="status-bar" part="status">${this.#status()}</div>`;
    const locked = session.phase !== 'ready' || session.activity !== '';
    return html`<div class="status-bar" part="status">
      <label class="device">
        <span class="dot ${lab.adapterKind}" aria-hidden="true"></span>
        <span class="visually-hidden expert">${msg('Backend')}</span>
        <select
          class="expert"
          data-testid="backend"
          ?disabled=${locked}
          @change=${(/** @type {any} */ { target }) => this.#switch(target)}
        >
          ${BACKENDS.map(
            (name) =>
              html`<option value=${name} ?selected=${name === lab.backend}>${NAMES[name]}</option>`,
          )}
        </select>
      </label>
      <details class="about-device">
        <summary class="adapter">
          <span class="plainly" data-testid="device"
            >${mixed('Computes {0}', deviceWords(lab))}</span
          >
          <span class="expert" data-testid="adapter"
            >${lab.adapter}${lab.workers > 1 ? `, ${plural(lab.workers, 'worker')}` : nothing}</span
          >
        </summary>
        <ul data-testid="device-facts">
          ${deviceFacts(lab).map((fact) => html`<li>${fact}</li>`)}
        </ul>
      </details>
      ${tested(lab)} ${this.#status()} ${compiling(lab)}
      ${
        run.training
          ? html`<span class="mini"
              >${mixed('step {0} · loss {1}', integer(lab.step), loss(trainer.curve.latest))}</span
            >`
          : nothing
      }
      ${
        this.mode === 'lab'
          ? html`<button
              type="button"
              class="link"
              data-testid="detail"
              aria-pressed=${this.detailed}
              @click=${() => this.setDetailed(!this.detailed)}
            >
              ${this.detailed ? msg('Hide formulas and settings') : msg('Formulas and settings')}
            </button>`
          : nothing
      }
      <button type="button" class="link" data-testid="copy-link" @click=${() => this.#copy()}>
        ${this.copied ? msg('Link copied') : msg('Copy link')}
      </button>
      <button type="button" class="link" data-testid="embed" @click=${() => this.#embed()}>
        ${msg('Embed this figure')}
      </button>
      ${
        this.mode === 'lab'
          ? html`<button
              type="button"
              class="link needs-keyboard"
              data-testid="keys"
              aria-keyshortcuts="?"
              @click=${() => this.showKeys()}
            >
              ${msg('Keys')}
            </button>`
          : nothing
      }
      <unnoise-embed-dialog
        .settings=${this.settings}
        .mode=${this.mode}
        .page=${this.page}
      ></unnoise-embed-dialog>
    </div>`;
  }

  #status() {
    const state = stateOf(this.session);
    return html`<span
      class="status"
      role="status"
      aria-live="polite"
      data-testid="status"
      data-state=${state}
      >${state === 'waiting' ? `${this.session.activity}…` : translated(SENTENCES[state])}</span
    >`;
  }

  /** @param {HTMLSelectElement} select */
  async #switch(select) {
    await this.session.switchBackend(select.value);
    // Where the switch failed, the choice goes back with it.
    select.value = this.session.lab.backend;
  }

  #embed() {
    const dialog = this.querySelector('unnoise-embed-dialog');
    /** @type {import('./embed-dialog.js').EmbedDialog} */ (dialog).open();
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.link());
      this.copied = true;
      setTimeout(() => (this.copied = false), 2000);
    } catch {
      this.session.messages.say('link', msg('Copy this link: {0}', this.link()), { sticky: true });
    }
  }
}

const SENTENCES = {
  failed: marked('Not running'),
  preparing: marked('Preparing the GPU…'),
  training: marked('Training'),
  sampling: marked('Sampling'),
  paused: marked('Paused'),
  ready: marked('Ready'),
};

/**
 * In short, whether what computes was tested.
 * @param {import('../lab.js').Lab} lab
 */
const tested = ({ backend, selfTest }) =>
  backend === 'webgpu' && selfTest?.passed
    ? html`<span class="mini" data-testid="self-test"
        >${mixed('test passed in {0} ms', Math.ceil(selfTest.milliseconds))}</span
      >`
    : nothing;

/**
 * What it does.
 * @param {import('../element/session.js').Session} session
 */
function stateOf({ phase, activity, lab, run, drawing }) {
  if (phase === 'failed' || phase === 'stopped') return 'failed';
  if (activity) return 'waiting';
  if (lab?.compiling) return 'preparing';
  if (run.training) return 'training';
  if (drawing) return 'sampling';
  return run.continues && run.trained ? 'paused' : 'ready';
}

/**
 * How far the GPU's programs are compiled. On most machines it is gone before it is noticed.
 * @param {import('../lab.js').Lab} lab
 */
const compiling = ({ compiling }) =>
  compiling
    ? html`<progress
          aria-label=${msg('Preparing the GPU')}
          data-testid="compiling"
          max=${compiling.total}
          value=${compiling.done}
        ></progress>
        <span class="mini">${mixed('{0} of {1} programs', compiling.done, compiling.total)}</span>`
    : nothing;

define('unnoise-status-bar', StatusBar);

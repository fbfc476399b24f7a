import { html, LitElement, nothing, unsafeCSS } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import uplotStyles from 'uplot/dist/uPlot.min.css';
import { setBasePath } from '../lib/assets.js';
import { define } from '../lib/define.js';
import { parseHash, replaceHash } from '../lib/hash-state.js';
import '../panels/data-panel.js';
import '../panels/edit-panel.js';
import '../panels/forward-panel.js';
import '../panels/diagnostics-panel.js';
import '../panels/message-list.js';
import '../panels/sample-panel.js';
import '../panels/stage.js';
import '../panels/status-bar.js';
import '../panels/train-panel.js';
import controlStyles from '../styles/controls.css';
import editStyles from '../styles/edit.css';
import diagnosticsStyles from '../styles/diagnostics.css';
import layoutStyles from '../styles/layout.css';
import panelStyles from '../styles/panels.css';
import themeStyles from '../styles/theme.css';
import { listenForFiles, takeFiles } from './file-drop.js';
import { fullLink, sessionOptions, shortHash } from './link.js';
import { Session } from './session.js';
import { HAPPENINGS } from './session-events.js';
import { applyAsked, settingsOf } from './settings.js';

/**
 * @typedef {'lab' | 'forward' | 'train' | 'sample'} Mode
 * @typedef {'auto' | 'light' | 'dark'} Theme
 */

/** The modes that show a part alone. */
const FIGURES = /** @type {const} */ (['forward', 'train', 'sample']);
const THEMES = /** @type {const} */ (['light', 'dark']);

/** The parts of a session that decide whether there is a picture. */
const DRAWN = /** @type {const} */ (['bundledRecording', 'samples', 'run']);
/** The parts that have settings. */
const IN_FORCE = /** @type {const} */ (['status', 'run', 'images', 'sampling']);

/** Asked for again, it counts again: a visitor may have chosen something else meanwhile. */
const asked = { hasChanged: () => true };

/**
 * A diffusion model that trains and samples in the page. Attributes, and the properties of their
 * names, say what is asked for; `settings` is what is in force.
 *
 * Dispatches `unnoise-ready`, `unnoise-settings`, `unnoise-progress`, `unnoise-frame`,
 * `unnoise-done`, `unnoise-error`.
 */
export class UnnoiseLab extends LitElement {
  static styles = [
    uplotStyles,
    themeStyles,
    controlStyles,
    layoutStyles,
    panelStyles,
    editStyles,
    diagnosticsStyles,
  ].map((text) => unsafeCSS(text));

  static properties = {
    mode: {},
    // `dataset` itself is taken: every element has its data-* attributes there.
    datasetName: { ...asked, attribute: 'dataset' },
    base: {},
    model: asked,
    backend: asked,
    sampler: asked,
    steps: { ...asked, type: Number },
    seed: { ...asked, type: Number },
    size: { ...asked, type: Number },
    autoplay: { type: Boolean },
    controls: { type: Boolean },
    theme: {},
    lazy: { type: Boolean },
    hash: { type: Boolean },
    dragging: { state: true },
    mounted: { state: true },
  };

  /** What is done with the lab; nothing before the element has started. */
  /** @type {Session | undefined} */
  session;
  #visibility = new IntersectionObserver((entries) => this.#seen(entries.at(-1)?.isIntersecting));

  constructor() {
    super();
    /** @type {Mode} */
    this.mode = 'lab';
    /** @type {string | undefined} */
    this.datasetName = undefined;
    /** Where the package's files are, see `setBasePath`. @type {string | undefined} */
    this.base = undefined;
    /** @type {string | undefined} */
    this.model = undefined;
    /** @type {string | undefined} */
    this.backend = undefined;
    /** @type {string | undefined} */
    this.sampler = undefined;
    /** @type {number | undefined} */
    this.steps = undefined;
    /** @type {number | undefined} */
    this.seed = undefined;
    /** @type {number | undefined} */
    this.size = undefined;
    this.autoplay = false;
    this.controls = false;
    /** @type {Theme} */
    this.theme = 'auto';
    this.lazy = false;
    /** Whether settings are read from and written to the hash of the page's address. */
    this.hash = false;
    this.dragging = false;
    /** Panels that have been put on the page: one a frame, so that no frame is late. */
    this.mounted = 0;
  }

  connectedCallback() {
    super.connectedCallback();
    // First of all: the mode decides what is listened to.
    this.#readLink();
    this.#visibility.observe(this);
    this.#listen();
    // It was taken off the page, and comes back.
    if (this.hasUpdated && !this.lazy) this.#start();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#visibility.disconnect();
    this.#listening.abort();
    // Whoever only moves the element elsewhere keeps the run.
    queueMicrotask(() => {
      if (!this.isConnected) this.#end();
    });
  }

  #listening = new AbortController();
  #watching = new AbortController();

  #listen() {
    this.#listening.abort();
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    // The whole lab takes what is dropped anywhere on its page; smaller ones only what hits them.
    listenForFiles(this.shownMode === 'lab' ? document : this, {
      signal,
      drag: (dragging) => (this.dragging = dragging),
      take: (transfer) => this.session && takeFiles(this.session, transfer),
    });
    window.addEventListener('hashchange', this.#onHashChange, { signal });
    // It may be the last that is heard of the page.
    const leave = () => document.hidden && this.session?.trainer.hurry();
    document.addEventListener('visibilitychange', leave, { signal });
  }

  /** What the link in the address asks for in place of the attributes. */
  /** @type {{ mode?: Mode, theme?: Theme }} */
  #linked = {};

  #readLink() {
    const { mode, theme } = this.hash ? parseHash(location.hash).page : {};
    this.#linked = {
      mode: FIGURES.find((name) => name === mode),
      theme: THEMES.find((name) => name === theme),
    };
  }

  get shownMode() {
    return this.#linked.mode ?? this.mode;
  }

  get shownTheme() {
    return this.#linked.theme ?? this.theme;
  }

  firstUpdated() {
    if (!this.lazy) this.#start();
  }

  #start() {
    if (this.session) return;
    if (this.base !== undefined) setBasePath(this.base);
    const session = new Session(sessionOptions(this));
    this.session = session;
    const { signal } = (this.#watching = new AbortController());
    session.watch(['status'], () => this.#onStatus(session), signal);
    session.watch(DRAWN, () => this.#onDrawn(session), signal);
    session.watch(IN_FORCE, () => this.#onSettings(session), signal);
    for (const type of HAPPENINGS) {
      session.addEventListener(type, (event) =>
        this.#dispatch(type, /** @type {CustomEvent} */ (event).detail),
      );
    }
    session.addEventListener('ready', () => {
      // Noise from a model that has learnt nothing would be no welcome.
      if (this.autoplay && session.run.canContinue) session.sample();
    });
    session.start();
    this.requestUpdate();
  }

  /** Lets go of the session. Another may follow. */
  #end() {
    const { session } = this;
    if (!session) return;
    clearTimeout(this.#hashTimer);
    // First, so that nothing of its end is heard.
    this.session = undefined;
    this.#watching.abort();
    session.dispose();
    this.toggleAttribute('ready', false);
    this.toggleAttribute('drawn', false);
    this.mounted = 0;
    this.#lastSettings = '';
  }

  /** @param {boolean | undefined} visible */
  #seen(visible = false) {
    if (visible && this.lazy) this.#start();
    this.session?.samples.setVisible(visible);
    this.session?.bundledRecording.setVisible(visible);
    this.session?.comparison.setVisible(visible);
    this.session?.editor.setVisible(visible);
  }

  #hashTimer = 0;
  #lastSettings = '';

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #dispatch(type, detail) {
    const options = { detail, bubbles: true, composed: true };
    this.dispatchEvent(new CustomEvent(`unnoise-${type}`, options));
  }

  /** @param {Session} session */
  #onStatus(session) {
    // Panels look after themselves; the element only cares whether there is something to show.
    if (!session.lab || this.hasAttribute('ready')) return;
    this.toggleAttribute('ready', true);
    this.requestUpdate();
  }

  /** @param {Session} session */
  #onDrawn({ samples, bundledRecording, run }) {
    this.toggleAttribute(
      'drawn',
      samples.frames.length > 0 || !!bundledRecording.frame || run.training,
    );
  }

  /** @param {Session} session */
  #onSettings(session) {
    const { settings } = this;
    if (!settings) return;
    const text = JSON.stringify(settings);
    if (text !== this.#lastSettings) this.#dispatch('settings', settings);
    this.#lastSettings = text;
    if (!this.hash) return;
    clearTimeout(this.#hashTimer);
    this.#hashTimer = window.setTimeout(() => replaceHash(shortHash(session, this)), 300);
  }

  /** Someone pasted another link into the address bar. */
  #onHashChange = () => {
    if (!this.hash || this.session?.run.training) return;
    this.#end();
    this.#readLink();
    this.#listen();
    this.#start();
  };

  /** @param {import('lit').PropertyValues} changed */
  willUpdate(changed) {
    // Whoever asks for another after the link was opened means it.
    if (!this.hasUpdated) return;
    if (changed.has('mode')) this.#linked.mode = undefined;
    if (changed.has('theme')) this.#linked.theme = undefined;
  }

  /** A sheet, since a Content-Security-Policy may forbid style in markup. */
  #scheme = new CSSStyleSheet();
  #drawnTheme = '';

  /** @param {Theme} theme */
  #drawTheme(theme) {
    const root = /** @type {ShadowRoot} */ (this.renderRoot);
    // One that is as the page around is says nothing.
    this.#scheme.replaceSync(theme === 'auto' ? '' : `:host { --scheme: ${theme} }`);
    if (!this.#drawnTheme) root.adoptedStyleSheets.push(this.#scheme);
    this.#drawnTheme = theme;
    root.dispatchEvent(new Event('theme'));
  }

  /** @param {import('lit').PropertyValues} changed */
  updated(changed) {
    if (changed.has('mode') && this.isConnected) this.#listen();
    if (this.#drawnTheme !== this.shownTheme) this.#drawTheme(this.shownTheme);
    if (this.session?.phase === 'ready') applyAsked(this.session, this, changed);
  }

  // --- for programs ---

  /** @returns {import('../lab.js').Lab | undefined} */
  get lab() {
    return this.session?.lab;
  }

  /** What is in force; nothing before the element is ready. */
  get settings() {
    return settingsOf(this.session);
  }

  train() {
    return this.session?.train();
  }
  pause() {
    return this.session?.pause();
  }
  /** Draws with the settings in force. */
  sample() {
    return this.session?.sample();
  }

  render() {
    const { session } = this;
    // Panels belong to one session.
    return keyed(session, this.#root());
  }

  #root() {
    const { session, shownMode: mode } = this;
    const ready = session?.lab;
    return html`<div class="root mode-${mode} ${this.dragging ? 'dragging' : ''}" part="root">
      ${
        mode === 'lab'
          ? html`<div class="stage-row" part="stage-row">
              <div class="intro"><slot name="intro"></slot></div>
              ${this.#stage()}
            </div>`
          : nothing
      }
      ${
        session && (mode === 'lab' || this.controls)
          ? html`<unnoise-status-bar
              .session=${session}
              .link=${() => fullLink(session, this)}
            ></unnoise-status-bar>`
          : nothing
      }
      ${ready ? html`<div class="story">${this.#panels()}</div>` : nothing}
      ${!ready && mode !== 'lab' ? html`<slot name="poster"></slot>` : nothing}
      ${session && html`<unnoise-message-list .session=${session}></unnoise-message-list>`}
      <slot></slot>
    </div>`;
  }

  #stage() {
    return html`<div class="stage-frame">
      <slot name="poster"></slot>
      ${this.session ? html`<unnoise-stage .session=${this.session}></unnoise-stage>` : nothing}
    </div>`;
  }

  #panels() {
    const { session, shownMode: mode } = this;
    const whole = mode === 'lab';
    const panels = [];
    if (whole || (this.controls && mode !== 'sample')) {
      panels.push(html`<unnoise-data-panel .session=${session}></unnoise-data-panel>`);
    }
    if (whole || mode === 'forward') {
      panels.push(html`<unnoise-forward-panel .session=${session}></unnoise-forward-panel>`);
    }
    if (whole || mode === 'train') {
      panels.push(html`<unnoise-train-panel .session=${session}></unnoise-train-panel>`);
      panels.push(
        html`<unnoise-diagnostics-panel .session=${session}></unnoise-diagnostics-panel>`,
      );
    }
    if (whole || mode === 'sample') {
      const bare = !whole && !this.controls;
      panels.push(
        html`<unnoise-sample-panel .session=${session} ?bare=${bare}></unnoise-sample-panel>`,
      );
    }
    if (whole) panels.push(html`<unnoise-edit-panel .session=${session}></unnoise-edit-panel>`);
    if (this.mounted < panels.length) requestAnimationFrame(() => this.mounted++);
    return panels.slice(0, this.mounted);
  }
}

define('unnoise-lab', UnnoiseLab);

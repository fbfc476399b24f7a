import { html, LitElement, nothing, unsafeCSS } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import uplotStyles from 'uplot/dist/uPlot.min.css';
import { transferredFiles } from '../lib/dropped-files.js';
import { replaceHash } from '../lib/hash-state.js';
import { divideFiles } from '../lib/model-files.js';
import { samplerNamed } from '../lib/samplers.js';
import '../panels/data-panel.js';
import '../panels/edit-panel.js';
import '../panels/forward-panel.js';
import '../panels/insight-panel.js';
import '../panels/message-list.js';
import '../panels/sample-panel.js';
import '../panels/stage.js';
import '../panels/status-bar.js';
import '../panels/train-panel.js';
import controlStyles from '../styles/controls.css';
import editStyles from '../styles/edit.css';
import insightStyles from '../styles/insight.css';
import layoutStyles from '../styles/layout.css';
import panelStyles from '../styles/panels.css';
import themeStyles from '../styles/theme.css';
import { fullLink, sessionOptions, shortHash } from './link.js';
import { openModel } from './open-model.js';
import { Session } from './session.js';

/** Attributes that follow the session. */
const REFLECTED = ['mode', 'theme', 'datasetName', 'sampler', 'steps', 'size'];

/**
 * A diffusion model that trains and samples in the page.
 *
 * Dispatches `unnoise-ready`, `unnoise-progress`, `unnoise-frame`, `unnoise-done`, `unnoise-error`.
 */
export class UnnoiseLab extends LitElement {
  static styles = [
    uplotStyles,
    themeStyles,
    controlStyles,
    layoutStyles,
    panelStyles,
    editStyles,
    insightStyles,
  ].map((text) => unsafeCSS(text));

  static properties = {
    mode: { reflect: true },
    // `dataset` itself is taken: every element has its data-* attributes there.
    datasetName: { attribute: 'dataset', reflect: true },
    model: { reflect: true },
    backend: { reflect: true },
    sampler: { reflect: true },
    steps: { type: Number, reflect: true },
    seed: { type: Number, reflect: true },
    size: { type: Number, reflect: true },
    autoplay: { type: Boolean, reflect: true },
    controls: { type: Boolean, reflect: true },
    theme: { reflect: true },
    lazy: { type: Boolean, reflect: true },
    hash: { type: Boolean, reflect: true },
    dragging: { state: true },
    mounted: { state: true },
  };

  /** What is done with the lab; nothing before the element has started. */
  /** @type {Session | undefined} */
  session;
  #visibility = new IntersectionObserver((entries) => this.#seen(entries.at(-1)?.isIntersecting));

  constructor() {
    super();
    /** @type {'lab' | 'forward' | 'train' | 'sample'} */
    this.mode = 'lab';
    /** @type {string | undefined} */
    this.datasetName = undefined;
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
    /** @type {'auto' | 'light' | 'dark'} */
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
    const { mode, theme, datasetName, sampler, steps, size } = this;
    if (!this.hasUpdated) this.#given = { mode, theme, datasetName, sampler, steps, size };
    // First of all: the mode decides what is listened to.
    this.#readHash();
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

  /** What the page asks for. @type {Partial<UnnoiseLab>} */
  #given = {};
  /** What a session's settings have made of that. @type {Partial<UnnoiseLab>} */
  #shown = {};
  #listening = new AbortController();

  #listen() {
    this.#listening.abort();
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    // The whole lab takes what is dropped anywhere on its page; smaller ones only what hits them.
    const catcher = /** @type {HTMLElement} */ (this.mode === 'lab' ? document : this);
    catcher.addEventListener('dragover', this.#onDragOver, { signal });
    catcher.addEventListener('dragleave', this.#onDragLeave, { signal });
    catcher.addEventListener('drop', this.#onDrop, { signal });
    catcher.addEventListener('paste', this.#onPaste, { signal });
    window.addEventListener('hashchange', this.#onHashChange, { signal });
    // It may be the last that is heard of the page.
    const leave = () => document.hidden && this.session?.trainer.hurry();
    document.addEventListener('visibilitychange', leave, { signal });
  }

  #readHash() {
    const wanted = this.hash ? new URLSearchParams(location.hash.slice(1)) : new URLSearchParams();
    const mode = wanted.get('mode');
    const theme = wanted.get('theme');
    if (mode === 'forward' || mode === 'train' || mode === 'sample') this.#shown.mode = mode;
    if (theme === 'light' || theme === 'dark') this.#shown.theme = theme;
    Object.assign(this, this.#shown);
  }

  firstUpdated() {
    if (!this.lazy) this.#start();
  }

  #start() {
    if (this.session) return;
    const session = new Session(sessionOptions(this));
    this.session = session;
    session.addEventListener('change', () => {
      if (session === this.session) this.#onChange(session);
    });
    for (const type of ['ready', 'progress', 'frame', 'done', 'error']) {
      session.addEventListener(type, (event) => {
        const { detail } = /** @type {CustomEvent} */ (event);
        const options = { detail, bubbles: true, composed: true };
        this.dispatchEvent(new CustomEvent(`unnoise-${type}`, options));
      });
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
    session.dispose();
    this.toggleAttribute('ready', false);
    this.toggleAttribute('drawn', false);
    this.mounted = 0;
    Object.assign(this, this.#given);
    this.#shown = {};
  }

  /** @param {boolean | undefined} visible */
  #seen(visible = false) {
    if (visible && this.lazy) this.#start();
    this.session?.player.setVisible(visible);
    this.session?.film.setVisible(visible);
    this.session?.comparison.setVisible(visible);
    this.session?.editor.setVisible(visible);
  }

  #hashTimer = 0;

  /** @param {Session} session */
  #onChange(session) {
    const { player, film, run } = session;
    this.toggleAttribute('drawn', player.frames.length > 0 || !!film.frame || run.training);
    // Panels look after themselves; the element only cares whether there is something to show.
    if (session.lab && !this.hasAttribute('ready')) {
      this.toggleAttribute('ready', true);
      this.requestUpdate();
    }
    if (session.phase !== 'ready') return;
    const { sampler, steps } = session.sampleOptions;
    const { size } = session.lab.config;
    this.#shown = {
      ...this.#shown,
      datasetName: session.data.dataset ?? undefined,
      sampler,
      steps,
      size,
    };
    Object.assign(this, this.#shown);
    if (!this.hash) return;
    clearTimeout(this.#hashTimer);
    this.#hashTimer = window.setTimeout(() => replaceHash(shortHash(session, this)), 300);
  }

  /** Someone pasted another link into the address bar. */
  #onHashChange = () => {
    if (!this.hash || this.session?.run.training) return;
    this.#end();
    this.#readHash();
    this.#start();
  };

  /** @param {import('lit').PropertyValues} changed */
  willUpdate(changed) {
    // Whatever no session has set was asked for by the page.
    for (const name of /** @type {(keyof UnnoiseLab)[]} */ (REFLECTED)) {
      if (changed.has(name) && this[name] !== this.#shown[name]) {
        this.#given = { ...this.#given, [name]: this[name] };
      }
    }
  }

  /**
   * An attribute was changed from outside, if it now says something else than the session.
   * @param {import('lit').PropertyValues} changed
   */
  updated(changed) {
    const { session, datasetName, model, backend, sampler, steps, seed, size } = this;
    if (changed.has('mode') && this.isConnected) this.#listen();
    if (session?.phase !== 'ready') return;
    const { data, lab, sampleOptions, options } = session;
    const differs = (/** @type {string} */ name, /** @type {unknown} */ current) => {
      const value = Reflect.get(this, name) ?? undefined;
      return changed.has(name) && value !== undefined && value !== current;
    };
    if (differs('datasetName', data.dataset)) data.choose(datasetName ?? '');
    if (model && differs('model', options.model)) {
      options.model = model;
      data.fetchModel(model);
    }
    // What it chose by itself is as good as any other.
    if (backend && backend !== 'auto' && differs('backend', lab.backend)) {
      session.switchBackend(backend);
    }
    if (differs('size', lab.config.size)) session.set('size', size);
    const wanted = { sampler: samplerNamed(sampler), steps, seed };
    const asked = Object.entries(wanted).filter(
      ([name, value]) => value !== undefined && differs(name, Reflect.get(sampleOptions, name)),
    );
    if (asked.length) session.setSample(Object.fromEntries(asked));
  }

  /** @param {DragEvent} event */
  #onDragOver = (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    this.dragging = true;
  };

  /** @param {DragEvent} event */
  #onDragLeave = (event) => {
    if (event.relatedTarget === null) this.dragging = false;
  };

  /** @param {DragEvent} event */
  #onDrop = (event) => {
    this.dragging = false;
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    this.#take(event.dataTransfer);
  };

  /** @param {ClipboardEvent} event */
  #onPaste = (event) => {
    if (event.clipboardData?.files.length) this.#take(event.clipboardData);
  };

  /** @param {DataTransfer} transfer */
  async #take(transfer) {
    const { session } = this;
    if (!session) return;
    try {
      const { model, images } = divideFiles(await transferredFiles(transfer));
      // What comes while the page is starting waits for it.
      await session.started;
      if (session.phase !== 'ready') return;
      if (images.length) await session.data.add(images);
      if (model) await openModel(session, model);
    } catch (error) {
      session.fail(error, 'files');
    }
  }

  // --- for programs ---

  /** @returns {import('../lab.js').Lab | undefined} */
  get lab() {
    return this.session?.lab;
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
    const { session, mode } = this;
    const ready = session?.lab;
    return html`<div class="root mode-${mode} ${this.dragging ? 'dragging' : ''}" part="root">
      ${
        mode === 'lab'
          ? html`<div class="hero" part="hero">
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
      ${session ? html`<unnoise-message-list .session=${session}></unnoise-message-list>` : nothing}
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
    const { session, mode } = this;
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
      panels.push(html`<unnoise-insight-panel .session=${session}></unnoise-insight-panel>`);
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

customElements.define('unnoise-lab', UnnoiseLab);

import { html, nothing, render } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import uplotStyles from 'uplot/dist/uPlot.min.css';
import { keepDetail, readDetail } from '../lib/detail.js';
import { replaceHash } from '../lib/hash-state.js';
import { hostTheme, watchHostTheme } from '../lib/host-theme.js';
import { mixed, msg } from '../lib/localize.js';
import { loadMathFont } from '../lib/math-font.js';
import { keepOffline } from '../offline/offline.js';
import '../panels/compare-panel.js';
import '../panels/data-panel.js';
import '../panels/diagnostics-panel.js';
import '../panels/edit-panel.js';
import '../panels/first-run.js';
import '../panels/forward-panel.js';
import '../panels/keys-sheet.js';
import '../panels/large-samples-panel.js';
import '../panels/message-list.js';
import '../panels/milestone-status.js';
import '../panels/plane-panel.js';
import '../panels/runs-panel.js';
import '../panels/sample-dialog.js';
import '../panels/sample-panel.js';
import '../panels/stage.js';
import '../panels/status-bar.js';
import '../panels/train-panel.js';
import accessStyles from '../styles/access.css';
import controlStyles from '../styles/controls.css';
import diagnosticsStyles from '../styles/diagnostics.css';
import editStyles from '../styles/edit.css';
import figureStyles from '../styles/figure.css';
import firstRunStyles from '../styles/first-run.css';
import historyStyles from '../styles/history.css';
import intakeStyles from '../styles/intake.css';
import largeSamplesStyles from '../styles/large-samples.css';
import layoutStyles from '../styles/layout.css';
import panelStyles from '../styles/panels.css';
import planeStyles from '../styles/plane.css';
import runsStyles from '../styles/runs.css';
import sheetStyles from '../styles/sheets.css';
import themeStyles from '../styles/theme.css';
import touchStyles from '../styles/touch.css';
import { askedBy, askedSettings } from './asked.js';
import { listenForFiles, takeFiles } from './file-drop.js';
import { figurePanels } from './figure-panels.js';
import { changedSettings, fullLink, imageSources, sessionOptions, shortHash } from './link.js';
import { languageChanges, currentLanguage } from '../lib/localize.js';
import { askedDirection, followLanguage } from './language.js';
import { followInTitle } from './page-title.js';
import { Session } from './session.js';
import { HAPPENINGS } from './session-events.js';
import { applyAsked, settingsOf } from './settings.js';
import { hurry, engineChanged, releaseEngine } from './shared-engine.js';
import { listenForKeys } from './shortcuts.js';
import { TrainingWakeLock } from './wake-lock.js';

/**
 * @import { UnnoiseLab } from './unnoise-lab.js'
 *
 * @typedef {'idle' | 'waiting' | 'starting' | 'ready' | 'training' | 'sampling' | 'resting' | 'failed'}
 *   FigureState `waiting` for the engine, which another figure of the page has; `resting` after it
 *   gave it to another
 */

const MODES = /** @type {const} */ ([
  'lab',
  'forward',
  'train',
  'sample',
  'compare',
  'edit',
  'diagnostics',
  'plane',
]);
const THEMES = /** @type {const} */ (['auto', 'light', 'dark']);

/** The parts of a session that decide whether there is a picture. */
const DRAWN = /** @type {const} */ ([
  'bundledRecording',
  'samples',
  'comparison',
  'edits',
  'run',
  'plane',
]);
/** The parts that have settings. */
const IN_FORCE = /** @type {const} */ (['status', 'run', 'images', 'sampling', 'plane']);
/** The parts that say what is being done. */
const AT_WORK = /** @type {const} */ ([
  'status',
  'run',
  'sampling',
  'comparison',
  'edits',
  'plane',
]);

/** The same for all figures. */
const styles = [
  uplotStyles,
  themeStyles,
  controlStyles,
  layoutStyles,
  panelStyles,
  editStyles,
  largeSamplesStyles,
  diagnosticsStyles,
  runsStyles,
  planeStyles,
  firstRunStyles,
  historyStyles,
  touchStyles,
  figureStyles,
  intakeStyles,
  sheetStyles,
  accessStyles,
].map((text) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
});

/** What an element is once it has come near the screen: a session, and the panels that show it. */
export class Figure {
  /** What is done with the lab; nothing before the element has started. @type {Session | undefined} */
  session;
  /** Panels that have been put on the page: one a frame, so that no frame is late. */
  mounted = 0;
  dragging = false;
  #root;
  #scheme = new CSSStyleSheet();
  #visibility = new IntersectionObserver(
    (entries) => this.#seen(!!entries.at(-1)?.isIntersecting),
    {
      rootMargin: '200px',
    },
  );
  /** What attributes say that makes no sense, until there is a session to say so. */
  /** @type {import('../lib/errors.js').LabError[]} */
  #refused = [];
  #connection = new AbortController();
  #listening = new AbortController();
  #watching = new AbortController();
  #telling = new AbortController();
  /** @type {Set<string>} */
  #changed = new Set();
  /** It was started because it is near the screen; the observer says when it no longer is. */
  #visible = true;
  #state = /** @type {FigureState} */ ('idle');
  #hasFallback = false;

  /**
   * @param {UnnoiseLab} element
   * @param {ShadowRoot} root
   */
  constructor(element, root) {
    this.element = element;
    this.#root = root;
    root.replaceChildren();
    root.adoptedStyleSheets = [...styles, this.#scheme];
  }

  connected() {
    const { element } = this;
    this.#connection = new AbortController();
    const { signal } = this.#connection;
    // First of all: the mode decides what is listened to.
    this.#readLink();
    this.#visibility.observe(element);
    this.#listen();
    window.addEventListener('hashchange', this.#onHashChange, { signal });
    // It may be the last that is heard of the page.
    const leave = () => document.hidden && this.session?.trainer.hurry();
    document.addEventListener('visibilitychange', leave, { signal });
    watchHostTheme(element, () => this.#drawTheme(), signal);
    followLanguage(element, () => this.requestUpdate(), signal);
    languageChanges.addEventListener('change', () => this.requestUpdate(), { signal });
    const children = new MutationObserver(() => this.#onChildren());
    children.observe(element, { childList: true });
    signal.addEventListener('abort', () => children.disconnect());
    element.toggleAttribute('started', true);
    this.#onChildren();
    if (this.session) {
      this.#tellPage(this.session);
      this.session.changed('status');
    } else this.#start();
    this.requestUpdate();
  }

  /** Keeps what there is for a return, and lets go of the engine. */
  disconnected() {
    this.#connection.abort();
    this.#listening.abort();
    this.#telling.abort();
    this.#visibility.disconnect();
    clearTimeout(this.#hashTimer);
    const { session } = this;
    if (session?.phase !== 'ready') return this.#end();
    this.#seen(false);
    session.rest().then(
      () => {
        if (!this.element.isConnected) releaseEngine(session);
      },
      () => !this.element.isConnected && this.#end(),
    );
  }

  #listen() {
    this.#listening.abort();
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    // The whole lab takes what is dropped anywhere on its page; smaller ones only what hits them.
    listenForFiles(this.mode === 'lab' ? document : this.element, {
      signal,
      drag: (dragging) => {
        this.dragging = dragging;
        this.requestUpdate();
      },
      take: (transfer) => this.session && takeFiles(this.session, transfer),
    });
    if (this.mode === 'lab') this.#listenForKeys(signal);
  }

  /** @param {AbortSignal} signal */
  #listenForKeys(signal) {
    const keys = {
      root: this.#root,
      session: () => this.session,
      help: () => this.#showKeys(),
      toggleDetail: () => this.#setDetail(!this.#detail),
    };
    listenForKeys(keys, signal);
  }

  #showKeys() {
    const sheet = this.#root.querySelector('unnoise-keys-sheet');
    /** @type {import('../panels/keys-sheet.js').KeysSheet | null} */ (sheet)?.open();
  }

  // --- what is asked for ---

  /** What the link in the address asks for in place of the attributes. */
  /** @type {{ mode?: string, theme?: string }} */
  #linked = {};

  #readLink() {
    const { page } = askedSettings(this.element);
    this.#linked = this.element.hash ? page : {};
  }

  get mode() {
    const { page } = askedSettings(this.element);
    const asked = this.#linked.mode ?? page.mode;
    return MODES.find((mode) => mode === asked) ?? 'lab';
  }

  get theme() {
    const { page } = askedSettings(this.element);
    const asked = this.#linked.theme ?? page.theme;
    return THEMES.find((theme) => theme === asked) ?? 'auto';
  }

  /** @param {string} property that was set */
  asked(property) {
    // Whoever asks for another after the link was opened means it.
    if (property === 'mode') this.#linked = { ...this.#linked, mode: this.element.mode };
    if (property === 'theme') this.#linked = { ...this.#linked, theme: this.element.theme };
    this.#changed.add(property);
    this.requestUpdate();
  }

  /** @param {import('../lib/errors.js').LabError} failure what an attribute says makes no sense */
  refuse(failure) {
    if (this.session) this.session.fail(failure, failure.message);
    else this.#refused.push(failure);
  }

  #apply() {
    const { session, element } = this;
    if (session?.phase !== 'ready' || this.#changed.size === 0) return;
    const changed = new Set(this.#changed);
    this.#changed.clear();
    applyAsked(session, element, askedBy(element, changed), changed);
    if (changed.has('mode')) this.#adoptMode(session);
  }

  /** @param {Session} session */
  #adoptMode(session) {
    this.#listen();
    if (this.mode === 'compare') session.comparison.show(true);
    if (this.mode === 'sample') session.comparison.show(false);
    // The forward process needs no model, and may have begun without one.
    const { dataset } = session.imageSet;
    const lacks = !session.options.needsModel && !session.run.canContinue;
    const needs = this.mode !== 'forward' && this.mode !== 'plane';
    if (!needs || !lacks) return;
    const set = dataset ?? session.imageSet.sets[0]?.id;
    if (set && !session.imageSet.images.length) session.imageSet.choose(set);
    else if (dataset) session.imageSet.choose(dataset);
  }

  // --- life ---

  #start() {
    const { element, mode } = this;
    const asked = askedSettings(element);
    this.#changed.clear();
    const session = new Session(sessionOptions(element, { mode, asked }));
    session.visible = this.#visible;
    this.session = session;
    const { signal } = (this.#watching = new AbortController());
    session.watch(['status'], () => this.#onStatus(session), signal);
    session.watch(AT_WORK, () => this.#onWork(), signal);
    session.watch(DRAWN, () => this.#onDrawn(session), signal);
    session.watch(IN_FORCE, () => this.#onSettings(session), signal);
    this.#tellPage(session);
    for (const type of HAPPENINGS) {
      session.addEventListener(type, (event) =>
        this.#dispatch(type, /** @type {CustomEvent} */ (event).detail),
      );
    }
    session.addEventListener('ready', () => {
      this.#apply();
      if (element.offline !== undefined) keepOffline(element.offline);
      // Noise from a model that has learnt nothing would be no welcome.
      if (element.autoplay && session.run.canContinue && mode !== 'plane') this.draw();
    });
    session.start();
    for (const failure of this.#refused.splice(0)) this.refuse(failure);
    this.requestUpdate();
  }

  /**
   * What the page around shows of training. It ends when the element leaves the page, which would keep
   * the element else.
   *
   * @param {Session} session
   */
  #tellPage(session) {
    this.#telling.abort();
    const { signal } = (this.#telling = new AbortController());
    new TrainingWakeLock(session, signal);
    session.away.follow(signal);
    if (this.element.hash) followInTitle(session, signal);
  }

  /** Lets go of the session. Another may follow. */
  #end() {
    const { session, element } = this;
    if (!session) return;
    clearTimeout(this.#hashTimer);
    // First, so that nothing of its end is heard.
    this.session = undefined;
    this.#watching.abort();
    this.#telling.abort();
    session.dispose();
    element.toggleAttribute('ready', false);
    element.toggleAttribute('drawn', false);
    this.mounted = 0;
    this.#lastSettings = '';
    this.#onWork();
    this.requestUpdate();
  }

  /** @param {boolean} visible */
  #seen(visible) {
    this.#visible = visible;
    const { session } = this;
    if (!session) return;
    session.visible = visible;
    engineChanged();
    session.samples.setVisible(visible);
    session.film.setVisible(visible);
    session.bundledRecording.setVisible(visible);
    session.comparison.setVisible(visible);
    session.editor.setVisible(visible);
    session.largeSamples.setVisible(visible);
    session.plane.setVisible(visible);
    session.selectedSample.recording.setVisible(visible);
  }

  #hashTimer = 0;
  #lastSettings = '';

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #dispatch(type, detail) {
    const options = { detail, bubbles: true, composed: true };
    this.element.dispatchEvent(new CustomEvent(`unnoise-${type}`, options));
  }

  /** @param {Session} session */
  #onStatus(session) {
    const { element } = this;
    // Panels look after themselves; the figure only cares whether there is something to show.
    const ready = session.lab !== undefined && session.phase !== 'failed';
    if (ready !== element.hasAttribute('ready')) element.toggleAttribute('ready', ready);
    this.requestUpdate();
  }

  #onWork() {
    const { state } = this;
    if (state === this.#state) return;
    this.#state = state;
    this.#dispatch('state', { state });
  }

  /** @param {Session} session */
  #onDrawn({ samples, comparison, editor, bundledRecording, run, plane }) {
    const recorded = samples.frames.length + comparison.runs.length;
    const edited = editor.recording.frames.length > 0;
    const seen = !!bundledRecording.frame || plane.scenes.length > 0;
    const drawn = recorded > 0 || edited || seen || run.training;
    this.element.toggleAttribute('drawn', drawn);
  }

  /** @param {Session} session */
  #onSettings(session) {
    const { settings } = this;
    if (!settings) return;
    const text = JSON.stringify(settings);
    if (text !== this.#lastSettings) this.#dispatch('settings', settings);
    this.#lastSettings = text;
    if (!this.element.hash) return;
    clearTimeout(this.#hashTimer);
    this.#hashTimer = window.setTimeout(() => replaceHash(shortHash(session, this)), 300);
  }

  /** Someone pasted another link into the address bar. */
  #onHashChange = () => {
    if (!this.element.hash || this.session?.run.training) return;
    this.#end();
    this.#readLink();
    this.#listen();
    this.#start();
  };

  #onChildren() {
    const { children } = this.element;
    const slots = ['intro', 'poster', 'images'];
    this.#hasFallback = [...children].some(({ slot }) => !slots.includes(slot));
    const images = JSON.stringify(imageSources(this.element, {}));
    if (images !== this.#images && this.session) this.asked('images');
    this.#images = images;
    this.requestUpdate();
  }

  #images = '';
  #drawnTheme = '';

  #drawTheme() {
    const { theme } = this;
    const drawn = theme === 'auto' ? hostTheme(this.element) : theme;
    if (drawn === this.#drawnTheme) return;
    this.#drawnTheme = drawn;
    this.#scheme.replaceSync(`:host { --scheme: ${drawn} }`);
    this.#root.dispatchEvent(new Event('theme'));
  }

  // --- for programs ---

  /** @returns {FigureState} */
  get state() {
    const { session } = this;
    if (!session) return 'idle';
    if (session.phase === 'failed' || session.phase === 'stopped') return 'failed';
    if (session.waiting) return 'waiting';
    if (session.phase !== 'ready') return 'starting';
    if (session.run.training || session.plane.training) return 'training';
    if (session.drawing) return 'sampling';
    return session.resting ? 'resting' : 'ready';
  }

  get settings() {
    const settings = settingsOf(this.session);
    const plane = this.mode === 'plane' ? this.session?.plane.settings : undefined;
    return settings && { mode: this.mode, ...settings, ...plane };
  }

  get progress() {
    const { session } = this;
    if (session?.phase !== 'ready') return undefined;
    const { trainer, run, lab } = session;
    const { rate, eta, curve } = trainer;
    return { step: lab.step, target: run.target, loss: curve.latest, rate, eta };
  }

  get frame() {
    return this.session?.samples.frame;
  }

  /** Resolves once the session is ready, ahead of figures that wait. */
  async #ready() {
    const { session } = this;
    if (!session) return undefined;
    hurry(session);
    await session.started;
    return session.phase === 'ready' ? session : undefined;
  }

  async train() {
    const session = await this.#ready();
    await (this.mode === 'plane' ? session?.plane : session)?.train();
  }

  async pause() {
    this.session?.plane.pause();
    this.session?.plane.playback.pause();
    this.session?.stopDrawing();
    await this.session?.pause();
  }

  async draw() {
    const session = await this.#ready();
    if (this.mode === 'plane') return session?.plane.playback.play(0);
    if (this.mode === 'edit') return session?.editor.run();
    return this.mode === 'sample' ? session?.sample() : session?.draw();
  }

  // --- what is seen ---

  #pending = false;

  requestUpdate() {
    if (this.#pending) return;
    this.#pending = true;
    queueMicrotask(() => {
      this.#pending = false;
      if (!this.element.isConnected) return;
      this.#drawTheme();
      this.#apply();
      render(this.#template(), this.#root, { host: this });
    });
  }

  #template() {
    // Panels belong to one session.
    return keyed(this.session, this.#whole());
  }

  #detail = readDetail();

  /** Whether formulas and all settings are shown: as the author has it, in the whole lab the visitor. */
  get #showsAll() {
    return this.mode !== 'lab' || this.#detail;
  }

  /** @param {boolean} all */
  #setDetail(all) {
    this.#detail = all;
    keepDetail(all);
    this.requestUpdate();
  }

  #whole() {
    const { session, mode, element } = this;
    const ready = session?.lab && session.phase !== 'failed';
    const classes = [
      'root',
      `mode-${mode}`,
      this.#showsAll ? '' : 'plain',
      this.dragging ? 'dragging' : '',
      ready ? 'works' : '',
      this.#hasFallback ? 'has-fallback' : '',
    ];
    return html`<div
      class=${classes.filter(Boolean).join(' ')}
      part="root"
      lang=${currentLanguage()}
      dir=${askedDirection(element) ?? nothing}
    >
      ${mode === 'lab' ? this.#stageRow() : nothing}
      ${
        session && (mode === 'lab' || element.controls)
          ? html`<unnoise-status-bar
              .session=${session}
              .link=${() => fullLink(session, this)}
              .settings=${() => changedSettings(session, this)}
              .mode=${mode}
              .detailed=${this.#showsAll}
              .setDetailed=${(/** @type {boolean} */ all) => this.#setDetail(all)}
              .page=${element.hash}
              .showKeys=${() => this.#showKeys()}
            ></unnoise-status-bar>`
          : nothing
      }
      ${ready ? html`<div class="story">${this.#panels()}</div>` : nothing}
      ${!ready && mode !== 'lab' ? html`<slot name="poster"></slot>` : nothing}
      <div class="fallback"><slot></slot><slot name="fallback"></slot></div>
      ${session && mode !== 'lab' && !ready ? this.#waiting(session) : nothing}
      ${mode === 'lab' ? html`<unnoise-keys-sheet></unnoise-keys-sheet>` : nothing}
      ${session && html`<unnoise-message-list .session=${session}></unnoise-message-list>`}
      ${ready ? html`<unnoise-sample-dialog .session=${session}></unnoise-sample-dialog>` : nothing}
      ${session && html`<unnoise-milestones .session=${session}></unnoise-milestones>`}
    </div>`;
  }

  #stageRow() {
    return html`<div class="stage-row" part="stage-row">
      <div class="intro">
        <slot name="intro"></slot>
        ${
          this.session && this.element.controls
            ? html`<unnoise-first-run .session=${this.session}></unnoise-first-run>`
            : nothing
        }
      </div>
      <div class="stage-frame">
        <slot name="poster"></slot>
        ${this.session ? html`<unnoise-stage .session=${this.session}></unnoise-stage>` : nothing}
      </div>
    </div>`;
  }

  /** What it waits for. @param {Session} session */
  #waiting(session) {
    if (session.phase === 'failed') return nothing;
    return html`<p class="waiting" part="waiting" role="status" data-testid="waiting">
      ${
        session.waiting && session.visible
          ? html`${mixed(
              'Another figure of this page is computing. {0}',
              html`<button type="button" class="link" @click=${() => hurry(session)}>
                ${msg('Show this one now')}
              </button>`,
            )}`
          : `${session.activity || msg('Starting')}…`
      }
    </p>`;
  }

  #panels() {
    const { session, mode, element } = this;
    const panels = session ? figurePanels(session, { mode, controls: element.controls }) : [];
    if (panels.length > 0) loadMathFont();
    if (this.mounted < panels.length) {
      requestAnimationFrame(() => {
        this.mounted++;
        this.requestUpdate();
      });
    }
    return panels.slice(0, this.mounted);
  }
}

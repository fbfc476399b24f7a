import { setBasePath } from '../lib/assets.js';
import {
  ATTRIBUTES,
  BY_ATTRIBUTE,
  initialOf,
  parseAttribute,
  propertyOf,
} from '../lib/attributes.js';
import { define } from '../lib/define.js';
import { LabError } from '../lib/errors.js';
import { whenSeen } from '../lib/when-seen.js';
import { openNewest } from '../offline/offline.js';

/**
 * @import { Figure } from './figure.js'
 * @typedef {'lab' | 'forward' | 'train' | 'sample' | 'compare' | 'edit' | 'diagnostics' |
 *   'plane'} Mode
 * @typedef {'auto' | 'light' | 'dark'} Theme
 * @typedef {import('./figure.js').FigureState} FigureState
 */

/** Before there is a figure, the element is what its markup is; `slot="poster"` and all else. */
const SLOTS = ['intro', 'poster', 'images', ''];

/** Sheets, since a Content-Security-Policy may forbid style in markup. */
const sheet = () => {
  const made = new CSSStyleSheet();
  // Figures without a fallback take up room before they start: else all would be near the screen.
  made.replaceSync(`:host { display: block } :host([hidden]) { display: none }
    :host(:not([started])) { min-height: var(--unnoise-min-height, 320px) }`);
  return made;
};
/** @type {CSSStyleSheet | undefined} */
let shared;

/** What is asked for by attributes and properties, of which `lib/attributes.json` has them all. */
const Base = /** @type {new () => HTMLElement & import('./asked.js').Asked} */ (
  /** @type {unknown} */ (HTMLElement)
);

/**
 * A diffusion model that trains and samples in the page. What it is asked for are its attributes
 * (`lib/attributes.json`) and the properties of their names; `settings` is what is in force.
 *
 * It is small: all that shows and computes, `figure.js`, is imported once it is near the screen.
 *
 * Dispatches `unnoise-state`, `unnoise-ready`, `unnoise-settings`, `unnoise-progress`,
 * `unnoise-frame`, `unnoise-done`, `unnoise-error`.
 */
export class UnnoiseLab extends Base {
  static observedAttributes = ATTRIBUTES.map(({ name }) => name);

  static {
    for (const attribute of ATTRIBUTES) {
      const property = propertyOf(attribute);
      Object.defineProperty(this.prototype, property, {
        configurable: true,
        enumerable: true,
        /** @this {UnnoiseLab} */
        get() {
          return this.#asked.has(property) ? this.#asked.get(property) : initialOf(attribute);
        },
        /** @this {UnnoiseLab} @param {unknown} value */
        set(value) {
          this.#ask(attribute, value);
        },
      });
    }
  }

  /** @type {Map<string, unknown>} By the names of properties. */
  #asked = new Map();
  /** What attributes say that makes no sense, by their names. @type {Map<string, LabError>} */
  #wrong = new Map();
  /** @type {Figure | undefined} */
  #figure;
  /** @type {Promise<Figure> | undefined} */
  #starting;
  #giveUp = () => {};
  #failed = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    shared ??= sheet();
    root.adoptedStyleSheets = [shared];
    root.append(
      ...SLOTS.map((name) => Object.assign(document.createElement('slot'), name ? { name } : {})),
    );
  }

  connectedCallback() {
    this.#upgrade();
    // Early, since the page may be loaded anew.
    this.#openNewest();
    if (this.#figure) this.#figure.connected();
    else if (this.loading === 'eager') this.#startQuietly();
    else this.#giveUp = whenSeen(this, () => this.#startQuietly());
  }

  disconnectedCallback() {
    this.#giveUp();
    // Whoever only moves the element elsewhere keeps the run.
    queueMicrotask(() => {
      if (!this.isConnected) this.#figure?.disconnected();
    });
  }

  /**
   * @param {string} name
   * @param {string | null} _
   * @param {string | null} text
   */
  attributeChangedCallback(name, _, text) {
    const attribute = BY_ATTRIBUTE.get(name);
    if (attribute) this.#ask(attribute, text);
  }

  /**
   * @param {import('../lib/attributes.js').Attribute} attribute
   * @param {unknown} value text counts as it does in an attribute, null as none
   */
  #ask(attribute, value) {
    const { name } = attribute;
    const isText = value === null || typeof value === 'string';
    this.#wrong.delete(name);
    try {
      this.#set(propertyOf(attribute), isText ? parseAttribute(attribute, value) : value);
    } catch (error) {
      const failure = LabError.from(error);
      this.#wrong.set(name, failure);
      this.#set(propertyOf(attribute), initialOf(attribute));
      this.#figure?.refuse(failure);
    }
  }

  /** Properties that were set before the element was defined. */
  #upgrade() {
    for (const attribute of ATTRIBUTES) {
      const property = propertyOf(attribute);
      if (!Object.hasOwn(this, property)) continue;
      const value = Reflect.get(this, property);
      Reflect.deleteProperty(this, property);
      this.#ask(attribute, value);
    }
  }

  /**
   * @param {string} property
   * @param {unknown} value
   */
  #set(property, value) {
    // Frameworks make the same object anew each time they render.
    const same = property === 'config' && JSON.stringify(this.config) === JSON.stringify(value);
    this.#asked.set(property, value);
    if (!same) this.#figure?.asked(property);
  }

  async #openNewest() {
    if (this.offline === undefined) return;
    await openNewest(this.offline, () => this.state === 'training');
  }

  /** Starts it, as soon as it is on a page. @returns {Promise<Figure>} */
  #start() {
    this.#giveUp();
    this.#starting ??= this.#import().catch((cause) => {
      this.#starting = undefined;
      throw this.#fail(cause);
    });
    return this.#starting;
  }

  #startQuietly() {
    // It has been said by an event.
    this.#start().catch(() => {});
  }

  async #import() {
    if (this.base !== undefined) setBasePath(this.base);
    await this.#openNewest();
    const [{ Figure }, { settleLanguage }] = await Promise.all([
      import('./figure.js'),
      import('./language.js'),
    ]);
    // So that nothing is said in one language that goes on in another.
    await settleLanguage(this);
    if (!this.isConnected) {
      throw new LabError('aborted', 'The element left the page before it started.');
    }
    this.#failed = false;
    this.#figure = new Figure(this, /** @type {ShadowRoot} */ (this.shadowRoot));
    for (const failure of this.#wrong.values()) this.#figure.refuse(failure);
    this.#figure.connected();
    return this.#figure;
  }

  /** @param {unknown} cause why the figure could not be had */
  #fail(cause) {
    const failure = LabError.from(cause);
    if (failure.code === 'aborted') return failure;
    this.#failed = true;
    const message =
      'The script of the figure could not be loaded. Check the connection and reload the page; if ' +
      'you host it yourself, copy all scripts of the package.';
    const detail = { code: 'not-found', message };
    const how = { bubbles: true, composed: true };
    this.dispatchEvent(new CustomEvent('unnoise-error', { detail, ...how }));
    this.dispatchEvent(new CustomEvent('unnoise-state', { detail: { state: 'failed' }, ...how }));
    return new LabError('not-found', message, { cause });
  }

  // --- for programs ---

  /** What the data-* attributes are. Frameworks that set a property where there is one mean the set. */
  get dataset() {
    return super.dataset;
  }

  set dataset(name) {
    this.#ask(/** @type {any} */ (BY_ATTRIBUTE.get('dataset')), name);
  }

  /** What it is doing. @returns {FigureState} */
  get state() {
    return this.#figure?.state ?? (this.#failed ? 'failed' : 'idle');
  }

  /** What is in force; nothing before the element is ready. */
  get settings() {
    return this.#figure?.settings;
  }

  /** How far training is; nothing before the element is ready. */
  get progress() {
    return this.#figure?.progress;
  }

  /** What is shown of the samples; nothing before there are some. */
  get frame() {
    return this.#figure?.frame;
  }

  /** @returns {import('../lab.js').Lab | undefined} */
  get lab() {
    return this.#figure?.session?.lab;
  }

  /** What is done with the lab. Not for programs: it changes with every version. */
  get session() {
    return this.#figure?.session;
  }

  /** Trains to the end, or until it is paused. */
  async train() {
    return (await this.#start()).train();
  }

  /** Pauses training and ends sampling. */
  async pause() {
    return this.#figure?.pause();
  }

  /** Draws what the mode shows, with the settings in force. */
  async sample() {
    return (await this.#start()).draw();
  }
}

define('unnoise-lab', UnnoiseLab);

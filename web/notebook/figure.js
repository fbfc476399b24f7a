import { msg } from '../lib/localize.js';
import { Kernel } from './kernel.js';
import { prepareFiles } from './files.js';

/**
 * The element as an output of a notebook. What is asked for are traits of the model, which the
 * program sets: `attributes`, `training`, and the numbers of the images and of the model that it
 * gives. What comes of it are the traits `state`, `step`, `loss`, `error`, `saved`, `sampled`, and
 * messages with bytes.
 *
 * @import { Model, Message } from './kernel.js'
 *
 * @typedef {HTMLElement & {
 *   images: unknown, model: unknown, lab?: import('../lab.js').Lab,
 *   frame?: import('../worker/protocol.js').Frame,
 *   train: () => unknown, pause: () => unknown, sample: () => unknown,
 * }} Element
 *
 * @typedef {object} Happenings
 * @property {{ state: string }} state
 * @property {{ step: number, losses: Iterable<number>, loss: number }} progress
 * @property {{ kind: string }} done
 * @property {{ message: string }} error
 */

/** Every change of a trait may run cells anew. */
const TRAITS_MS = 500;

export class Figure {
  #kernel;
  #element = /** @type {Element} */ (document.createElement('unnoise-lab'));
  #listening = new AbortController();
  /** @type {Record<string, unknown>} */
  #changes = {};
  #timer = 0;

  /** @param {Model} model */
  constructor(model) {
    this.#kernel = new Kernel(model);
  }

  /** @param {HTMLElement} place */
  async show(place) {
    await prepareFiles(this.#kernel, this.#kernel.get('base'));
    this.#applyAttributes();
    // Before it is on the page, so that it starts with them and not with a bundled set.
    if (this.#kernel.get('images_version')) await this.#takeImages();
    if (this.#kernel.get('model_version')) await this.#takeModel();
    if (this.#listening.signal.aborted) return;
    this.#listen();
    place.append(this.#element);
    if (this.#kernel.get('training')) this.#guard(this.#train)();
  }

  remove() {
    clearTimeout(this.#timer);
    this.#listening.abort();
    this.#kernel.close();
    this.#element.remove();
  }

  // --- what is asked for ---

  /** @type {Set<string>} */
  #attributes = new Set();

  #applyAttributes = () => {
    const given = /** @type {Record<string, unknown>} */ (this.#kernel.get('attributes') ?? {});
    for (const name of this.#attributes) {
      if (!(name in given)) this.#element.removeAttribute(name);
    }
    this.#attributes = new Set(Object.keys(given));
    for (const [name, value] of Object.entries(given)) {
      const text = attributeText(value);
      // Set again, it counts again.
      if (text === null) this.#element.removeAttribute(name);
      else if (text !== this.#element.getAttribute(name)) this.#element.setAttribute(name, text);
    }
  };

  #takeImages = async () => {
    const zip = await this.#kernel.file('images.zip');
    this.#element.images = [new File([zip], 'images.zip', { type: 'application/zip' })];
  };

  #takeModel = async () => {
    this.#element.model = URL.createObjectURL(await this.#kernel.file('model.safetensors'));
  };

  #train = async () => {
    const asked = this.#kernel.get('training') === true;
    // It may have been set from here.
    if (asked === (this.#state === 'training')) return;
    await (asked ? this.#element.train() : this.#element.pause());
  };

  /** @param {Message} message */
  async #obey({ type, half }) {
    if (type === 'sample') await this.#element.sample();
    if (type === 'save') {
      const { lab } = this.#element;
      if (!lab) throw new Error(msg('There is no model yet. Wait until the figure is ready.'));
      this.#kernel.send({ type: 'model' }, await lab.save({ half: half === true }));
      this.#count('saved');
    }
  }

  #listen() {
    this.#kernel.watch('change:attributes', this.#applyAttributes);
    this.#kernel.watch('change:images_version', this.#guard(this.#takeImages));
    this.#kernel.watch('change:model_version', this.#guard(this.#takeModel));
    this.#kernel.watch('change:training', this.#guard(this.#train));
    const { signal } = this.#listening;
    this.#kernel.addEventListener(
      'message',
      (event) => this.#guard(() => this.#obey(/** @type {CustomEvent} */ (event).detail))(),
      { signal },
    );
    /**
     * @template {keyof Happenings} Type
     * @param {Type} type
     * @param {(detail: Happenings[Type]) => void} then
     */
    const hear = (type, then) =>
      this.#element.addEventListener(
        `unnoise-${type}`,
        (event) => then(/** @type {CustomEvent} */ (event).detail),
        { signal },
      );
    hear('state', ({ state }) => this.#onState(state));
    hear('progress', (progress) => this.#onProgress(progress));
    hear('done', ({ kind }) => kind === 'sample' && this.#sendSamples());
    hear('error', ({ message }) => this.#set({ error: message }));
  }

  /** What goes wrong is told to the program. @param {() => Promise<void>} act */
  #guard = (act) => () =>
    void act().catch((error) => this.#set({ error: String(error?.message ?? error) }));

  // --- what comes of it ---

  #state = '';

  /** @param {string} state */
  #onState(state) {
    if (state === 'training') this.#set({ training: true });
    else if (this.#state === 'training') this.#set({ training: false });
    this.#state = state;
    this.#set({ state });
    this.#flush();
  }

  /** @param {Happenings['progress']} progress */
  #onProgress({ step, losses, loss }) {
    const bytes = new Uint8Array(Float32Array.from(losses).buffer);
    this.#kernel.send({ type: 'losses', step }, bytes);
    this.#set({ step, loss });
  }

  #sendSamples() {
    const { frame } = this.#element;
    if (!frame) return;
    const { count, size, x_t } = frame;
    this.#kernel.send({ type: 'samples', count, size }, x_t);
    this.#count('sampled');
  }

  /** After the bytes, so that whoever hears of it has them. @param {string} name */
  #count(name) {
    this.#set({ [name]: Number(this.#kernel.get(name)) + 1 });
  }

  /** @param {Record<string, unknown>} changes */
  #set(changes) {
    Object.assign(this.#changes, changes);
    this.#timer ||= window.setTimeout(() => this.#flush(), TRAITS_MS);
  }

  #flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const changes = this.#changes;
    this.#changes = {};
    this.#kernel.set(changes);
  }
}

/**
 * @param {unknown} value
 * @returns {string | null} null where there shall be no attribute
 */
function attributeText(value) {
  if (value === null || value === undefined || value === false) return null;
  if (value === true) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

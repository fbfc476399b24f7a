import { flattenConfig } from '../lib/config.js';
import { LabError } from '../lib/errors.js';
import { inOneBuffer, packImages, packTiles } from '../store/images.js';
import { newId } from '../store/schema.js';

/**
 * @import { Config } from '../lib/config.js'
 * @import { MasterImage } from '../lib/decode-images.js'
 * @import { CurveRecord, StoredImage, StoredSample } from '../store/schema.js'
 * @import { Saved } from '../store/runs.js'
 * @import { KeptRun } from '../worker/protocol.js'
 * @import { Session } from './session.js'
 *
 * @typedef {{ bytes: Uint8Array, step: number, curve: CurveRecord }} State to go on from
 */

/** How long the storage is left alone after it refused, in milliseconds. */
const RETRY_MS = 60_000;
/** Tries to save one state: its images may be gone, and another tab may have saved the run. */
const MAX_TRIES = 3;

/**
 * Keeps the state of the run that is trained: in memory, from where a crash of the worker takes it
 * back, and with its images, curve and samples in the browser's storage.
 *
 * Dispatches `kept` when the memory has it, `saved` when the storage has it, and `refused` and `thinned` when the storage would not
 * have it or had room only without some older samples.
 */
export class Checkpointer extends EventTarget {
  /** The newest state of the model in the lab. @type {State | undefined} */
  state;
  #session;
  #retryAt = -Infinity;
  /** The sets of images that are stored, and what those that may not be look like when they are. */
  #sets = new ImageSets();
  /** Of the run, those that are stored. @type {{ run: string, steps: Set<number> }} */
  #samples = { run: '', steps: new Set() };
  /** @type {{ config?: Config, list: [string, string][] }} */
  #settings = { list: [] };

  /** @param {Session} session */
  constructor(session) {
    super();
    this.#session = session;
  }

  /** A run begins or goes on: its images are made ready to be stored. */
  begin() {
    const { run, imageSet, options, lab } = this.#session;
    const own = imageSet.dataset === null;
    run.learnFrom(imageSet.dataset, own ? this.#sets.nameOf(lab.images) : null);
    if (options.persists && own) this.#sets.prepare(lab.images);
  }

  /** The model in the lab is another. */
  forget() {
    this.state = undefined;
  }

  /**
   * What is in the storage is in the lab from now on.
   * @param {import('../store/schema.js').WholeRun} whole
   */
  adopt({ record, samples }) {
    const { images } = this.#session.lab;
    if (record.imageSet !== null) this.#sets.adopt(images, record.imageSet);
    this.#samples = { run: record.id, steps: new Set(samples.map(({ step }) => step)) };
  }

  /**
   * Keeps the state of the model. Fails only where there is none to keep: storage may be full or
   * forbidden, and training must not end for that.
   *
   * @param {{ patient?: boolean }} [options] whether to wait until the images are ready to be stored
   */
  async keep({ patient = false } = {}) {
    const { lab, trainer } = this.#session;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const curve = trainer.curve.toRecord();
      const kept = await this.#describe(curve, patient);
      const { bytes, step, saved, refused } = await lab.checkpoint(kept);
      this.state = { bytes, step, curve };
      this.dispatchEvent(new Event('kept'));
      if (refused) this.#refused(LabError.from(refused));
      if (!kept || !saved || (await this.#saved(saved, kept))) return;
    }
  }

  /**
   * What the storage is to have of the run besides the checkpoint; nothing where it is not asked.
   * @param {CurveRecord} curve
   * @param {boolean} patient
   * @returns {Promise<KeptRun | undefined>}
   */
  async #describe(curve, patient) {
    const { run, lab, options, trainer, storedRuns } = this.#session;
    if (!options.persists || (performance.now() < this.#retryAt && !patient)) return undefined;
    const { id, name, beganAt, revision, dataset, imageSet } = run;
    const images = imageSet === null ? undefined : this.#sets.unsaved(imageSet);
    if (images && !patient && !images.ready) return undefined;
    const { config, backend } = lab;
    const settings = await this.#changed(config);
    if (this.#samples.run !== id) this.#samples = { run: id, steps: new Set() };
    const { snapshots } = trainer.preview;
    /** @type {StoredSample[]} */
    const samples = snapshots
      .filter(({ step }) => !this.#samples.steps.has(step))
      .map(({ step, frame }) => ({ run: id, step, ...packTiles(frame) }));
    const imageCount = imageSet === null ? 0 : lab.images.length;
    const who = { id, name, beganAt, revision, backend, dataset, imageSet, imageCount };
    return {
      database: storedRuns.store.name,
      note: { ...who, config, settings, curve },
      samples,
      sampleSteps: snapshots.map(({ step }) => step),
      images: await images?.packed,
    };
  }

  /**
   * The settings that differ from the defaults.
   * @param {Config} config
   */
  async #changed(config) {
    if (this.#settings.config === config) return this.#settings.list;
    const { size, labels } = config;
    // Whatever is wrong with the labels of a foreign model, its state is kept.
    const defaults = await this.#session.lab.resolveConfig({ size, labels }).catch(() => config);
    const usual = flattenConfig(defaults);
    const differing = Object.entries(flattenConfig(config)).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(usual[name]),
    );
    /** @type {[string, string][]} */
    const list = differing.map(([name, value]) => [name, String(value)]);
    this.#settings = { config, list };
    return list;
  }

  /**
   * @param {Saved} saved
   * @param {KeptRun} kept
   * @returns {Promise<boolean>} whether that is the end of it
   */
  async #saved(saved, { note, samples }) {
    const { run } = this.#session;
    if (saved.outcome === 'conflict') {
      run.fork();
      return false;
    }
    if (saved.outcome === 'images-needed') {
      this.#sets.prepare(this.#session.lab.images, { lost: true });
      return false;
    }
    if (note.imageSet !== null) this.#sets.saved(note.imageSet);
    for (const { step } of samples) this.#samples.steps.add(step);
    run.save(saved);
    if (saved.thinned) this.dispatchEvent(new Event('thinned'));
    this.dispatchEvent(new Event('saved'));
    return true;
  }

  /** @param {LabError} failure */
  #refused(failure) {
    this.#retryAt = performance.now() + RETRY_MS;
    this.dispatchEvent(new CustomEvent('refused', { detail: failure }));
  }
}

/**
 * The user's images on their way into the storage.
 *
 * @typedef {{ packed: Promise<StoredImage[]>, ready: boolean }} Packing
 */
class ImageSets {
  /** @type {WeakMap<readonly MasterImage[], string>} */
  #names = new WeakMap();
  /** @type {Set<string>} */
  #stored = new Set();
  /** @type {Map<string, Packing>} */
  #unsaved = new Map();

  /** @param {readonly MasterImage[]} images */
  nameOf(images) {
    const name = this.#names.get(images) ?? newId();
    if (!this.#names.has(images)) {
      this.#names.set(images, name);
      this.#unsaved.clear();
    }
    return name;
  }

  /**
   * Those that are stored under that name.
   * @param {readonly MasterImage[]} images
   * @param {string} name
   */
  adopt(images, name) {
    this.#names.set(images, name);
    this.saved(name);
  }

  /** @param {string} name */
  saved(name) {
    this.#unsaved.delete(name);
    this.#stored.add(name);
  }

  /**
   * Makes them ready, if they are not stored.
   * @param {readonly MasterImage[]} images
   * @param {{ lost?: boolean }} [options] whether they are stored no more
   */
  prepare(images, { lost = false } = {}) {
    const name = this.nameOf(images);
    if (lost) this.#stored.delete(name);
    if (this.#unsaved.has(name) || this.#stored.has(name)) return;
    /** @type {Packing} */
    const packing = { packed: packImages(images, name).then(inOneBuffer), ready: false };
    packing.packed.then(
      () => (packing.ready = true),
      () => {},
    );
    this.#unsaved.set(name, packing);
  }

  /** @param {string} name */
  unsaved(name) {
    return this.#unsaved.get(name);
  }
}

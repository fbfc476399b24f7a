import { SETS } from '../lib/datasets.js';
import { outdatedBy } from '../lib/derived-settings.js';
import { msg, translated } from '../lib/localize.js';
import { newId } from '../store/schema.js';

/**
 * The run: which model is in the lab, whether the next start goes on with it, and the settings that
 * a fresh one would have. It changes by its own methods only, and dispatches `change` where panels show it.
 *
 * | state       | the model in the lab                                    |
 * |-------------|---------------------------------------------------------|
 * | `untrained` | has random weights                                      |
 * | `bundled`   | came with a bundled set                                 |
 * | `file`      | came from a file; its steps may be unknown              |
 * | `training`  | is being trained                                        |
 * | `paused`    | was trained here, on this visit or one before           |
 * | `finished`  | was trained here up to the step that was aimed at       |
 *
 * `load` leads to `bundled`, `file` or `paused`, and `discard` to `untrained`, from any state but
 * `training`; `start` leads to `training`, and `stop` from there to `paused` or `finished`.
 *
 * @import { Config, ConfigOverrides } from '../lib/config.js'
 * @import { ModelFiles } from '../lab.js'
 *
 * @typedef {'untrained' | 'bundled' | 'file' | 'training' | 'paused' | 'finished'} RunState
 * @typedef {'bundled' | 'file' | 'paused'} LoadedState
 *
 * @typedef {Pick<import('../store/schema.js').RunRecord, 'id' | 'name' | 'beganAt' | 'revision' |
 *   'dataset' | 'imageSet'>} Identity of a run in the browser's storage
 */

const DEFAULT_STEPS = 2000;
/** Years of training. */
const MAX_STEPS = 1e9;

/** As many as can be taken. @param {number} steps */
const stepsOf = (steps) => Math.min(MAX_STEPS, Math.max(1, Math.round(steps) || 1));

/**
 * What a run is called, until the user has a better name for it.
 * @param {string | null} dataset
 */
export const nameOf = (dataset) =>
  dataset === null
    ? msg('My images')
    : translated(SETS.find(({ id }) => id === dataset)?.title ?? dataset);

export class Run extends EventTarget {
  /** @type {RunState} */
  #state = 'untrained';
  #continues = false;
  /** @type {Uint8Array | ModelFiles | undefined} */
  #loaded;
  #steps;
  #target = 0;
  #id = newId();
  #name = '';
  #beganAt = Date.now();
  #revision = 0;
  /** @type {string | null} */
  #dataset = null;
  /** @type {string | null} */
  #imageSet = null;
  #overrides;
  /** @type {Config | undefined} */
  #fresh;
  /** @type {import('../lab.js').Lab | undefined} */
  #lab;

  /** @param {{ overrides: ConfigOverrides, trainSteps?: number }} options */
  constructor({ overrides, trainSteps = DEFAULT_STEPS }) {
    super();
    this.#overrides = overrides;
    this.#steps = stepsOf(trainSteps);
  }

  // --- the model ---

  /** @returns {RunState} */
  get state() {
    const reached = this.#target > 0 && this.#step >= this.#target;
    return this.#state === 'paused' && reached ? 'finished' : this.#state;
  }

  get training() {
    return this.#state === 'training';
  }

  /** Whether the model is one that is or was trained here. */
  get trained() {
    return this.#state === 'training' || this.#state === 'paused';
  }

  /**
   * Whether the model is more than random weights; how long a loaded one was trained may be
   * unknown.
   */
  get canContinue() {
    return this.#step > 0 || this.#state === 'file';
  }

  /** Whether the next start goes on with the model in the lab. */
  get continues() {
    return this.#continues;
  }

  /** What the model was loaded from, until a checkpoint is newer. */
  get loaded() {
    return this.#loaded;
  }

  get #step() {
    return this.#lab?.step ?? 0;
  }

  /** @param {import('../lab.js').Lab} lab that holds the model from now on */
  use(lab) {
    this.#lab = lab;
    this.#changed();
  }

  /**
   * The lab has loaded a model.
   * @param {Uint8Array | ModelFiles} model
   * @param {LoadedState} state
   */
  load(model, state) {
    this.#replace(state);
    this.#loaded = model;
    this.setContinues(state !== 'bundled');
  }

  /** The lab has random weights. */
  discard() {
    this.#replace('untrained');
    this.setContinues(false);
  }

  /** @param {RunState} state of another model, which belongs to a run with another name */
  #replace(state) {
    if (this.training) throw new Error('A run is paused before its model is replaced.');
    this.#state = state;
    this.#loaded = undefined;
    this.#target = 0;
    this.#beginRecord('');
  }

  /**
   * The lab went back to what was saved last, or to random weights.
   * @param {boolean} found whether there was a model to go back to
   */
  recover(found) {
    this.#continues = found && this.#state !== 'bundled';
    this.#changed();
  }

  /** @param {boolean} continues */
  setContinues(continues) {
    this.#continues = continues && this.canContinue;
    this.#changed();
  }

  // --- training ---

  /** The step at which training stops; 0 before the first start. */
  get target() {
    return this.#target;
  }

  /** How many steps the next start takes. */
  get steps() {
    return this.#steps;
  }

  get usesDefaultSteps() {
    return this.#steps === DEFAULT_STEPS;
  }

  /** @param {number} steps */
  setSteps(steps) {
    this.#steps = stepsOf(steps);
    // Of a run that is under way, paused or not.
    if (this.#target > 0) this.#target = this.#step + this.#steps;
    this.#changed();
  }

  /**
   * Training stops at another step than was said at its start.
   * @param {number} target
   */
  aimAt(target) {
    this.#target = Math.max(target, this.#step);
    this.#changed();
  }

  /** Training begins, or goes on to the step that was aimed at before. */
  start() {
    if (this.training) throw new Error('A run is started once before it is stopped.');
    const resumes = this.state === 'paused' && this.#step > 0 && this.#target > 0;
    if (!resumes) this.#target = this.#step + this.#steps;
    this.#state = 'training';
    this.#continues = true;
    this.#changed();
  }

  /** Training has ended, wherever. */
  stop() {
    if (!this.training) return;
    this.#state = 'paused';
    this.#changed();
  }

  // --- in the browser's storage ---

  get id() {
    return this.#id;
  }

  /** What it is called, or is to be called. */
  get name() {
    return this.#name || nameOf(this.#dataset);
  }

  get beganAt() {
    return this.#beganAt;
  }

  /** The revision of its record that is known here; 0 before there is one. */
  get revision() {
    return this.#revision;
  }

  /** The bundled set that it learns from, or null for the user's own images. */
  get dataset() {
    return this.#dataset;
  }

  /** What the user's own images are stored as. */
  get imageSet() {
    return this.#imageSet;
  }

  /**
   * @param {string | null} dataset
   * @param {string | null} imageSet
   */
  learnFrom(dataset, imageSet) {
    this.#dataset = dataset;
    this.#imageSet = imageSet;
  }

  /**
   * Its record is in the storage: it is what a crash leaves.
   * @param {{ revision: number, name: string }} record
   */
  save({ revision, name }) {
    this.#revision = revision;
    this.#name = name;
    this.#loaded = undefined;
  }

  /** Which record is its own. */
  get identity() {
    const { id, name, beganAt, revision, dataset, imageSet } = this;
    return { id, name, beganAt, revision, dataset, imageSet };
  }

  /**
   * The model in the lab is that of a record.
   * @param {Identity} record
   */
  adopt({ id, name, beganAt, revision, dataset, imageSet }) {
    this.#id = id;
    this.#name = name;
    this.#beganAt = beganAt;
    this.#revision = revision;
    this.learnFrom(dataset, imageSet);
    this.setContinues(true);
  }

  /** Another tab goes on with the record, or has deleted it: this one needs its own. */
  fork() {
    this.#beginRecord(this.#name);
  }

  /** @param {string} name */
  rename(name) {
    this.#name = name;
  }

  /** @param {string} name */
  #beginRecord(name) {
    this.#id = newId();
    this.#name = name;
    this.#beganAt = Date.now();
    this.#revision = 0;
  }

  // --- settings ---

  /** What the user changed from the defaults. */
  get overrides() {
    return this.#overrides;
  }

  /** The settings of a fresh run, once they are worked out. */
  get fresh() {
    return this.#fresh;
  }

  /** The settings of the run that the next start begins or goes on with. */
  get config() {
    return this.#continues || !this.#fresh ? this.#lab?.config : this.#fresh;
  }

  /** @param {Config} config */
  setFresh(config) {
    this.#fresh = config;
    this.setContinues(this.#continues);
  }

  /**
   * Changes a setting, and with it those that make no sense beside it. A fresh run is meant.
   * @param {string} name
   * @param {unknown} value
   * @returns {() => void} takes it back
   */
  override(name, value) {
    const before = this.#overrides;
    const outdated = this.config ? outdatedBy(this.config, name, value) : [];
    const others = Object.entries(before).filter(
      ([other]) => other !== name && !outdated.includes(other),
    );
    const given = value === undefined ? {} : { [name]: value };
    this.#overrides = { ...Object.fromEntries(others), ...given };
    this.setContinues(false);
    return () => {
      this.#overrides = before;
      this.#changed();
    };
  }

  /**
   * @param {string} [name] of a setting that cannot be; all are dropped if it is none of those given
   */
  drop(name = '') {
    const given = Object.entries(this.#overrides);
    const others = given.filter(([other]) => other !== name);
    this.#overrides = others.length < given.length ? Object.fromEntries(others) : {};
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

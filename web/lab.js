import * as diagnostics from './diagnostics.js';
import { Engine } from './engine.js';
import { setBasePath } from './lib/assets.js';
import { givenSetting, learnsCrops, mergeConfig } from './lib/config.js';
import { pixelsAt } from './lib/decode-images.js';
import { msg } from './lib/localize.js';
import { LabError, throwIfAborted } from './lib/errors.js';
import { labelNumbers, labelsOfModel } from './lib/labels.js';
import { parts } from './lib/parts.js';
import { adaptSampling } from './lib/samplers.js';
import { SerialQueue } from './lib/serial-queue.js';
import { TrainingImages } from './training-images.js';

export { LabError, setBasePath };

/**
 * @typedef {import('./lib/config.js').Config} Config
 * @typedef {import('./lib/config.js').ConfigOverrides} ConfigOverrides
 * @typedef {import('./lib/decode-images.js').MasterImage} MasterImage
 * @typedef {import('./lib/decode-images.js').Decoded} Decoded
 * @typedef {import('./lib/decode-images.js').Framing} Framing
 * @typedef {import('./lib/backend.js').BackendName} BackendName
 * @typedef {import('./worker/protocol.js').TrainReport} TrainReport
 * @typedef {import('./worker/protocol.js').Frame} Frame
 * @typedef {import('./worker/protocol.js').SampleOptions} SampleOptions
 * @typedef {import('./worker/protocol.js').EditOptions} EditOptions
 * @typedef {import('./worker/protocol.js').FrameOptions} FrameOptions
 * @typedef {import('./worker/protocol.js').NoiseTerm} NoiseTerm
 * @typedef {import('./worker/protocol.js').Schedule} Schedule
 * @typedef {import('./worker/protocol.js').Noisy} Noisy
 * @typedef {import('./worker/protocol.js').ModelFiles} ModelFiles
 *
 * @typedef {{ init?: Blob | Pick<MasterImage, 'rgb' | 'size'> }} StartImage
 * @typedef {Partial<SampleOptions> & EditOptions & FrameOptions & StartImage} SampleRequest
 */

/** How long the worker computes before it reports: ten reports a second. */
const SLICE_MS = 100;

/** But for the sampler and its steps, which depend on the model. */
export const SAMPLE_DEFAULTS = /** @type {const} */ ({
  eta: 0,
  seed: 0,
  count: 16,
  weights: 'ema',
  variance: null,
  clip: null,
  dynamic_threshold: null,
  timestep_spacing: null,
  use_karras_sigmas: null,
  use_clipped_model_output: false,
  labels: /** @type {SampleOptions['labels']} */ ([]),
  guidance: 1,
});

/**
 * A diffusion model, the images it learns from, and the worker that computes: the whole of Unnoise
 * without a user interface.
 *
 * Dispatches `crash` when the worker died; `restart` then gives it a new one. Dispatches `lost`
 * when one of the helpers of that worker did; the others then go on without it. Dispatches
 * `compiling` as the GPU's programs are compiled, before the first step of a kind.
 */
export class Lab extends EventTarget {
  #engine;
  #images = new TrainingImages();
  /** Whatever replaces the model. */
  #queue = new SerialQueue();
  /** What the model was loaded from, until it has learnt more. @type {Uint8Array | ModelFiles | undefined} */
  #source;

  /**
   * @param {object} [options]
   * @param {BackendName | 'auto'} [options.backend]
   * @param {ConfigOverrides} [options.config] only what differs from the defaults
   * @param {number} [options.images] how many images there will be: the defaults depend on it
   * @param {number} [options.workers] how many to compute on, where that is the CPU
   * @param {string | URL} [options.base] see `setBasePath`
   * @returns {Promise<Lab>}
   */
  static async create({ backend = 'auto', config = {}, images = 0, workers, base } = {}) {
    if (base !== undefined) setBasePath(base);
    const lab = new Lab(workers);
    try {
      await lab.#engine.start(backend, () => lab.#create(config, images));
    } catch (error) {
      lab.dispose();
      throw error;
    }
    return lab;
  }

  /** Use `Lab.create`. @param {number} [workers] */
  constructor(workers) {
    super();
    this.#engine = new Engine(workers);
    for (const type of ['crash', 'lost', 'compiling']) {
      this.#engine.addEventListener(type, (event) => {
        const { detail } = /** @type {CustomEvent} */ (event);
        this.dispatchEvent(new CustomEvent(type, { detail }));
      });
    }
  }

  get backend() {
    return this.#engine.choice.backend;
  }
  /** What the backend runs on, in words. */
  get adapter() {
    return this.#engine.choice.adapter;
  }
  get adapterKind() {
    return this.#engine.choice.kind;
  }
  /**
   * What the test of the GPU found, if the GPU was to be used: on one that failed it nothing is
   * computed.
   */
  get selfTest() {
    return this.#engine.selfTest;
  }
  /** Why the backend is not the one that one might expect. */
  get backendReason() {
    return this.#engine.choice.reason;
  }
  /** How many workers share the work; fewer than at first where some failed. */
  get workers() {
    return this.#engine.workers;
  }
  /** Whether the worker died and nobody gave the lab another one. */
  get crashed() {
    return this.#engine.crashed;
  }
  /** How much of the GPU's programs is compiled, while some are not; see `compiling`. */
  get compiling() {
    const { done, total } = this.#engine.compiling;
    return done < total ? { done, total } : undefined;
  }
  /** Whether it has no worker until `resume`, see `suspend`. */
  get suspended() {
    return this.#engine.suspended;
  }
  get config() {
    return this.#engine.config;
  }
  get parameterCount() {
    return this.#engine.parameterCount;
  }
  get step() {
    return this.#engine.step;
  }
  get images() {
    return this.#images.list;
  }
  /** What the model can be asked for by name; empty where it was made without labels. */
  get labels() {
    return labelsOfModel(this.config);
  }

  // --- settings ---

  /**
   * The complete config for a size and a number of images.
   * @param {ConfigOverrides} [config]
   * @param {number} [images]
   * @returns {Promise<Config>}
   */
  async resolveConfig(config = {}, images = this.images.length) {
    const size = Number(config.size ?? 32);
    const timesteps = Number(givenSetting(config, 'num_train_timesteps')) || undefined;
    // As in a link.
    const crops = ['true', '1'].includes(String(givenSetting(config, 'random_crop') ?? false));
    const defaults = await this.#engine.defaultConfig({ size, images, timesteps, crops });
    return mergeConfig(JSON.parse(defaults), config);
  }

  /**
   * Starts over with other settings: a fresh model, the same images.
   * @param {ConfigOverrides} config
   */
  configure(config) {
    return this.#queue.run(() => this.#create(config));
  }

  // --- images ---

  /**
   * Decodes and adds image files. One bad file never keeps the others out.
   *
   * A model learns labels if its config lists them, as `labels`; images whose label is not among
   * those, or that have none, it learns as images of any kind.
   *
   * @param {Iterable<Blob & { name?: string }>} files
   * @param {{ labels?: (string | undefined)[] } & Framing & { told?: (done: number) => void }} [options]
   *   what each file shows, how it is made a square, and who is told how many have been looked at
   * @returns {Promise<{ added: Decoded[], rejected: LabError[] }>}
   */
  addImages(files, { labels = [], ...how } = {}) {
    return this.#images.add(files, labels, how);
  }

  /** @param {readonly MasterImage[]} images */
  setImages(images) {
    this.#images.set(images);
  }

  /** Throws `no-images` where there is nothing to learn from. */
  requireImages() {
    if (this.images.length > 0) return;
    throw new LabError('no-images', msg('There is nothing to learn from yet. Add an image first.'));
  }

  // --- forward process ---

  /** @returns {Promise<Schedule>} */
  schedule() {
    return this.#engine.call('schedule', {});
  }

  /**
   * q(x_t | x_0) in closed form, for one image.
   * @param {{ index: number, t: number, seed?: number }} options
   * @returns {Promise<Noisy>}
   */
  async noisy({ index, t, seed = 0 }) {
    await this.#images.send(this.#engine);
    return this.#engine.call('noisy', { index, t, seed });
  }

  // --- training ---

  /** Compiles what the first step needs, so that the first report comes soon after the start. */
  warmUp() {
    return this.#engine.call('warmUp', {});
  }

  /**
   * Trains, and reports about ten times a second. An abort lets the current slice finish and be
   * reported first: what was computed is kept.
   *
   * @param {{ steps?: number, signal?: AbortSignal, sliceMs?: number }} [options]
   * @returns {AsyncGenerator<TrainReport, void, void>}
   */
  async *train({ steps = Infinity, signal, sliceMs = SLICE_MS } = {}) {
    this.requireImages();
    const end = this.step + steps;
    while (this.step < end) {
      throwIfAborted(signal);
      await this.#images.send(this.#engine);
      this.#source = undefined;
      const maxSteps = Math.min(end - this.step, 0xffffffff);
      const args = { milliseconds: sliceMs, maxSteps };
      const report = await this.#engine.call('train', args);
      this.#engine.step = report.step;
      yield report;
    }
  }

  /** Forgets what was learnt; settings and images stay. */
  reset() {
    return this.#queue.run(async () => {
      this.#engine.adopt(await this.#engine.call('reset', {}));
      this.#source = undefined;
    });
  }

  // --- sampling ---

  /**
   * Draws a batch from noise, or from an image, and yields every state on the way. The weights are
   * those at the call.
   *
   * @param {SampleRequest & { signal?: AbortSignal }} [options]
   * @returns {AsyncGenerator<Frame, void, void>}
   */
  async *sample({ signal, init, ...options } = {}) {
    throwIfAborted(signal);
    const asked = { ...SAMPLE_DEFAULTS, ...adaptSampling(options, this.config), ...options };
    const args = {
      ...asked,
      labels: labelNumbers(asked.labels, this.labels),
      init: init && (await this.#pixelsOf(init, asked.extend)),
    };
    if (args.weights === 'ideal') await this.#images.send(this.#engine);
    const { client, engine } = this.#engine.address;
    const { sampling, ...shape } = await client.call('sample', engine, args);
    for await (const frame of parts(client, sampling, signal)) {
      // The end, x_0, belongs to no timestep; it is where t has run out.
      yield { ...shape, ...frame, t: frame.t ?? 0 };
    }
  }

  /**
   * The bytes of an image that is to be changed: at the model's size, or as it is where it is to be
   * extended.
   *
   * @param {NonNullable<SampleRequest['init']>} init
   * @param {SampleRequest['extend']} extend
   */
  async #pixelsOf(init, extend) {
    const { size, unet } = this.config;
    return pixelsAt(init, extend?.height ?? size, unet.in_channels);
  }

  // --- diagnostics ---

  /**
   * Estimates the variational bound of an image, a timestep at a time: the last part has `left` 0
   * and estimates of the whole.
   * @param {diagnostics.ElboOptions} [options]
   */
  async *elbo(options) {
    yield* diagnostics.elbo(await this.#withImages(), options);
  }

  /**
   * Estimates the optimal loss, the least that any network can have on the images, a timestep at a
   * time: the last part has `left` 0 and the estimated mean.
   * @param {diagnostics.OptimalLossOptions} [options]
   */
  async *optimalLoss(options) {
    yield* diagnostics.optimalLoss(await this.#withImages(), options);
  }

  /** What `optimalLoss` was called first. @param {diagnostics.OptimalLossOptions} [options] */
  floor(options) {
    return this.optimalLoss(options);
  }

  /**
   * The training image nearest to each image of a frame.
   * @param {Pick<Frame, 'x_t' | 'count' | 'size'>} frame
   * @param {{ signal?: AbortSignal }} [options]
   */
  async *nearest(frame, options) {
    yield* diagnostics.nearest(await this.#withImages(), frame, options);
  }

  async #withImages() {
    await this.#images.send(this.#engine);
    const { size, unet } = this.config;
    return { ...this.#engine.address, size, channels: unet.in_channels };
  }

  // --- files ---

  /**
   * A checkpoint in safetensors: everything, to resume from; or the averaged weights alone in half
   * precision, to share.
   * @param {{ half?: boolean }} [options]
   * @returns {Promise<Uint8Array>}
   */
  save({ half = false } = {}) {
    return this.#engine.call('save', { half });
  }

  /**
   * The model in the form of another program. `diffusers`: a zip with the averaged weights, which
   * once unpacked is a folder that Hugging Face's `DDPMPipeline.from_pretrained` loads. With
   * `trainingState` also `unnoise.safetensors`, with which training goes on as if it had never stopped,
   * here or in Python.
   * @param {'diffusers'} format
   * @param {{ trainingState?: boolean }} [options]
   * @returns {Promise<Uint8Array>}
   */
  async export(format, { trainingState = false } = {}) {
    if (format !== 'diffusers') {
      throw new LabError(
        'bad-config',
        msg('There is no export to “{0}”, only to “diffusers”.', format),
      );
    }
    return this.#engine.call('exportDiffusers', { trainingState });
  }

  /**
   * Loads a model and adopts its settings. Refuses a bad one without changing anything.
   * @param {Uint8Array | ModelFiles} model a checkpoint, a zip of a diffusers folder, or the files
   *   of one by their paths
   */
  load(model) {
    return this.#queue.run(() => this.#load(model));
  }

  /** @param {Uint8Array | ModelFiles} model */
  async #load(model) {
    const describe = () => {
      const { size, unet } = this.config;
      return JSON.stringify([size, unet.in_channels, this.labels, learnsCrops(this.config)]);
    };
    const before = describe();
    const args = { bytes: model, backend: this.backend };
    this.#engine.adopt(await this.#engine.call('load', args));
    this.#source = model;
    if (describe() !== before) this.#engine.images = undefined;
  }

  /**
   * The state to go on from, as `save` gives it, and written into the browser's own storage.
   * @param {import('./worker/protocol.js').KeptRun} [keep] where and with what
   */
  checkpoint(keep) {
    return this.#engine.call('checkpoint', { keep });
  }

  /**
   * A run of the browser's storage as one file, made by the worker: one with thousands of images would
   * keep the page from all else.
   * @param {string} database
   * @param {string} id
   */
  exportRun(database, id) {
    return this.#engine.exportRun({ database, id });
  }

  /**
   * Puts a run from such a file into the browser's storage.
   * @param {string} database
   * @param {Blob} file
   */
  importRun(database, file) {
    return this.#engine.importRun({ database, file });
  }

  /** The colours of a frame of a GIF. @param {Uint8ClampedArray} rgba */
  indexColours(rgba) {
    return this.#engine.indexColours({ rgba });
  }

  // --- life ---

  /**
   * A new worker with a fresh model: after a crash, or to change the backend.
   *
   * @param {object} [options]
   * @param {import('./lib/backend.js').BackendChoice | BackendName | 'auto'} [options.backend]
   * @param {ConfigOverrides} [options.config]
   * @param {number} [options.images]
   */
  async restart({ backend = this.#engine.choice, config = this.config, images } = {}) {
    this.#engine.restart();
    await this.#engine.start(backend, () => this.#create(config, images));
  }

  /**
   * Leaves the worker to another lab and keeps the model here, until `resume`. End first what is
   * under way: it ends with `aborted`, and so does whatever is asked for meanwhile.
   */
  suspend() {
    return this.#queue.run(async () => {
      if (this.suspended) return;
      if (!this.#source && this.step > 0) {
        // One that has diverged cannot be kept, and is not missed.
        this.#source = await this.save().catch(ifDiverged);
      }
      this.#engine.suspend();
    });
  }

  /** Gives a suspended lab a worker, and its model back to that. */
  resume() {
    return this.#queue.run(async () => {
      if (!this.suspended) return;
      const { config } = this;
      const source = this.#source;
      this.#engine.restart();
      try {
        await this.#engine.start(this.#engine.choice, () => this.#create(config));
        if (source) await this.#load(source);
      } catch (error) {
        // It can be tried again, with nothing lost.
        this.#engine.suspend();
        this.#engine.config = config;
        this.#source = source;
        throw error;
      }
    });
  }

  /** Frees the model and leaves the worker. What is under way ends with `aborted`. */
  dispose() {
    this.#engine.dispose();
    this.#images.set([]);
  }

  /**
   * @param {ConfigOverrides} config
   * @param {number} [images]
   */
  async #create(config, images) {
    await this.#engine.create(await this.resolveConfig(config, images));
    this.#source = undefined;
  }
}

/** @param {unknown} error */
function ifDiverged(error) {
  if (LabError.from(error).code === 'bad-checkpoint') return undefined;
  throw error;
}

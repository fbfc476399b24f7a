import { sameConfig } from '../lib/config.js';
import { LabError } from '../lib/errors.js';
import { counted, msg } from '../lib/localize.js';
import { SerialQueue } from '../lib/serial-queue.js';
import { Activities } from './activities.js';
import { Comparison } from './comparison.js';
import { createLab } from './create-lab.js';
import { ImageSet } from './image-set.js';
import { Checkpointer } from './checkpointer.js';
import { Away } from './away.js';
import { Editor } from './editor.js';
import { Favourites } from './favourites.js';
import { Film } from './film.js';
import { BundledRecording } from './bundled-recording.js';
import { ForwardProcess } from './forward-process.js';
import { PlaneView } from './plane.js';
import { Diagnostics } from './diagnostics.js';
import { LoopFilm } from './loop-film.js';
import { Messages } from './messages.js';
import { LargeSamples } from './large-samples.js';
import { Milestones } from './milestones.js';
import { NoisePlane } from './noise-plane.js';
import { loadModel, openModel, switchBackend } from './models.js';
import { Recording } from './recording.js';
import { Recovery } from './recovery.js';
import { Run } from './run.js';
import { SampleSettings } from './sample-settings.js';
import { StoredRuns } from './stored-runs.js';
import { relayParts, SessionEvents } from './session-events.js';
import { claimEngine, engineChanged, releaseEngine } from './shared-engine.js';
import { tellOfStorage } from './storage-messages.js';
import { Trainer } from './trainer.js';
import { SelectedSample } from './selected-sample.js';
import { begin, reset } from './training.js';

/**
 * @import { ConfigOverrides } from '../lib/config.js'
 * @import { Lab, ModelFiles } from '../lab.js'
 * @import { LoadedState } from './run.js'
 * @import { Turn } from '../lib/serial-queue.js'
 *
 * @typedef {object} SessionOptions
 * @property {string} backend
 * @property {ConfigOverrides} overrides
 * @property {string | null} dataset
 * @property {string | null} model address of a checkpoint
 * @property {string | undefined} modelFrame address of `model-frame.html`, if models of other hosts
 *   are to be fetched through it
 * @property {import('../lib/own-images.js').ImageSource[]} sources the author's own images
 * @property {boolean} needsModel whether a bundled set's model is wanted with its images
 * @property {number | undefined} trainSteps
 * @property {Partial<import('../lab.js').SampleOptions>} sample
 * @property {import('./comparison.js').Choice[] | undefined} compare samplers beside each other
 * @property {boolean} comparing whether those, or the usual ones, are what is shown
 * @property {{ kind?: import('./editor.js').EditKind, strength?: number, to?: number }} edit
 * @property {number | undefined} timestep that the forward process shows first
 * @property {boolean} needsImages whether there are images without anyone asking for them
 * @property {Partial<import('./plane-settings.js').PlaneSettings>} plane
 * @property {boolean} playsPlane whether the plane's animation plays by itself
 * @property {boolean} usesLabels whether a model is to learn the labels of its images
 * @property {boolean} showsRecording whether a recording is shown until there is something to see
 * @property {boolean} persists whether work is kept in the browser's storage
 * @property {boolean} still whether motion is to wait until asked for
 */

/** While these change, the engine is in use. */
const WORKING = /** @type {const} */ ([
  'status',
  'run',
  'sampling',
  'comparison',
  'edits',
  'forward',
  'training',
  'plane',
]);

/** Everything one element does with its lab. The panels show it and call it. */
export class Session extends SessionEvents {
  /**
   * `failed` to start; `stopped` after crashes, with all that there is still to be seen.
   * @type {'starting' | 'ready' | 'failed' | 'stopped' | 'over'}
   */
  #phase = 'starting';
  #activities = new Activities(() => this.changed('status'));
  #line = new SerialQueue();
  /**
   * Whatever sets the images, the model or its settings: none of it is lost to what came meanwhile.
   * @type {Pick<SerialQueue, 'run'>}
   */
  queue = {
    run: (work, turn) =>
      turn
        ? this.#line.run(work, turn)
        : this.#line.run(async (own) => {
            await this.awake();
            return work(own);
          }),
  };
  messages = new Messages();
  samples = new Recording();
  bundledRecording = new BundledRecording();
  /** @type {Comparison} */
  comparison;
  editor = new Editor(this);
  forward = new ForwardProcess();
  plane = new PlaneView();
  /** Nothing until the worker has made it. */
  lab = /** @type {Lab} */ (/** @type {unknown} */ (undefined));
  trainer;
  /** @type {Film} */
  film;
  /** @type {Milestones} */
  milestones;
  /** @type {Away} */
  away;
  diagnostics;
  /** @type {ImageSet} */
  imageSet;
  run;
  checkpointer = new Checkpointer(this);
  storedRuns = new StoredRuns(this);
  selectedSample = new SelectedSample(this);
  largeSamples = new LargeSamples(this);
  favourites = new Favourites(this);
  noisePlane = new NoisePlane(this);
  loop = new LoopFilm(this);
  #recovery = new Recovery(this);
  sampleSettings = new SampleSettings();
  /** Whether the figure is on the screen, or near it. */
  visible = false;
  /** When it was last seen at work, on the page's clock. */
  busyAt = 0;
  #waiting = false;

  /** @param {SessionOptions} options */
  constructor(options) {
    super();
    this.options = options;
    this.run = new Run(options);
    this.trainer = new Trainer(this.run, this.checkpointer);
    this.film = new Film(this.trainer.preview);
    this.milestones = new Milestones(this);
    this.away = new Away(this);
    this.diagnostics = new Diagnostics(this);
    this.imageSet = new ImageSet(this);
    this.comparison = new Comparison(this, options.compare);
    this.comparison.shown = options.comparing;
    this.editor.choose(options.edit.kind ?? this.editor.kind);
    const { strength, to } = { ...this.editor.settings, ...options.edit };
    this.editor.set({ strength, to });
    if (options.timestep !== undefined) this.forward.startAt(options.timestep);
    this.forward.claim = () => claimEngine(this);
    this.plane.claim = () => this.awake();
    this.plane.choose(options.plane);
    this.plane.autoplay = options.playsPlane && !options.still;
    relayParts(this);
    this.samples.addEventListener('recorded', (event) =>
      this.dispatch('frame', /** @type {CustomEvent} */ (event).detail),
    );
    this.forward.addEventListener('failed', (event) =>
      this.fail(/** @type {CustomEvent} */ (event).detail, 'forward'),
    );
    this.plane.addEventListener('failed', (event) =>
      this.fail(/** @type {CustomEvent} */ (event).detail, 'plane'),
    );
    this.samples.addEventListener('frame', () => {
      // Who wants no motion sees the images that are drawn only once they are finished.
      if (!this.options.still || this.samples.ended) this.bundledRecording.end();
    });
    this.trainer.preview.addEventListener('frame', () => this.bundledRecording.end());
    this.#watchTrainer();
    let wasBusy = true;
    this.watch(WORKING, () => {
      // What merely plays changes too, as often as the screen.
      const { busy } = this;
      if (busy || wasBusy) this.busyAt = performance.now();
      wasBusy = busy;
      engineChanged();
    });
    this.#watchKeeper();
  }

  #watchTrainer() {
    this.trainer.addEventListener('progress', (event) => {
      const { step, losses } = /** @type {CustomEvent} */ (event).detail;
      const { curve, rate, eta } = this.trainer;
      this.dispatch('progress', { step, losses, loss: curve.latest, rate, eta });
      this.changed('training');
      // The first steps make of random weights a model to go on with.
      if (step === losses.length) this.changed('run');
    });
  }

  #watchKeeper() {
    this.checkpointer.addEventListener('kept', () => this.#recovery.healthy());
    this.checkpointer.addEventListener('saved', () => this.storedRuns.refresh());
    tellOfStorage(this);
  }

  get phase() {
    return this.#phase;
  }

  // --- the engine, of which a page has one ---

  /** Whether it waits for the engine, which another figure has. */
  get waiting() {
    return this.#waiting;
  }

  /** Whether another figure has the engine: what is here stays, and goes on when it is used. */
  get resting() {
    return this.lab?.suspended ?? false;
  }

  get busy() {
    const starting = this.phase === 'starting' && !this.waiting;
    const working = this.run.training || this.drawing || this.plane.busy;
    return starting || working || this.activity !== '';
  }

  /** Takes the engine, if it is not here, and gives it the model back. */
  async awake() {
    while (!this.disposed) {
      await claimEngine(this);
      if (!this.resting) return;
      await this.during(msg('Taking up where it was'), () => this.lab.resume());
      this.followForward();
      this.changed('status', 'run');
    }
  }

  /**
   * Lets go of the engine.
   * @param {() => void} [begins] for another figure, and called when no more may begin here
   */
  async rest(begins) {
    await this.started;
    const { training } = this.run;
    await this.#line.run(async () => {
      begins?.();
      await this.pause();
      this.stopDrawing();
      this.plane.rest();
      await this.trainer.preview.cancel();
      this.diagnostics.restart();
      this.forward.rest();
      await this.lab?.suspend();
    });
    if (training && begins) {
      const text = msg(
        'Paused, because another figure of this page is used. Press Resume to go on.',
      );
      this.messages.say('rest', text, { sticky: true });
    }
    this.changed('status', 'run');
  }

  /** What is being waited for, in words; empty where nothing is. */
  get activity() {
    return this.#activities.newest;
  }

  /**
   * Says what is being waited for until `work` is over.
   * @template T
   * @param {string} words
   * @param {(say: (words: string) => void) => Promise<T>} work is given how to say how far it is
   */
  during(words, work) {
    return this.#activities.during(words, work);
  }

  /** Resolves once the session has started, or failed to. */
  started = Promise.resolve();

  start() {
    this.started = this.#start();
    return this.started;
  }

  async #start() {
    const { showsRecording, dataset, still } = this.options;
    if (showsRecording) this.bundledRecording.load(dataset, { still });
    try {
      await this.#waitForEngine();
      await this.during(msg('Starting'), () => this.#open());
      if (this.disposed) return;
      this.#phase = 'ready';
      this.dispatch('ready', { backend: this.lab.backend, adapter: this.lab.adapter });
    } catch (error) {
      if (this.disposed) return;
      this.#phase = 'failed';
      this.bundledRecording.end();
      this.fail(error, 'start');
    }
    this.changed('status');
  }

  async #waitForEngine() {
    // Most need not wait, and then it is not said.
    const late = setTimeout(() => {
      this.#waiting = true;
      this.changed('status');
    }, 50);
    try {
      await claimEngine(this, { patient: true });
    } finally {
      clearTimeout(late);
      this.#waiting = false;
    }
  }

  async #open() {
    const { backend, sample } = this.options;
    const lab = await createLab(this, backend);
    if (this.disposed) return lab.dispose();
    const seed = Number(this.run.overrides.seed ?? 0);
    this.sampleSettings.set({ seed, ...sample }, lab.config);
    this.use(lab);
    if (this.options.needsImages) await this.imageSet.open();
    if (!this.disposed) await this.refreshConfig();
    // What is stored may take a while to read, and nothing waits for it.
    if (this.disposed) return;
    this.storedRuns.start();
    this.favourites.load();
  }

  get disposed() {
    return this.#phase === 'over';
  }

  /**
   * @param {string} why nothing can be computed any more
   * @param {import('./messages.js').Action[]} actions what can be done about it
   */
  giveUp(why, actions) {
    if (this.disposed) return;
    this.#phase = 'stopped';
    this.messages.say('crash', why, { kind: 'error', actions });
    this.changed('status');
  }

  /** There is a worker again. */
  takeUp() {
    if (this.#phase === 'stopped') this.#phase = 'ready';
  }

  /**
   * Works with another lab from now on.
   * @param {Lab} lab
   */
  use(lab) {
    this.lab = lab;
    lab.addEventListener('crash', (event) => {
      if (lab === this.lab) this.#recovery.recover(/** @type {CustomEvent} */ (event).detail);
    });
    lab.addEventListener('lost', (event) => {
      const { message } = /** @type {CustomEvent<LabError>} */ (event).detail;
      this.messages.say(
        'lost',
        counted(
          lab.workers,
          'A worker failed ({1}). One worker goes on; nothing is lost.',
          'A worker failed ({1}). {0} workers go on; nothing is lost.',
          message,
        ),
      );
      this.changed('status');
    });
    lab.addEventListener('compiling', () => this.changed('status'));
    this.run.use(lab);
    this.trainer.use(lab);
    this.diagnostics.restart();
  }

  // --- settings ---

  /**
   * Works out the settings of a fresh run anew: defaults depend on size and number of images.
   * @param {Turn} [turn]
   */
  refreshConfig(turn) {
    return this.queue.run(() => this.#refreshConfig(), turn);
  }

  async #refreshConfig() {
    const { run, imageSet } = this;
    const fresh = await this.lab.resolveConfig({ ...imageSet.defaults, ...run.overrides });
    run.setFresh(fresh);
    // A model that has learnt nothing yet is replaced at once, so that what is shown is what is.
    const idle = !run.canContinue && !run.training;
    if (idle && !sameConfig(this.lab.config, fresh)) await this.lab.configure(fresh);
    this.followForward();
    this.changed('run');
  }

  /**
   * Fresh weights, with other settings.
   * @param {ConfigOverrides} config
   * @param {Turn} [turn]
   */
  configure(config, turn) {
    return this.queue.run(async () => {
      await this.lab.configure(config);
      this.run.discard();
    }, turn);
  }

  followForward() {
    const { config } = this.run;
    if (config && this.#forwardShown) this.forward.follow(config, this.lab.images);
  }

  #forwardShown = false;

  /** The forward process is on the screen: its worker starts only now. */
  showForward() {
    this.#forwardShown = true;
    if (!this.resting) this.followForward();
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  set(name, value) {
    return this.queue.run(() => this.#set(name, value));
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  async #set(name, value) {
    const undo = this.run.override(name, value);
    try {
      await this.#refreshConfig();
    } catch (error) {
      undo();
      await this.#refreshConfig().catch(() => {});
      this.fail(error, 'config');
    }
  }

  /** What the model in the lab is sampled with. */
  get sampleOptions() {
    return this.sampleSettings.for(this.lab?.config);
  }

  /** @param {Partial<import('../lab.js').SampleOptions>} options */
  setSample(options) {
    this.sampleSettings.set(options, this.lab?.config);
    this.changed('sampling');
  }

  /** @param {boolean} continues */
  setContinues(continues) {
    this.run.setContinues(continues);
    this.followForward();
  }

  // --- training ---

  train() {
    this.#recovery.started();
    return this.goOn();
  }

  /** Trains, as before a crash. @returns {Promise<void>} */
  async goOn() {
    try {
      const started = await this.queue.run(() => begin(this));
      if ((await started?.end) !== 'done') return;
      this.dispatch('done', { kind: 'train', step: this.lab.step });
      await this.sample();
    } catch (error) {
      if (await this.#recovery.ease(LabError.from(error))) return this.goOn();
      this.fail(error, 'train');
    }
  }

  pause() {
    return this.trainer.pause();
  }

  /** Forgets what was learnt, and keeps it at hand for whoever pressed the wrong button. */
  reset() {
    return this.queue.run((turn) => reset(this, turn));
  }

  // --- sampling ---

  async sample({ play = !this.options.still } = {}) {
    this.comparison.stop();
    try {
      await this.awake();
      const by = { state: this.run.state, step: this.lab.step };
      const ended = await this.samples.sample(this.lab, this.sampleOptions, { play, by });
      if (!ended) return;
      this.#recovery.healthy();
      this.dispatch('done', { kind: 'sample', ...this.sampleOptions });
    } catch (error) {
      this.fail(error, 'sample');
    }
  }

  /** Samples with what the sample panel shows: one sampler or several. */
  draw() {
    return this.comparison.shown ? this.comparison.sample() : this.sample();
  }

  /** Whether anything is being sampled. */
  get drawing() {
    const { comparison, editor, largeSamples, loop, noisePlane, samples, selectedSample } = this;
    return (
      noisePlane.drawing ||
      loop.drawing ||
      [samples, comparison, editor, largeSamples, selectedSample].some(({ sampling }) => sampling)
    );
  }

  /** Ends whatever is being sampled; what was recorded stays. */
  stopDrawing() {
    this.samples.stop();
    this.comparison.stop();
    this.editor.stop();
    this.largeSamples.stop();
    this.selectedSample.stop();
    this.noisePlane.stop();
    this.loop.stop();
  }

  // --- models ---

  /**
   * @param {Uint8Array | ModelFiles} model
   * @param {LoadedState} state what it then is
   * @param {Turn} [turn]
   * @returns {Promise<boolean>} whether it was loaded; if not, nothing has changed
   */
  loadModel(model, state, turn) {
    return this.queue.run(() => loadModel(this, model, state), turn);
  }

  /** @param {import('../lib/model-files.js').GivenModel} model that someone chose or dropped */
  openModel(model) {
    return openModel(this, model);
  }

  /** @param {string} backend */
  switchBackend(backend) {
    return this.queue.run(() =>
      this.during(msg('Moving to {0}', backend), () => switchBackend(this, backend)),
    );
  }

  // --- telling ---

  /**
   * @param {unknown} error
   * @param {string} key
   */
  fail(error, key) {
    if (this.disposed) return;
    const failure = LabError.from(error);
    // A crash is dealt with, and reported, in one place.
    if (failure.code === 'aborted' || (this.lab && this.#recovery.active)) return;
    if (this.lab?.crashed) {
      this.#recovery.recover(failure, { training: key === 'train' });
      return;
    }
    this.messages.say(key, failure.message, { kind: 'error' });
    this.dispatch('error', { code: failure.code, message: failure.message });
  }

  /**
   * @param {import('./session-events.js').Happening} type
   * @param {unknown} detail
   */
  dispatch(type, detail) {
    if (!this.disposed) super.dispatch(type, detail);
  }

  dispose() {
    this.#phase = 'over';
    releaseEngine(this);
    this.imageSet.fetchedModel.cancel();
    this.stopDrawing();
    this.diagnostics.restart();
    this.samples.pause();
    this.film.pause();
    this.bundledRecording.end();
    this.comparison.pause();
    this.editor.pause();
    this.largeSamples.pause();
    this.selectedSample.recording.pause();
    this.forward.dispose();
    this.plane.dispose();
    // What was learnt up to here is kept.
    this.pause().finally(() => this.lab?.dispose());
  }
}

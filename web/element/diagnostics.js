import { learnsCrops } from '../lib/config.js';
import { BoundCurve } from './bound-curve.js';
import { OptimalLoss } from './optimal-loss.js';
import { SampleSimilarity } from './sample-similarity.js';
import { Memorisation } from './memorisation.js';
import { UnlearntImages } from './unlearnt-images.js';

/**
 * What the page finds out about the model beside its samples. Measures in the background, whenever
 * what was measured is out of date. Dispatches `change`.
 *
 * @import { Session } from './session.js'
 * @import { Snapshot } from './preview.js'
 */

/** Rest between two estimates of the bound while training runs, in milliseconds. */
const REST_MS = 2000;

/** What is measured, and when there is time for it, depends on these. */
const MEASURED = /** @type {const} */ (['status', 'run', 'images', 'training', 'sampling']);

export class Diagnostics extends EventTarget {
  optimalLoss = new OptimalLoss();
  bound = new BoundCurve();
  memorisation = new Memorisation();
  similarity = new SampleSimilarity();
  unlearnt = new UnlearntImages();
  /** Set once someone has seen it; until then nothing is measured but during training. */
  started = false;
  #session;
  #background;
  /** What the optimal loss was last measured, or is being measured, of. @type {unknown[]} */
  #optimalLossOf = [];
  /** The same of the bound. @type {unknown[]} */
  #boundOf = [];
  #boundAt = -Infinity;
  /** The last frame that was, or is, looked at. */
  /** @type {unknown[]} */
  #looked = [];
  /** @type {Snapshot[]} */
  #snapshots = [];

  /** @param {Session} session */
  constructor(session) {
    super();
    this.#session = session;
    const { trainer } = session;
    this.#background = trainer.background;
    this.#background.idle = () => {
      const { phase, activity, run, drawing, resting } = session;
      return phase === 'ready' && !resting && !activity && !run.training && !drawing;
    };
    this.#background.addEventListener('failed', (event) =>
      session.fail(/** @type {CustomEvent} */ (event).detail, 'diagnostics'),
    );
    session.watch(MEASURED, () => this.#look());
    trainer.addEventListener('clear', () => this.clear());
    trainer.preview.addEventListener('snapshot', (event) =>
      this.#follow(/** @type {CustomEvent<Snapshot>} */ (event).detail),
    );
    for (const type of ['snapshot', 'reset']) {
      trainer.preview.addEventListener(type, () => this.#look());
    }
  }

  /** Someone sees it: measures, from now on. */
  start() {
    this.started = true;
    this.#look();
  }

  /** @param {number | import('../lib/decode-images.js').MasterImage} image */
  chooseImage(image) {
    this.bound.choose(image);
    this.#changed();
    const failed = (/** @type {unknown} */ error) => this.#session.fail(error, 'diagnostics');
    this.#session.awake().then(() => this.#look(), failed);
  }

  /** Forgets the run that was. */
  clear() {
    this.restart();
    this.bound.clear();
    this.memorisation.clear();
    this.unlearnt.clear();
    this.#changed();
  }

  /** Begins what was under way anew: the worker is another. */
  restart() {
    this.#background.clear();
    this.#snapshots = [];
    this.#optimalLossOf = this.#boundOf = this.#looked = [];
  }

  /** Sees what is out of date, and has it measured. */
  #look() {
    const { lab, run, phase } = this.#session;
    if (phase !== 'ready' || this.#session.resting) return;
    if (this.started || run.training) {
      if (lab.images.length === 0) this.#forgetImages();
      else this.#measure();
    }
    // What training has begun is finished after it, seen or not.
    this.#background.wake();
  }

  #forgetImages() {
    if (typeof this.bound.image === 'number') this.bound.choose(0);
    if (this.#optimalLossOf.length === 0) return;
    this.restart();
    this.optimalLoss.clear();
    this.unlearnt.clear();
    this.memorisation.matches = [];
    this.#changed();
  }

  /** What was measured against whole images is not of a model that learns from crops. */
  #forgetWholeImages() {
    if (this.#optimalLossOf.length === 0) return;
    this.#optimalLossOf = this.#looked = [];
    this.optimalLoss.clear();
    this.memorisation.matches = [];
    this.#changed();
  }

  #measure() {
    const { lab, run, samples } = this.#session;
    const { optimalLoss, bound, memorisation, unlearnt } = this;
    const background = this.#background;

    const whole = !learnsCrops(lab.config);
    if (!whole) this.#forgetWholeImages();
    const optimalLossOf = OptimalLoss.key(lab);
    if (whole && !same(optimalLossOf, this.#optimalLossOf)) {
      this.#optimalLossOf = optimalLossOf;
      optimalLoss.clear();
      // What was found of other images, or of another process, is nothing now.
      background.drop('unlearnt');
      unlearnt.clear();
      background.put('optimal-loss', optimalLoss.measure(lab, this.#changed));
    }

    if (!bound.subject(lab)) bound.choose(0);
    const boundOf = [bound.subject(lab), lab.config, lab.step];
    const another = !same(boundOf.slice(0, 2), this.#boundOf.slice(0, 2));
    const rested = !run.training || performance.now() - this.#boundAt > REST_MS;
    const later = !same(boundOf, this.#boundOf) && rested && !background.has('bound');
    if (another) bound.clear();
    if (another || later) {
      this.#boundOf = boundOf;
      background.put(
        'bound',
        bound.measure(lab, () => {
          this.#boundAt = performance.now();
          this.#changed();
        }),
      );
    }

    const last = samples.sampling ? undefined : samples.frames.at(-1);
    const looked = [last, lab.images];
    // Samples of a model of another size cannot be compared with the images as they are learnt now.
    const fits = whole && last && last.index === last.total && last.size === lab.config.size;
    if (fits && !same(looked, this.#looked)) {
      this.#looked = looked;
      background.put('look', memorisation.look(lab, last, this.#changed));
    }

    const { preview } = this.#session.trainer;
    const { similarity } = this;
    if (!background.has('similarity') && similarity.lacks(lab, preview)) {
      background.put('similarity', similarity.measure(lab, preview, this.#changed));
    }

    if (!background.has('unlearnt') && unlearnt.isDue(lab, run.training)) {
      const key = String(optimalLossOf[1]);
      const job = unlearnt.measure(lab, key, () => run.training, this.#changed);
      background.put('unlearnt', job, { patient: true });
    }
  }

  /** @param {Snapshot} snapshot */
  #follow(snapshot) {
    this.#snapshots.push(snapshot);
    if (this.#background.has('follow')) return;
    const { lab } = this.#session;
    if (learnsCrops(lab.config)) {
      this.#snapshots = [];
      return;
    }
    this.#background.put('follow', this.memorisation.follow(lab, this.#snapshots, this.#changed));
  }

  #changed = () => this.dispatchEvent(new Event('change'));
}

/**
 * @param {unknown[]} a
 * @param {unknown[]} b
 */
const same = (a, b) => a.length === b.length && a.every((value, index) => value === b[index]);

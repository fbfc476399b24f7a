import { CPU_BACKEND } from '../lib/backend.js';
import { decodeImage } from '../lib/decode-images.js';
import { isAbort, LabError } from '../lib/errors.js';
import { compileWasm } from '../lib/wasm-module.js';
import { acquireWorker, releaseWorker } from '../lib/worker-pool.js';
import { LossCurve } from './loss-curve.js';
import { Playback } from './playback.js';
import { PLANE_DEFAULTS, isClaim, isStochastic, samplerOf } from './plane-settings.js';

/**
 * The plane: points in two dimensions that become noise and come back, by the ideal denoiser and by
 * a small network. All is computed by a worker, run by run; what is shown is played from memory.
 *
 * Dispatches `change`, and `frame` where nothing but the place in the animation has changed.
 *
 * @import { PlaneSettings } from './plane-settings.js'
 *
 * @typedef {object} Scene points on their way, to be played
 * @property {'forward' | 'ideal' | 'mlp' | 'claim-2' | 'claim-4'} kind
 * @property {Float32Array} points x and y of each point in each frame in turn
 * @property {number} count of points
 * @property {Float64Array} times of each frame, from 0 to 1
 * @property {{ arrows: Float32Array, side: number, extent: number, frames: number } | undefined} field
 *   x and y of each arrow of a grid in each of some frames in turn
 * @property {import('../worker/protocol.js').PlaneErrors | undefined} errors
 * @property {Compared} [compared] what a claim says is the same
 *
 * @typedef {object} Compared
 * @property {Float32Array} values arrows of the field, or points, as of the scene
 * @property {Float64Array} differences in each frame: of arrows, as a share of their size; of points,
 *   their mean distance
 */

/** Frames of the forward process. */
const FORWARD_FRAMES = 31;
/** Arrows along a side of the plane. */
const FIELD_SIDE = 19;
/** Frames that have arrows of their own. */
const FIELD_FRAMES = 31;
const FIELD_FRAMES_OF_PAIRS = 11;
/** The same of a claim, and arrows along a side. */
const CLAIM_FRAMES = 16;
const CLAIM_SIDE = 13;
/** How long the worker trains before it answers, in milliseconds. */
const SLICE_MS = 50;
/** How often a network in training is sampled from, in milliseconds. */
const REFRESH_MS = 700;
/** Steps after which training ends by itself. */
export const PLANE_TRAIN_STEPS = 5000;
/** Points of a picture. */
const PICTURE_POINTS = 512;
/** Points that can be drawn. */
export const MAX_DRAWN = 1024;
/** Workers that may die one after the other before it is said. */
const MAX_CRASHES = 2;

/** Settings after which the worker needs another plane. */
const OF_THE_WORLD = /** @type {const} */ (['distribution', 'process', 'source', 'target']);

export class PlaneView extends EventTarget {
  /** @type {PlaneSettings} */
  settings = { ...PLANE_DEFAULTS };
  /** x and y of each point that was drawn. @type {number[]} */
  drawn = [];
  /** x and y of each point that is learnt from. @type {Float32Array} */
  trainingSet = new Float32Array();
  /** @type {Scene[]} */
  scenes = [];
  curve = new LossCurve();
  step = 0;
  training = false;
  /** Optimizer steps a second. */
  rate = 0;
  /** How long the latest run took, in milliseconds. */
  milliseconds = 0;
  playback = new Playback(() => (this.scenes.length ? 1 : 0));
  /** Resolves once the worker may be used. */
  claim = () => Promise.resolve();
  /** Whether the animation plays when it is there, once. */
  autoplay = false;

  /** Whether another figure has the engine. */
  #resting = false;
  #client = /** @type {import('../lib/worker-client.js').WorkerClient | undefined} */ (undefined);
  /** Its number in the worker; 0 before there is one. */
  #plane = 0;
  #worldStale = true;
  #dirty = false;
  #busy = false;
  #shown = false;
  #crashes = 0;
  #disposed = false;
  /** The ideal denoiser's run, and the settings that it is of. */
  #ideal = /** @type {{ settings: PlaneSettings, scene: Scene } | undefined} */ (undefined);

  constructor() {
    super();
    this.playback.seek(1);
    this.playback.addEventListener('change', () => this.#changed());
    this.playback.addEventListener('tick', () => this.dispatchEvent(new Event('frame')));
  }

  /** Begins to compute: nothing is before somebody can see it. */
  show() {
    this.#shown = true;
    this.#request();
  }

  get busy() {
    return this.#busy || this.training;
  }

  /** Whether it waits for points to be drawn. */
  get waitsForPoints() {
    return this.settings.distribution === 'points' && this.drawn.length === 0;
  }

  /** @param {Partial<PlaneSettings>} changes */
  choose(changes) {
    const before = this.settings;
    const settings = { ...before, ...changes };
    // A flow is no chain, which the claims are about: the newer choice holds.
    if (settings.process === 'rectified-flow' && isClaim(settings)) {
      if (changes.process) settings.view = 'reverse';
      else settings.process = 'variance-exploding';
    }
    if (isClaim(settings)) settings.steps = Math.max(2, settings.steps);
    // What a process has no use for would only be refused.
    if (settings.process !== 'rectified-flow') settings.source = 'gaussian';
    if (settings.source !== 'gaussian') {
      if (settings.target === 'previous') settings.target = null;
      if (isStochastic(settings)) Object.assign(settings, { sampler: null, eta: 0 });
    }
    this.settings = settings;
    if (OF_THE_WORLD.some((name) => settings[name] !== before[name])) this.#newWorld();
    if (settings.view !== before.view) {
      // The arrows of claim 2 say most in the middle.
      this.playback.seek({ forward: 0, 'claim-2': 0.5, reverse: 1, 'claim-4': 1 }[settings.view]);
    }
    this.#changed();
    this.#request();
  }

  /** @param {number[]} points x and y of each */
  addPoints(points) {
    this.drawn = [...this.drawn, ...points].slice(0, 2 * MAX_DRAWN);
    this.trainingSet = Float32Array.from(this.drawn);
    this.#changed();
  }

  /** A stroke is over: what was drawn is taken. */
  usePoints() {
    this.#newWorld();
    this.#request();
  }

  clearPoints() {
    this.drawn = [];
    this.trainingSet = new Float32Array();
    this.scenes = [];
    this.#newWorld();
    this.#changed();
  }

  /** Takes the dark pixels of a picture for points. @param {File} file */
  async usePicture(file) {
    try {
      const { image } = await decodeImage(file);
      const { rgb, size } = image;
      const client = await this.#worker();
      const args = { backend: CPU_BACKEND, rgb, width: size, height: size, count: PICTURE_POINTS };
      this.drawn = [...(await client.call('darkPixels', 0, args))];
      this.settings = { ...this.settings, distribution: 'points' };
      this.usePoints();
    } catch (error) {
      this.#failed(error);
    }
  }

  #newWorld() {
    this.#worldStale = true;
    this.pause();
    this.curve = new LossCurve();
    this.step = 0;
  }

  // --- training ---

  async train() {
    if (this.training) return;
    if (this.settings.denoiser === 'ideal') this.choose({ denoiser: 'both' });
    this.training = true;
    this.#changed();
    try {
      await this.claim();
      await this.#settled();
      await this.#trainOn();
    } catch (error) {
      this.#failed(error);
    }
    this.training = false;
    this.#changed();
    this.#request();
  }

  async #trainOn() {
    let refreshed = performance.now();
    while (this.training && !this.#disposed && this.step < PLANE_TRAIN_STEPS) {
      const client = await this.#worker();
      const maxSteps = PLANE_TRAIN_STEPS - this.step;
      const args = { milliseconds: SLICE_MS, maxSteps };
      const { step, losses, milliseconds } = await client.call('planeTrain', this.#plane, args);
      if (!this.training) return;
      this.step = step;
      this.rate = (1000 * losses.length) / Math.max(1, milliseconds);
      this.curve.add(step, losses);
      this.#changed();
      if (performance.now() - refreshed < REFRESH_MS) continue;
      await this.#request();
      refreshed = performance.now();
    }
  }

  pause() {
    this.training = false;
  }

  /** Forgets what the network has learnt. */
  reset() {
    this.#newWorld();
    this.#request();
  }

  // --- playing ---

  get progress() {
    return this.playback.progress;
  }

  toggle() {
    const { playback } = this;
    if (playback.playing) playback.pause();
    else playback.play(playback.progress >= 1 ? 0 : playback.progress);
  }

  /** @param {number} progress from 0 to 1 */
  seek(progress) {
    this.playback.pause();
    this.playback.seek(progress);
    this.dispatchEvent(new Event('frame'));
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    this.playback.setVisible(visible);
  }

  // --- the worker ---

  async #worker() {
    if (this.#client?.failure) this.#forgetWorker();
    if (!this.#client) {
      const client = acquireWorker();
      this.#client = client;
      const build = await compileWasm(CPU_BACKEND);
      await client.call('loadWasm', 0, { backend: CPU_BACKEND, build });
    }
    return this.#client;
  }

  #forgetWorker() {
    if (this.#client) releaseWorker(this.#client);
    this.#client = undefined;
    this.#plane = 0;
    this.#worldStale = true;
  }

  /**
   * Lets go of the worker, for another figure of the page: runs are played from memory. Where a network
   * has learnt it stays, since the worker has it.
   */
  rest() {
    this.pause();
    this.#resting = true;
    if (!this.#busy) this.#leave();
  }

  #leave() {
    if (this.step === 0) this.#free();
  }

  #free() {
    const client = this.#client;
    if (!client) return;
    if (this.#plane && !client.failure) client.call('free', this.#plane, {}).catch(() => {});
    this.#forgetWorker();
  }

  /** Resolves once what is shown is what was chosen. */
  async #settled() {
    while (this.#busy) await new Promise((resolve) => setTimeout(resolve, 20));
    if (this.#worldStale) await this.#request();
  }

  /** Answers the newest choice only: moves of a slider in between are skipped. */
  async #request() {
    this.#dirty = true;
    if (this.#busy || !this.#shown) return;
    this.#busy = true;
    while (this.#dirty && !this.#disposed) {
      this.#dirty = false;
      if (this.waitsForPoints) break;
      try {
        await this.claim();
        this.#resting = false;
        await this.#compute();
        this.#crashes = 0;
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#busy = false;
    if (this.#resting) this.#leave();
    this.#changed();
  }

  async #compute() {
    const client = await this.#worker();
    if (this.#worldStale) await this.#create(client);
    const { settings } = this;
    const start = performance.now();
    const scenes = [];
    if (settings.view === 'forward') scenes.push(await this.#forward(client));
    else if (settings.view === 'claim-2') scenes.push(await this.#claim2(client));
    else if (settings.view === 'claim-4') scenes.push(await this.#claim4(client));
    else {
      const { denoiser } = settings;
      if (denoiser !== 'mlp') {
        // While the network learns, its own run alone is another.
        if (this.#ideal?.settings !== settings) {
          this.#ideal = { settings, scene: await this.#reverse(client, 'ideal') };
        }
        scenes.push(this.#ideal.scene);
      }
      if (denoiser !== 'ideal') scenes.push(await this.#reverse(client, 'mlp'));
    }
    // Something else was chosen meanwhile.
    if (this.#worldStale || this.#disposed) return;
    const first = this.scenes.length === 0;
    this.scenes = scenes;
    this.milliseconds = performance.now() - start;
    if (first && this.autoplay) this.playback.play(0);
    this.#changed();
    this.dispatchEvent(new Event('frame'));
  }

  /** @param {import('../lib/worker-client.js').WorkerClient} client */
  async #create(client) {
    const { distribution, process, source, target } = this.settings;
    const points = [];
    for (let i = 0; i < this.drawn.length; i += 2) points.push([this.drawn[i], this.drawn[i + 1]]);
    const own = distribution === 'points' ? { points } : {};
    const config = { distribution, process, base: source, target, ...own };
    this.#worldStale = false;
    this.#ideal = undefined;
    const previous = this.#plane;
    this.#plane = 0;
    const args = { backend: CPU_BACKEND, config };
    const { plane, trainingSet } = await client.call('planeCreate', 0, args);
    this.#plane = plane;
    this.trainingSet = trainingSet;
    if (previous) client.call('free', previous, {}).catch(() => {});
  }

  /** How far from its middle the plane is seen. */
  get extent() {
    const { process, source } = this.settings;
    if (process === 'variance-exploding') return 3.2;
    return source === 'annulus' ? 2.05 : 1.9;
  }

  /**
   * @param {import('../lib/worker-client.js').WorkerClient} client
   * @returns {Promise<Scene>}
   */
  async #forward(client) {
    const { count, seed } = this.settings;
    const times = Float64Array.from({ length: FORWARD_FRAMES }, (_, i) => i / (FORWARD_FRAMES - 1));
    const args = { count, times, seed };
    const points = await client.call('planeForward', this.#plane, args);
    const field = await this.#field(client, 'ideal', times);
    return { kind: 'forward', points, count, times, field, errors: undefined };
  }

  /**
   * @param {import('../lib/worker-client.js').WorkerClient} client
   * @returns {Promise<Scene>}
   */
  async #claim2(client) {
    const { extent } = this;
    const options = { steps: this.settings.steps, frames: CLAIM_FRAMES, side: CLAIM_SIDE, extent };
    const claim = await client.call('planeClaim2', this.#plane, { options });
    const { times, measured, claimed, differences } = claim;
    const field = { arrows: claimed, side: CLAIM_SIDE, extent, frames: times.length };
    const compared = { values: measured, differences };
    const none = { points: new Float32Array(), count: 0, errors: undefined };
    return { kind: 'claim-2', ...none, times, field, compared };
  }

  /**
   * @param {import('../lib/worker-client.js').WorkerClient} client
   * @returns {Promise<Scene>}
   */
  async #claim4(client) {
    const { steps, count, seed } = this.settings;
    const options = { steps, count, seed };
    const { times, ddim, flow, gaps } = await client.call('planeClaim4', this.#plane, { options });
    const compared = { values: flow, differences: gaps };
    const others = { field: undefined, errors: undefined };
    return { kind: 'claim-4', points: ddim, count, times, ...others, compared };
  }

  /**
   * @param {import('../lib/worker-client.js').WorkerClient} client
   * @param {'ideal' | 'mlp'} kind
   * @returns {Promise<Scene>}
   */
  async #reverse(client, kind) {
    const { settings } = this;
    const { steps, eta, seed, count, variance, karras } = settings;
    const sampler = samplerOf(settings);
    const options = { sampler, steps, eta, seed, count, variance, karras, denoiser: kind };
    const run = await client.call('planeRun', this.#plane, { options });
    const { points, times, ...errors } = run;
    const field = await this.#field(client, kind, times);
    return { kind, points, count, times, field, errors };
  }

  /**
   * @param {import('../lib/worker-client.js').WorkerClient} client
   * @param {'ideal' | 'mlp'} denoiser
   * @param {Float64Array} times of all frames
   */
  async #field(client, denoiser, times) {
    const { field } = this.settings;
    // Beside noise that is not normal there is no formula for the score.
    if (field === 'none' || (field === 'score' && this.settings.source !== 'gaussian'))
      return undefined;
    // Where noise is not normal, the ideal denoiser takes several times as long.
    const most = this.settings.source === 'gaussian' ? FIELD_FRAMES : FIELD_FRAMES_OF_PAIRS;
    const frames = Math.min(most, times.length);
    const chosen = Array.from(
      { length: frames },
      (_, i) => times[fieldFrame(i, frames, times.length)],
    );
    const { extent } = this;
    const options = { denoiser, field, times: chosen, side: FIELD_SIDE, extent };
    const arrows = await client.call('planeField', this.#plane, { options });
    return { arrows, side: FIELD_SIDE, extent, frames };
  }

  /** @param {unknown} error */
  #failed(error) {
    if (this.#client?.failure) {
      this.#forgetWorker();
      this.step = 0;
      this.curve = new LossCurve();
      this.training = false;
      this.#crashes += 1;
      // Another worker may do better.
      this.#dirty = this.#crashes <= MAX_CRASHES;
    }
    if (this.#dirty || this.#disposed || isAbort(error)) return;
    this.dispatchEvent(new CustomEvent('failed', { detail: LabError.from(error) }));
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }

  dispose() {
    this.#disposed = true;
    this.pause();
    this.playback.pause();
    this.#free();
  }
}

/**
 * The frame whose arrows the field has as its `index`th.
 * @param {number} index
 * @param {number} frames of the field
 * @param {number} all frames
 */
export const fieldFrame = (index, frames, all) =>
  frames > 1 ? Math.round((index * (all - 1)) / (frames - 1)) : 0;

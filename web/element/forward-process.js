import { CPU_BACKEND } from '../lib/backend.js';
import { isAbort, LabError } from '../lib/errors.js';
import { Lab } from '../lab.js';

/**
 * The forward process of one image. It has a lab of its own with next to no network, on a CPU
 * worker: moving t answers at once even while the other lab trains.
 *
 * @import { Schedule, Noisy } from '../worker/protocol.js'
 * @import { Config } from '../lib/config.js'
 * @import { MasterImage } from '../lib/decode-images.js'
 * @typedef {{ t: number, noisy: Noisy }} StripFrame
 */

/** The smallest network that every check accepts: it is never run. */
const NO_NETWORK = { block_out_channels: [4, 4], layers_per_block: 1, norm_num_groups: 4 };

/** Frames of the strip from x_0 to x_T. */
export const STRIP_FRAMES = 8;
/** Workers that may die one after the other before it is said. */
const MAX_CRASHES = 2;

export class ForwardProcess extends EventTarget {
  index = 0;
  t = 0;
  /** Whether `t` was chosen; else it is the usual one. */
  #chosen = false;
  seed = 0;
  size = 0;
  /** @type {Schedule | undefined} */
  schedule;
  /** @type {Noisy | undefined} */
  noisy;
  /** x_t at evenly spread t. @type {StripFrame[]} */
  strip = [];
  /** @type {Lab | undefined} */
  #lab;
  /** What is to be shown, and what the lab was last given. */
  /** @type {{ config: Config, images: readonly MasterImage[] } | undefined} */
  #source;
  #configKey = '';
  /** @type {readonly MasterImage[]} */
  #images = [];
  #busy = false;
  #crashes = 0;
  #stripStale = true;
  #dirty = false;
  #disposed = false;
  #resting = false;
  /** Resolves once a lab may be made. */
  claim = () => Promise.resolve();

  get timesteps() {
    return this.schedule?.betas.length ?? 1000;
  }

  /**
   * Adopts the schedule, size and images of a run; cheap when nothing has changed.
   * @param {Config} config
   * @param {readonly MasterImage[]} images
   */
  follow(config, images) {
    this.#source = { config, images };
    return this.#request();
  }

  /** @param {{ index?: number, t?: number, seed?: number }} choice */
  choose({ index = this.index, t, seed = this.seed }) {
    if (t !== undefined) this.startAt(t);
    if (index !== this.index || seed !== this.seed) this.#stripStale = true;
    Object.assign(this, { index, seed });
    this.dispatchEvent(new Event('change'));
    this.#request();
  }

  /** @param {number} t that is shown, as soon as something is */
  startAt(t) {
    this.#chosen = true;
    const last = this.schedule ? this.timesteps - 1 : Infinity;
    this.t = Math.max(0, Math.min(Math.round(t), last));
  }

  /** Lets go of its lab; what is shown stays. */
  rest() {
    this.#resting = true;
    this.#lab?.dispose();
    this.#lab = undefined;
    this.#configKey = '';
    this.#images = [];
  }

  /** Answers the newest choice only: moves of the slider in between are skipped. */
  async #request() {
    this.#dirty = true;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#dirty && this.#source && !this.#disposed) {
      this.#dirty = false;
      try {
        await this.claim();
        this.#resting = false;
        await this.#show(this.#source);
        this.#crashes = 0;
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#busy = false;
  }

  /** @param {{ config: Config, images: readonly MasterImage[] }} source */
  async #show(source) {
    const lab = await this.#adopt(source);
    if (this.#disposed) lab.dispose();
    else if (lab.images.length && !this.#dirty) await this.#draw(lab);
  }

  /** @param {unknown} error */
  #failed(error) {
    const crashed = this.#lab?.crashed ?? false;
    if (crashed) {
      this.#lab?.dispose();
      this.#lab = undefined;
      this.#images = [];
      this.#crashes += 1;
      // Another worker may do better.
      this.#dirty = this.#crashes <= MAX_CRASHES;
    }
    if (this.#dirty || this.#disposed || isAbort(error)) return;
    this.dispatchEvent(new CustomEvent('failed', { detail: LabError.from(error) }));
  }

  /** @param {{ config: Config, images: readonly MasterImage[] }} source */
  async #adopt({ config, images }) {
    const { size } = config;
    const { in_channels } = config.unet;
    const scheduler = /** @type {Record<string, unknown>} */ (config.scheduler);
    const overrides = { size, unet: { ...NO_NETWORK, in_channels }, scheduler };
    const key = JSON.stringify([size, in_channels, scheduler]);
    if (!this.#lab || key !== this.#configKey) {
      if (this.#lab) await this.#lab.configure(overrides);
      else this.#lab = await this.#create(overrides);
      this.#configKey = key;
      this.schedule = await this.#lab.schedule();
      this.size = size;
      const t = this.#chosen ? this.t : Math.round(this.timesteps * 0.3);
      this.startAt(Math.min(t, this.timesteps - 1));
      this.#stripStale = true;
    }
    if (images !== this.#images) {
      this.#images = images;
      this.#lab.setImages(images);
      this.index = Math.max(0, Math.min(this.index, images.length - 1));
      this.#stripStale = true;
    }
    return this.#lab;
  }

  /** @param {import('../lib/config.js').ConfigOverrides} config */
  async #create(config) {
    const lab = await Lab.create({ backend: CPU_BACKEND, config, workers: 1 });
    // Others have the engine by now.
    if (!this.#resting) return lab;
    lab.dispose();
    throw new LabError('aborted', 'Another figure has the engine.');
  }

  /** @param {Lab} lab */
  async #draw(lab) {
    const { index, t, seed } = this;
    this.noisy = await lab.noisy({ index, t, seed });
    this.dispatchEvent(new Event('change'));
    if (this.#stripStale && !this.#dirty) await this.#drawStrip(lab);
  }

  /** @param {Lab} lab */
  async #drawStrip(lab) {
    this.#stripStale = false;
    const { index, seed } = this;
    const strip = [];
    for (let frame = 0; frame < STRIP_FRAMES; frame++) {
      const t = Math.round((frame / (STRIP_FRAMES - 1)) * (this.timesteps - 1));
      strip.push({ t, noisy: await lab.noisy({ index, t, seed }) });
    }
    this.strip = strip;
    this.dispatchEvent(new Event('change'));
  }

  dispose() {
    this.#disposed = true;
    this.#lab?.dispose();
  }
}

import { channelsOf, squareOf } from '../lib/channels.js';
import { decodeImage } from '../lib/decode-images.js';
import { LabError } from '../lib/errors.js';
import { emptyMask, halfMask, paintStroke } from '../lib/mask.js';
import { samplersFor } from '../lib/samplers.js';
import { Playback } from './playback.js';
import { Recording } from './recording.js';

/**
 * @import { MasterImage } from '../lib/decode-images.js'
 * @import { SamplerName } from '../lib/samplers.js'
 * @typedef {'between' | 'redraw' | 'fill'} EditKind
 */

/** The samplers that can fill in: those that take each step from x_t alone. */
const FILLING = /** @type {SamplerName[]} */ (['ddpm', 'ddim']);

/**
 * What can be chosen about edits.
 *
 * @typedef {object} EditSettings
 * @property {number} from the seed at one end
 * @property {number} to the seed at the other
 * @property {number} between images from end to end
 * @property {number} count images of one picture
 * @property {number} strength of redrawing, above 0 to 1
 * @property {number} repeats how many times RePaint samples each stretch
 * @property {number} brush width in pixels of the picture
 * @property {boolean} erase whether the brush takes away from the mask
 */

/**
 * More from one model: what lies between two seeds, a picture drawn anew, a hole filled in. Each
 * has a recording of its own. Dispatches `frame` when another frame is to be shown and `change`
 * otherwise.
 */
export class Editor extends EventTarget {
  /** @type {EditKind} */
  kind = 'between';
  /** @type {EditSettings} */
  settings = {
    from: 0,
    to: 1,
    between: 8,
    count: 4,
    strength: 0.5,
    repeats: 3,
    brush: 6,
    erase: false,
  };
  recordings = { between: new Recording(), redraw: new Recording(), fill: new Recording() };
  /** The way from one seed to the other and back. */
  interpolation = new Playback(() => 1);
  /** Which of the images to learn from is the picture, where none was chosen from a file. */
  #index = 0;
  /** @type {MasterImage | undefined} */
  #file;
  /** @type {Uint8Array | undefined} */
  #mask;
  /** @type {{ image: MasterImage, size: number, rgb: Uint8Array } | undefined} */
  #scaled;

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    super();
    this.session = session;
    for (const recording of Object.values(this.recordings)) {
      recording.addEventListener('change', this.#changed);
      recording.addEventListener('frame', this.#moved);
    }
    this.interpolation.addEventListener('change', this.#changed);
    this.interpolation.addEventListener('tick', this.#moved);
  }

  get recording() {
    return this.recordings[this.kind];
  }

  get sampling() {
    return Object.values(this.recordings).some((recording) => recording.sampling);
  }

  /** @param {EditKind} kind */
  choose(kind) {
    this.kind = kind;
    this.#changed();
  }

  /** @param {Partial<EditSettings>} settings */
  set(settings) {
    this.settings = { ...this.settings, ...settings };
    this.#changed();
  }

  // --- the picture ---

  /** Where the picture is among the images to learn from; nothing where it is from a file. */
  get index() {
    return this.#file ? undefined : Math.min(this.#index, this.session.imageSet.images.length - 1);
  }

  /** @returns {MasterImage | undefined} */
  get image() {
    return this.#file ?? this.session.imageSet.images[this.index ?? 0];
  }

  /** The picture as the model takes it. */
  get picture() {
    const { image } = this;
    const { size, unet } = this.session.lab.config;
    const channels = unet.in_channels;
    if (!image) return undefined;
    const scaled = this.#scaled;
    const isCurrent =
      scaled?.image === image && scaled.size === size && channelsOf(scaled.rgb, size) === channels;
    if (!isCurrent) this.#scaled = { image, size, rgb: squareOf(image, size, channels) };
    return this.#scaled;
  }

  /** @param {number} index among the images to learn from */
  chooseImage(index) {
    this.#index = index;
    this.#file = undefined;
    this.#changed();
  }

  /** @param {File} file whose picture replaces the present one, if it can be read */
  async open(file) {
    try {
      this.#file = (await decodeImage(file)).image;
      this.session.messages.dismiss('edit');
      this.#changed();
    } catch (error) {
      this.session.fail(error, 'edit');
    }
  }

  /** What of the picture is to be filled in. */
  get mask() {
    const { size } = this.session.lab.config;
    if (this.#mask?.length !== size * size) this.#mask = emptyMask(size);
    return this.#mask;
  }

  clearMask() {
    this.#mask = undefined;
    this.#changed();
  }

  /** @param {string} name of the half to fill in, see `HALF_NAMES` */
  maskHalf(name) {
    this.#mask = halfMask(this.session.lab.config.size, name);
    this.#changed();
  }

  /**
   * @param {{ from: import('../lib/mask.js').Point, to: import('../lib/mask.js').Point }} stroke
   */
  paint(stroke) {
    const { brush: width, erase } = this.settings;
    this.#mask = paintStroke(this.mask, { ...stroke, width, erase });
    this.#changed();
  }

  // --- runs ---

  /** The sampler of the sample panel where it can do the edit, else one that suits the model. */
  get sampler() {
    const { sampler } = this.session.sampleOptions;
    if (this.kind !== 'fill' || FILLING.includes(sampler)) return sampler;
    return samplersFor(this.session.lab.config).find((name) => FILLING.includes(name)) ?? sampler;
  }

  /** What the edit is made with. */
  get options() {
    const { lab, sampleSettings } = this.session;
    const { from, to, between, count, strength, repeats } = this.settings;
    const base = sampleSettings.for(lab.config, { sampler: this.sampler });
    if (this.kind === 'between') {
      return { ...base, seed: from, count: between, interpolate: { to } };
    }
    const init = this.image;
    if (this.kind === 'redraw') return { ...base, count, init, strength };
    return {
      ...base,
      count,
      init,
      mask: this.mask,
      // A few jumps, however many steps there are.
      jump_length: Math.max(1, Math.round(base.steps / 5)),
      jump_n_sample: repeats,
    };
  }

  async run() {
    const { session, recording } = this;
    const still = session.options.still;
    session.stopDrawing();
    this.interpolation.pause();
    this.interpolation.seek(0);
    try {
      await session.awake();
      const ended = await recording.sample(session.lab, this.options, { play: !still });
      if (!ended || recording !== this.recordings.between) return;
      // Now it is the way between the images that is to be watched.
      recording.pause();
      recording.seekEnd();
      if (!still) this.interpolation.play(0);
    } catch (error) {
      session.fail(LabError.from(error), 'edit');
    }
  }

  stop() {
    for (const recording of Object.values(this.recordings)) recording.stop();
  }

  pause() {
    for (const recording of Object.values(this.recordings)) recording.pause();
    this.interpolation.pause();
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    for (const recording of Object.values(this.recordings)) recording.setVisible(visible);
    this.interpolation.setVisible(visible);
  }

  #moved = () => {
    this.dispatchEvent(new Event('frame'));
  };

  #changed = () => {
    this.dispatchEvent(new Event('change'));
  };
}

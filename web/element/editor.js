import { channelsOf, squareOf } from '../lib/channels.js';
import { decodeImage } from '../lib/decode-images.js';
import { LabError } from '../lib/errors.js';
import { emptyMask, halfMask, paintStroke } from '../lib/mask.js';
import { seedNoise, slerp } from '../lib/noise-mix.js';
import { samplersFor } from '../lib/samplers.js';
import { blank, drawStroke } from '../lib/sketch.js';
import { Playback } from './playback.js';
import { Recording } from './recording.js';

/**
 * @import { MasterImage } from '../lib/decode-images.js'
 * @import { SamplerName } from '../lib/samplers.js'
 * @import { Subject } from './selected-sample.js'
 * @typedef {'between' | 'redraw' | 'fill'} EditKind
 */

/** Strokes that can be taken back. */
const MAX_UNDO = 30;

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
 * @property {boolean} pen whether the brush draws on the picture in place of the mask
 * @property {string} colour of the pen, `#rrggbb`
 */

/**
 * More from one model: what lies between two seeds, a picture drawn anew, a hole filled in. Each
 * has a recording of its own. Dispatches `frame` when another frame is to be shown, `taken` when a
 * sample was handed to it, and `change` otherwise.
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
    pen: false,
    colour: '#1d1b22',
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
  /** What became of the picture by drawing on it, at the size of the model. */
  /** @type {Uint8Array | undefined} */
  #sketch;
  /** Masks and sketches before each stroke, the newest last. */
  /** @type {{ mask: Uint8Array | undefined, sketch: Uint8Array | undefined }[]} */
  #before = [];
  /** Samples at the ends of the way, in place of seeds. @type {{ from?: Subject, to?: Subject }} */
  ends = {};

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
    for (const end of /** @type {const} */ (['from', 'to'])) {
      if (settings[end] !== undefined) this.ends = { ...this.ends, [end]: undefined };
    }
    this.#changed();
  }

  /**
   * Makes more of a sample: of its picture, or of its noise as one end of the way between two.
   * @param {EditKind} kind
   * @param {Subject} subject
   */
  take(kind, subject) {
    this.kind = kind;
    if (kind === 'between') {
      const { from, to } = this.ends;
      this.ends = from ? { from: to ?? from, to: subject } : { from: subject, to };
    } else {
      const { rgb, size } = subject;
      this.#choosePicture({ name: 'a sample', rgb, size });
    }
    this.#changed();
    this.dispatchEvent(new Event('taken'));
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
    let scaled = this.#scaled;
    const isCurrent =
      scaled?.image === image && scaled.size === size && channelsOf(scaled.rgb, size) === channels;
    if (!scaled || !isCurrent) {
      this.#scaled = scaled = { image, size, rgb: squareOf(image, size, channels) };
      // Another size has other pixels to draw on.
      this.#sketch = undefined;
      this.#before = [];
    }
    return this.#sketch ? { ...scaled, rgb: this.#sketch } : scaled;
  }

  /** What an edit starts from: the picture as it was given, unless it was drawn on. */
  get #init() {
    return this.#sketch ? this.picture : this.image;
  }

  /** @param {MasterImage | undefined} file in place of the images to learn from */
  #choosePicture(file) {
    this.#file = file;
    this.#sketch = undefined;
    this.#before = [];
  }

  /** @param {number} index among the images to learn from */
  chooseImage(index) {
    this.#index = index;
    this.#choosePicture(undefined);
    this.#changed();
  }

  /** @param {File} file whose picture replaces the present one, if it can be read */
  async open(file) {
    try {
      this.#choosePicture((await decodeImage(file)).image);
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
    this.#note();
    this.#mask = undefined;
    this.#changed();
  }

  /** @param {string} name of the half to fill in, see `HALF_NAMES` */
  maskHalf(name) {
    this.#note();
    this.#mask = halfMask(this.session.lab.config.size, name);
    this.#changed();
  }

  /** Whether the brush draws on the picture: there is a mask only to fill in. */
  get draws() {
    return this.kind === 'redraw' || this.settings.pen;
  }

  /**
   * A stroke of the brush, or a part of one.
   * @param {{ from: import('../lib/mask.js').Point, to: import('../lib/mask.js').Point, begins: boolean }}
   *   stroke
   */
  paint({ begins, ...stroke }) {
    const { brush: width, erase, colour } = this.settings;
    if (begins) this.#note();
    if (!this.draws) this.#mask = paintStroke(this.mask, { ...stroke, width, erase });
    else if (this.picture)
      this.#sketch = drawStroke(this.picture.rgb, this.picture.size, { ...stroke, width, colour });
    this.#changed();
  }

  /** Whether the picture was drawn on. */
  get sketched() {
    return this.#sketch !== undefined;
  }

  /** The picture as it was before anyone drew on it. */
  clearSketch() {
    this.#note();
    this.#sketch = undefined;
    this.#changed();
  }

  /** An empty sheet to draw on. */
  blank() {
    this.#note();
    const { size, unet } = this.session.lab.config;
    if (this.picture) this.#sketch = blank(size, unet.in_channels, '#ffffff');
    this.#changed();
  }

  get canUndo() {
    return this.#before.length > 0;
  }

  /** Takes the last stroke back. */
  undo() {
    const before = this.#before.pop();
    if (!before) return;
    this.#mask = before.mask;
    this.#sketch = before.sketch;
    this.#changed();
  }

  #note() {
    // Notes are dropped with a size that they are not of.
    void this.picture;
    this.#before = [...this.#before, { mask: this.#mask, sketch: this.#sketch }].slice(-MAX_UNDO);
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
      const way = { ...base, seed: from, count: between };
      return this.#betweenSamples(way) ?? { ...way, interpolate: { to } };
    }
    const init = this.#init;
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

  /**
   * The way between samples, or a sample and a seed.
   * @param {import('../lab.js').SampleOptions} way
   */
  #betweenSamples({ ...way }) {
    const { from, to } = this.ends;
    if (!from && !to) return undefined;
    const a = from?.noise ?? seedNoise(this.settings.from);
    const b = to?.noise ?? seedNoise(this.settings.to);
    const { count } = way;
    const mixtures = Array.from({ length: count }, (_, i) => slerp(a, b, i / (count - 1)));
    const { labels = [] } = (from ?? to)?.options ?? {};
    return { ...way, labels: labels.length ? labels : way.labels, mixtures };
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

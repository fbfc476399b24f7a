import { learnsCrops } from '../lib/config.js';
import { LabError } from '../lib/errors.js';
import { marked, msg } from '../lib/localize.js';
import { samplersFor } from '../lib/samplers.js';
import { Recording } from './recording.js';

/**
 * @import { SamplerName } from '../lib/samplers.js'
 *
 * @typedef {object} DrawnShape
 * @property {string} id
 * @property {string} label
 * @property {number} width
 * @property {number} height
 *
 * @typedef {{ left: number, top: number, width: number, height: number }} Box in pixels
 */

/** What a model that learnt from crops may be asked for. */
export const SHAPES = /** @type {const} @satisfies {readonly DrawnShape[]} */ ([
  { id: 'square', label: marked('Square'), width: 128, height: 128 },
  { id: 'wide', label: marked('Wide'), width: 256, height: 128 },
  { id: 'tall', label: marked('Tall'), width: 128, height: 256 },
  { id: 'large', label: marked('Large'), width: 256, height: 256 },
]);

/** @typedef {typeof SHAPES[number]['id']} ShapeId */

/** The samplers that can keep a part of a picture. */
const KEEPING = /** @type {SamplerName[]} */ (['ddpm', 'ddim']);

/** How many times each stretch is sampled where a picture is kept. */
const REPEATS = 3;

/**
 * Pictures of any shape by a model that learnt from crops: new ones, or the picture itself with more
 * around it. Dispatches `frame` when another frame is to be shown, and `change` otherwise.
 */
export class LargeSamples extends EventTarget {
  recording = new Recording();
  /** @type {ShapeId} */
  shape = 'wide';
  /** Whether the picture is kept and more is drawn around it. */
  extends = false;
  /** Where the picture is in what is shown, if it was kept. @type {Box | undefined} */
  kept;

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    super();
    this.session = session;
    this.recording.addEventListener('change', () => this.#changed());
    this.recording.addEventListener('frame', () => this.dispatchEvent(new Event('frame')));
  }

  /** Whether the model is for this. */
  get available() {
    const { lab } = this.session;
    return lab !== undefined && learnsCrops(lab.config);
  }

  get sampling() {
    return this.recording.sampling;
  }

  /** @param {Partial<Pick<LargeSamples, 'shape' | 'extends'>>} choice */
  choose(choice) {
    Object.assign(this, choice);
    this.#changed();
  }

  /** The picture that is extended: the first to learn from. */
  get picture() {
    return this.session.imageSet.images.at(0);
  }

  /** Where the picture comes to lie: in the middle. @returns {Box | undefined} */
  get place() {
    const { width, height } = this.#chosen;
    const { picture } = this;
    if (!picture) return undefined;
    const { size } = picture;
    const middle = (/** @type {number} */ side) => Math.floor((side - size) / 2);
    return { left: middle(width), top: middle(height), width: size, height: size };
  }

  /** Why nothing can be drawn, in words; empty where it can. */
  get missing() {
    if (!this.extends) return '';
    const { place } = this;
    if (!place) return msg('Add the picture first.');
    const { width, height } = this.#chosen;
    const fits = place.left >= 0 && place.top >= 0;
    const leavesRoom = place.width < width || place.height < height;
    return fits && leavesRoom
      ? ''
      : msg('This shape leaves no room around the picture. Choose another.');
  }

  get #chosen() {
    return SHAPES.find(({ id }) => id === this.shape) ?? SHAPES[0];
  }

  /** What is drawn with. @returns {import('../lab.js').SampleRequest} */
  get options() {
    const { lab, sampleOptions, sampleSettings } = this.session;
    const { width, height } = this.#chosen;
    const { place, picture } = this;
    if (!this.extends || !place || !picture) {
      return { ...sampleSettings.for(lab.config), count: 1, width, height };
    }
    const keeping = KEEPING.includes(sampleOptions.sampler)
      ? sampleOptions.sampler
      : samplersFor(lab.config).find((name) => KEEPING.includes(name));
    const base = sampleSettings.for(lab.config, { sampler: keeping ?? 'ddim' });
    return {
      ...base,
      count: 1,
      width,
      height,
      init: picture,
      extend: place,
      // A few jumps, however many steps there are.
      jump_length: Math.max(1, Math.round(base.steps / 5)),
      jump_n_sample: REPEATS,
    };
  }

  async run() {
    const { session, recording, options } = this;
    session.stopDrawing();
    try {
      await session.awake();
      this.kept = options.extend;
      await recording.sample(session.lab, options, { play: !session.options.still });
    } catch (error) {
      session.fail(LabError.from(error), 'large-samples');
    }
  }

  stop() {
    this.recording.stop();
  }

  pause() {
    this.recording.pause();
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    this.recording.setVisible(visible);
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

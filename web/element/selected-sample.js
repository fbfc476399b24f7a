import { learnsCrops } from '../lib/config.js';
import { LabError } from '../lib/errors.js';
import { seedNoise, vary } from '../lib/noise-mix.js';
import { Recording } from './recording.js';

/**
 * @import { Frame, Nearest, NoiseTerm, SampleOptions } from '../worker/protocol.js'
 * @import { SampleRequest } from '../lab.js'
 *
 * @typedef {object} Subject a sample: what it looks like, and what it was drawn from and with
 * @property {Uint8Array} rgb
 * @property {number} size
 * @property {NoiseTerm[]} noise
 * @property {Partial<SampleOptions>} options
 */

const MAX_SEED = 0xffffffff;
/** Around a sample, which is in the middle of nine. */
export const NEIGHBOURS = 8;

/** A seed that nobody has seen. */
const anySeed = () => Math.floor(Math.random() * MAX_SEED);

/**
 * One sample that is looked at closely: its way out of the noise, the training image nearest to it,
 * others in its place, and those around it. Dispatches `frame` when another frame is to be shown and
 * `change` otherwise.
 */
export class SelectedSample extends EventTarget {
  /** Nothing while none is looked at. @type {Subject | undefined} */
  subject;
  /** Where it is among the samples; nothing where it is none of those. @type {number | undefined} */
  tile;
  /** Its way out of the noise, by the model as it is now. */
  recording = new Recording();
  /** How far around it to look, as a share of the way to other noise. */
  strength = 0.3;
  /** Those around it, as they are drawn. @type {{ frame: Frame, subjects: Subject[] } | undefined} */
  around;
  /** Whether those are being drawn. */
  varying = false;
  /** What was found of frames. @type {WeakMap<Frame, Nearest>} */
  #nearest = new WeakMap();
  #looking = false;
  #varied = new AbortController();

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    super();
    this.session = session;
    this.recording.addEventListener('change', this.#changed);
    this.recording.addEventListener('frame', () => {
      this.dispatchEvent(new Event('frame'));
      this.#lookForNearest();
    });
  }

  get sampling() {
    return this.recording.sampling || this.varying;
  }

  /** One of the samples. @param {number} tile */
  openSample(tile) {
    const subject = this.session.samples.subject(tile);
    if (subject) this.open(subject, tile);
  }

  /**
   * Looks at a sample from now on.
   * @param {Subject} subject
   * @param {number} [tile]
   */
  async open(subject, tile) {
    this.subject = subject;
    this.tile = tile;
    this.#forgetAround();
    this.recording.frames = [];
    this.recording.position = 0;
    this.#changed();
    await this.#draw();
  }

  close() {
    this.stop();
    this.recording.pause();
    this.subject = undefined;
    this.#changed();
  }

  stop() {
    this.recording.stop();
    this.#varied.abort();
  }

  /** What a subject is drawn with. @param {Subject} subject @returns {SampleRequest} */
  #request({ noise, options }) {
    return { ...options, count: 1, mixtures: [noise] };
  }

  async #draw() {
    const { session, recording, subject } = this;
    if (!subject) return false;
    try {
      await session.awake();
      const by = { state: session.run.state, step: session.lab.step };
      const request = { ...this.#request(subject), with_eps: true };
      const ended = await recording.sample(session.lab, request, { play: false, by });
      return ended && subject === this.subject;
    } catch (error) {
      session.fail(LabError.from(error), 'touch');
      return false;
    }
  }

  /** Another sample in the place of this one. */
  async reroll() {
    const { subject, tile } = this;
    if (!subject) return;
    this.#forgetAround();
    this.subject = { ...subject, noise: seedNoise(anySeed()) };
    if (!(await this.#draw())) return;
    this.#adopt(tile);
  }

  /** One of those around it. @param {number} place */
  async choose(place) {
    const next = this.around?.subjects[place];
    if (!next) return;
    const { tile } = this;
    this.subject = next;
    this.#forgetAround();
    if (await this.#draw()) this.#adopt(tile);
  }

  /** What was drawn is what the subject looks like, and stands where the one before stood. */
  /** @param {number | undefined} tile */
  #adopt(tile) {
    const { recording, subject } = this;
    const last = recording.frames.at(-1);
    if (!subject || !last) return;
    this.subject = { ...subject, rgb: last.x_t, size: last.size };
    if (tile !== undefined) this.session.samples.replace(tile, recording.frames, this.subject);
    this.#changed();
  }

  // --- around it ---

  /** @param {number} strength */
  setStrength(strength) {
    this.strength = strength;
    this.#changed();
  }

  /** Draws those around it, in directions that nobody has seen. */
  async vary() {
    const { session, subject, strength } = this;
    if (!subject) return;
    this.#varied.abort();
    const { signal } = (this.#varied = new AbortController());
    const noises = Array.from({ length: NEIGHBOURS }, () =>
      vary(subject.noise, anySeed(), strength),
    );
    this.varying = true;
    this.#changed();
    try {
      await session.awake();
      const request = { ...this.#request(subject), count: NEIGHBOURS, mixtures: noises };
      for await (const frame of session.lab.sample({ ...request, signal })) {
        const tile = frame.x_t.length / NEIGHBOURS;
        const subjects = noises.map((noise, place) => ({
          ...subject,
          noise,
          rgb: frame.x_t.slice(place * tile, (place + 1) * tile),
          size: frame.size,
        }));
        this.around = { frame, subjects };
        this.#changed();
      }
    } catch (error) {
      session.fail(LabError.from(error), 'touch');
    } finally {
      if (this.#varied.signal === signal) {
        this.varying = false;
        this.#changed();
      }
    }
  }

  #forgetAround() {
    this.#varied.abort();
    this.varying = false;
    this.around = undefined;
  }

  // --- the training image nearest to it ---

  /** Of the frame that is shown, once it is found. */
  get nearest() {
    const { frame } = this.recording;
    return frame && this.#nearest.get(frame);
  }

  /** One frame at a time, the one that is shown. */
  async #lookForNearest() {
    if (this.#looking) return;
    this.#looking = true;
    try {
      for (;;) {
        const { frame } = this.recording;
        const { lab } = this.session;
        if (!this.subject || !frame || this.#nearest.has(frame) || !lab.images.length) return;
        if (learnsCrops(lab.config)) return;
        const guess = frame.pred_x0 ?? frame.x_t;
        for await (const nearest of lab.nearest({ ...frame, x_t: guess, count: 1 })) {
          this.#nearest.set(frame, nearest);
        }
        this.dispatchEvent(new Event('frame'));
      }
    } catch (error) {
      this.session.fail(LabError.from(error), 'touch');
    } finally {
      this.#looking = false;
    }
  }

  #changed = () => {
    this.dispatchEvent(new Event('change'));
  };
}

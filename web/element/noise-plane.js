import { isAbort, LabError } from '../lib/errors.js';
import { within } from '../lib/noise-mix.js';
import { isFlow } from '../lib/samplers.js';

/**
 * @import { Favourite } from './favourites.js'
 * @import { Subject } from './selected-sample.js'
 */

export const CORNERS = 3;
/** Enough to follow a hand; when that rests, as many are taken as the sampler is usually given. */
const LIVE_STEPS = 6;
const FINE_STEPS = 20;

/**
 * The triangle of noise that three favourites span: at each point of it is a sample, drawn as one gets
 * there. Deterministic samplers alone, so that nothing changes but the point. Dispatches `change`,
 * and `drawing` when drawing begins or ends.
 */
export class NoisePlane extends EventTarget {
  /** Which favourites are its corners, by id. @type {string[]} */
  #chosen = [];
  /** Where it is looked at: the share of each corner. */
  shares = [1 / 3, 1 / 3, 1 / 3];
  /** What was drawn last, with as many steps as are usual or as few as are quick. */
  /** @type {(Subject & { fine: boolean }) | undefined} */
  shown;
  drawing = false;
  #session;
  /** The newest wish; those before are not drawn. @type {{ fine: boolean } | undefined} */
  #wish;
  #abort = new AbortController();

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    super();
    this.#session = session;
    session.favourites.addEventListener('change', () => this.#changed());
  }

  /** The favourites at its corners; the newest three while none are chosen. @returns {Favourite[]} */
  get corners() {
    const { list } = this.#session.favourites;
    const chosen = list.filter(({ id }) => this.#chosen.includes(id));
    return chosen.length > 0 ? chosen : list.slice(-CORNERS);
  }

  /** Whether there is a triangle. */
  get complete() {
    return this.corners.length === CORNERS;
  }

  /** Makes a favourite a corner, in the place of the one that is so for longest, or none. */
  /** @param {string} id */
  toggle(id) {
    const ids = this.corners.map((corner) => corner.id);
    this.#chosen = ids.includes(id)
      ? ids.filter((other) => other !== id)
      : [...ids, id].slice(-CORNERS);
    this.shown = undefined;
    this.#changed();
  }

  /**
   * Goes to a point of it.
   * @param {number[]} shares of the corners
   * @param {{ fine: boolean }} how whether it is to stay there
   */
  async move(shares, { fine }) {
    this.shares = shares;
    this.#wish = { fine };
    this.#changed();
    if (this.drawing) return;
    this.#setDrawing(true);
    this.#abort = new AbortController();
    try {
      await this.#session.awake();
      while (this.#wish && this.complete) {
        const wish = this.#wish;
        this.#wish = undefined;
        await this.#draw(wish);
      }
    } catch (error) {
      if (!isAbort(error)) this.#session.fail(LabError.from(error), 'noise-plane');
    } finally {
      this.#wish = undefined;
      this.#setDrawing(false);
      this.#changed();
    }
  }

  /** @param {{ fine: boolean }} how */
  async #draw({ fine }) {
    const { corners, shares } = this;
    const { lab } = this.#session;
    const noise = within(
      corners.map((corner) => corner.noise),
      shares,
    );
    /** @type {import('../lib/samplers.js').SamplerName} */
    const sampler = isFlow(lab.config) ? 'euler-flow' : 'ddim';
    const options = {
      ...corners[0].options,
      sampler,
      eta: 0,
      steps: Math.min(fine ? FINE_STEPS : LIVE_STEPS, lab.config.scheduler.num_train_timesteps),
    };
    const { signal } = this.#abort;
    const request = { ...options, count: 1, mixtures: [noise], signal };
    for await (const frame of lab.sample(request)) {
      // Nobody waits for the fine one where they have gone on.
      if (fine && this.#wish) return;
      if (frame.index < frame.total) continue;
      this.shown = { rgb: frame.x_t, size: frame.size, noise, options, fine };
      this.#changed();
    }
  }

  stop() {
    this.#abort.abort();
  }

  /** @param {boolean} drawing */
  #setDrawing(drawing) {
    this.drawing = drawing;
    this.dispatchEvent(new Event('drawing'));
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

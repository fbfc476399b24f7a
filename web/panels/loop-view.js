import { html, nothing } from 'lit';
import { gifIndexer } from '../element/gif-indexer.js';
import { download } from '../lib/canvas.js';
import { define } from '../lib/define.js';
import { canFilm, encodeFilm } from '../lib/film.js';
import { encodeGif } from '../lib/gif.js';
import { button } from './buttons.js';
import { Panel } from './panel.js';
import './pixel-grid.js';

/** How long a frame stands, in milliseconds. */
const DELAY_MS = 60;
/** Pixels across a file, about. */
const GIF_SIDE = 384;
const FILM_SIDE = 720;
const NAME = 'unnoise-loop';

/** A film from one favourite to the next and back to the first, to take along. */
export class LoopView extends Panel {
  static shows = /** @type {const} */ (['loop', 'favourites', 'sampling', 'status']);

  render() {
    const { session } = this;
    const { loop, favourites } = session;
    const { length } = loop.subjects;
    if (loop.drawing) return this.#making();
    if (length < 2) return nothing;
    const ready = session.phase === 'ready' && !session.activity;
    const through = favourites.list.length > 1 ? 'favourites' : 'samples';
    const action = (/** @type {string} */ label, /** @type {'gif' | 'film'} */ kind) =>
      button({
        label,
        testid: `loop-${kind}`,
        disabled: !ready,
        click: () => this.#save(kind),
      });
    return html`<div class="loop" role="group" aria-label="A loop through noise">
      <p class="note">A film through these ${length} ${through}, and back to the first.</p>
      <div class="row">
        ${action('Save loop as GIF', 'gif')}
        ${canFilm ? action('Save loop as film', 'film') : nothing}
      </div>
    </div>`;
  }

  #making() {
    const { loop } = this.session;
    return html`<div class="loop making" role="group" aria-label="A loop through noise">
      ${
        loop.frame
          ? html`<unnoise-pixels
              .testid=${'loop-canvas'}
              .label=${'The loop as it is drawn'}
              .tiles=${loop.frame}
            ></unnoise-pixels>`
          : nothing
      }
      <progress aria-label="Making the loop" max="1" value=${loop.progress ?? 0}></progress>
      ${button({ label: 'Cancel', testid: 'loop-cancel', click: () => loop.stop() })}
    </div>`;
  }

  /** @param {'gif' | 'film'} kind */
  async #save(kind) {
    const { session } = this;
    try {
      const made = await session.loop.make(async (frames, making) => {
        const scale = (/** @type {number} */ side) =>
          Math.max(1, Math.round(side / frames[0].size));
        // It goes on where it began, so that the last frame stands no longer than the others.
        const pace = { delayMs: DELAY_MS, lastMs: DELAY_MS, ...making };
        if (kind === 'film')
          return encodeFilm(frames, { scale: scale(FILM_SIDE), gap: '#fff', ...pace });
        return {
          film: await encodeGif(frames, {
            scale: scale(GIF_SIDE),
            ...pace,
            index: gifIndexer(session),
          }),
          ending: '.gif',
        };
      });
      if (!made) return;
      download(made.film, NAME + made.ending);
      session.messages.say('saved', `Saved ${NAME}${made.ending} with your downloads.`);
    } catch (error) {
      session.fail(error, 'save');
    }
  }
}

define('unnoise-loop', LoopView);

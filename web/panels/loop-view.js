import { html, nothing } from 'lit';
import { gifIndexer } from '../element/gif-indexer.js';
import { download } from '../lib/canvas.js';
import { define } from '../lib/define.js';
import { canFilm, encodeFilm } from '../lib/film.js';
import { encodeGif } from '../lib/gif.js';
import { msg } from '../lib/localize.js';
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
    const action = (/** @type {string} */ label, /** @type {'gif' | 'film'} */ kind) =>
      button({
        label,
        testid: `loop-${kind}`,
        disabled: !ready,
        click: () => this.#save(kind),
      });
    return html`<div class="loop" role="group" aria-label=${msg('A loop through noise')}>
      <p class="note">
        ${favourites.list.length > 1 ? msg('A film through these {0} favourites, and back to the first.', length) : msg('A film through these {0} samples, and back to the first.', length)}
      </p>
      <div class="row">
        ${action(msg('Save loop as GIF'), 'gif')}
        ${canFilm ? action(msg('Save loop as film'), 'film') : nothing}
      </div>
    </div>`;
  }

  #making() {
    const { loop } = this.session;
    return html`<div class="loop making" role="group" aria-label=${msg('A loop through noise')}>
      ${
        loop.frame
          ? html`<unnoise-pixels
              .testid=${'loop-canvas'}
              .label=${msg('The loop as it is drawn')}
              .tiles=${loop.frame}
            ></unnoise-pixels>`
          : nothing
      }
      <progress aria-label=${msg('Making the loop')} max="1" value=${loop.progress ?? 0}></progress>
      ${button({ label: msg('Cancel'), testid: 'loop-cancel', click: () => loop.stop() })}
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
      session.messages.say('saved', msg('Saved {0}{1} with your downloads.', NAME, made.ending));
    } catch (error) {
      session.fail(error, 'save');
    }
  }
}

define('unnoise-loop', LoopView);

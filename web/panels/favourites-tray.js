import { html, nothing } from 'lit';
import { define } from '../lib/define.js';
import { plural } from '../lib/format.js';
import { mixed, msg } from '../lib/localize.js';
import { lift } from './drag-sample.js';
import './image-thumb.js';
import './loop-view.js';
import './noise-plane-view.js';
import { Panel } from './panel.js';

/** @import { Favourite } from '../element/favourites.js' */

/** The samples that the visitor keeps, and the plane between three of them. */
export class FavouritesTray extends Panel {
  static shows = /** @type {const} */ (['favourites', 'noisePlane', 'selectedSample']);

  render() {
    const { list } = this.session.favourites;
    return html`<section class="tray" aria-labelledby="tray-title">
      <h3 id="tray-title">
        ${mixed(
          'Favourites {0}',
          html`<span class="muted" data-testid="tray-count"
            >${list.length ? plural(list.length, 'sample') : ''}</span
          >`,
        )}
      </h3>
      ${
        list.length
          ? html`<ul>
                ${list.map((favourite, index) => this.#item(favourite, index))}
              </ul>
              <p class="note">
                ${msg(
                  'Drag one to the panel below, or open it to make more of it. Three with a tick span ' +
                    'a plane of noise.',
                )}
              </p>`
          : html`<p class="note">
              ${msg('Choose a sample above to look at it closely; those that you keep stand here.')}
            </p>`
      }
      ${
        this.session.noisePlane.complete
          ? html`<unnoise-noise-plane .session=${this.session}></unnoise-noise-plane>`
          : nothing
      }
      <unnoise-loop .session=${this.session}></unnoise-loop>
    </section>`;
  }

  /**
   * @param {Favourite} favourite
   * @param {number} index
   */
  #item(favourite, index) {
    const { selectedSample, favourites, noisePlane } = this.session;
    const corner = noisePlane.corners.some(({ id }) => id === favourite.id);
    const name = msg('favourite {0}', index + 1);
    return html`<li>
      <button
        type="button"
        class="thumb"
        draggable="true"
        aria-label=${msg('Look at {0} closely', name)}
        data-testid="favourite"
        @click=${() => selectedSample.open(favourite)}
        @dragstart=${(/** @type {DragEvent} */ event) => lift(event, favourite)}
      >
        <unnoise-thumb .image=${favourite}></unnoise-thumb>
      </button>
      <label class="check">
        <input
          type="checkbox"
          aria-label=${msg('Make {0} a corner of the plane', name)}
          data-testid="favourite-corner"
          .checked=${corner}
          @change=${() => noisePlane.toggle(favourite.id)}
        />
      </label>
      <button
        type="button"
        class="icon small"
        aria-label=${msg('Let go of {0}', name)}
        data-testid="favourite-remove"
        @click=${() => favourites.remove(favourite.id)}
      >
        ×
      </button>
    </li>`;
  }
}

define('unnoise-favourites', FavouritesTray);

import { html, nothing } from 'lit';
import { define } from '../lib/define.js';
import { plural, ratio } from '../lib/format.js';
import { counted, mixed, msg } from '../lib/localize.js';
import { copyRatio } from './equations/bound.js';
import './image-thumb.js';
import { MeasuredPanel } from './measured-panel.js';

/** Samples shown before someone asks for all. */
const SHOWN_AT_FIRST = 16;

/** Each sample beside the training image nearest to it. */
export class NearestView extends MeasuredPanel {
  static shows = /** @type {const} */ (['diagnostics', 'sampling']);

  static properties = { ...MeasuredPanel.properties, all: { state: true } };

  constructor() {
    super();
    this.all = false;
  }

  render() {
    const { samples, diagnostics } = this.session;
    const { matches, copies, frame } = diagnostics.memorisation;
    if (matches.length === 0) return nothing;
    const shown = this.all ? matches : matches.slice(0, SHOWN_AT_FIRST);
    const stale = samples.sampling || frame !== samples.frames.at(-1);
    return html`<figure class="nearest ${stale ? 'stale' : ''}" data-testid="nearest">
      <figcaption>
        ${mixed(
          'New, or learnt by heart? {0}',
          html`<span
            class="muted"
            data-testid="copy-count"
            data-copies=${copies}
            data-of=${matches.length}
            >${counted(copies, '{0} of {1} is a copy', '{0} of {1} are copies', plural(matches.length, 'sample'))}</span
          >`,
        )}
      </figcaption>
      <ul>
        ${shown.map((match) => this.#pair(match))}
      </ul>
      ${
        matches.length > shown.length
          ? html`<button type="button" class="link" @click=${() => (this.all = true)}>
              ${mixed('Show all {0}', matches.length)}
            </button>`
          : nothing
      }
      <p class="note">
        ${msg(
          'Right: the training image nearest to the sample. The number is its distance as a ' +
            'share of that of the second nearest; below 1/3 the sample counts as a copy (Yoon et ' +
            'al. 2023).',
        )}
      </p>
      ${copyRatio}
    </figure>`;
  }

  /** @param {import('../element/memorisation.js').Match} match */
  #pair({ sample, image, nearest }) {
    return html`<li class=${nearest.copy ? 'copy' : ''}>
      <unnoise-thumb .image=${sample}></unnoise-thumb>
      <unnoise-thumb .image=${image} class=${nearest.mirrored ? 'mirrored' : ''}></unnoise-thumb>
      <span
        >${ratio(nearest.ratio)}
        ${nearest.copy ? html`<b class="badge">${msg('copy')}</b>` : nothing}</span
      >
    </li>`;
  }
}

define('unnoise-nearest', NearestView);

import { html, nothing } from 'lit';
import { define } from '../lib/define.js';
import { integer, plural } from '../lib/format.js';
import { button } from './buttons.js';
import './image-thumb.js';
import { MeasuredPanel } from './measured-panel.js';

/** @import { Unlearnt } from '../element/unlearnt-images.js' */

/** Images shown. */
const SHOWN = 12;

/** The training images that the model denoises far worse than the others. */
export class UnlearntImagesView extends MeasuredPanel {
  static shows = /** @type {const} */ (['diagnostics', 'images']);

  /** The one that is looked at. @type {import('../lib/decode-images.js').MasterImage | undefined} */
  #chosen;

  render() {
    const { found, looked } = this.session.diagnostics.unlearnt;
    if (!looked) return nothing;
    const { length } = this.session.lab.images;
    const of = looked.count < length ? `${integer(looked.count)} images looked at` : 'images';
    return html`<section class="unlearnt" aria-label="Images not learnt yet" data-testid="unlearnt">
      <p data-testid="unlearnt-said">
        ${
          found.length
            ? html`<strong>${plural(found.length, 'image')} not learnt yet.</strong> The model
                denoises ${found.length === 1 ? 'it' : 'them'} far worse than the other ${of}.`
            : html`No image stands out: the model denoises none of the ${of} far worse than the
              others.`
        }
        <span class="muted">After step ${integer(looked.step)}.</span>
      </p>
      ${
        found.length
          ? html`<ul>
                ${found.slice(0, SHOWN).map((one) => this.#thumb(one))}
              </ul>
              ${this.#closely(found.find(({ image }) => image === this.#chosen))}`
          : nothing
      }
      ${found.length > SHOWN ? html`<p class="muted">and ${found.length - SHOWN} more</p>` : nothing}
    </section>`;
  }

  /** @param {Unlearnt} one */
  #thumb({ image, index, times }) {
    const chosen = image === this.#chosen;
    return html`<li>
      <button
        type="button"
        class="thumb"
        data-testid="unlearnt-image"
        aria-pressed=${chosen}
        aria-label="Image ${index + 1}, ${image.name}, ${inTimes(times)}"
        @click=${() => {
          this.#chosen = chosen ? undefined : image;
          this.requestUpdate();
        }}
      >
        <unnoise-thumb .image=${image}></unnoise-thumb>
      </button>
    </li>`;
  }

  /** @param {Unlearnt | undefined} chosen */
  #closely(chosen) {
    if (!chosen) return nothing;
    const { image, index, times } = chosen;
    const { diagnostics } = this.session;
    const panel = /** @type {ParentNode} */ (this.getRootNode()).querySelector(
      'unnoise-diagnostics-panel',
    );
    return html`<div class="unlearnt-closely" data-testid="unlearnt-closely">
      <unnoise-thumb .image=${image}></unnoise-thumb>
      <div>
        <p>
          <b>${image.name}</b>, image ${index + 1} of ${integer(this.session.lab.images.length)}.
          ${inTimes(times)}.
        </p>
        ${
          panel
            ? button({
                label: 'Follow its bits per dimension',
                testid: 'unlearnt-follow',
                kind: 'link',
                click: () => {
                  diagnostics.chooseImage(index);
                  panel.scrollIntoView({ block: 'start' });
                },
              })
            : nothing
        }
      </div>
    </div>`;
  }
}

/** @param {number} times */
const inTimes = (times) =>
  `Error ${times < 10 ? times.toFixed(1) : Math.round(times)} times that of the median image`;

define('unnoise-unlearnt', UnlearntImagesView);

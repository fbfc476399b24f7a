import { html, nothing } from 'lit';
import { define } from '../lib/define.js';
import { decimal, integer } from '../lib/format.js';
import { counted, mixed, msg } from '../lib/localize.js';
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
    const some = looked.count < length;
    const count = integer(looked.count);
    const unlearnt = counted(
      found.length,
      '{0} image not learnt yet.',
      '{0} images not learnt yet.',
    );
    const apart = some
      ? counted(
          found.length,
          'The model denoises it far worse than the other {1} images looked at.',
          'The model denoises them far worse than the other {1} images looked at.',
          count,
        )
      : counted(
          found.length,
          'The model denoises it far worse than the other images.',
          'The model denoises them far worse than the other images.',
        );
    return html`<section
      class="unlearnt"
      aria-label=${msg('Images not learnt yet')}
      data-testid="unlearnt"
    >
      <p data-testid="unlearnt-said">
        ${
          found.length
            ? html`<strong>${unlearnt}</strong> ${apart}`
            : some
              ? msg(
                  'No image stands out: the model denoises none of the {0} images looked at far ' +
                    'worse than the others.',
                  count,
                )
              : msg(
                  'No image stands out: the model denoises none of the images far worse than the ' +
                    'others.',
                )
        }
        <span class="muted">${msg('After step {0}.', integer(looked.step))}</span>
      </p>
      ${
        found.length
          ? html`<ul>
                ${found.slice(0, SHOWN).map((one) => this.#thumb(one))}
              </ul>
              ${this.#closely(found.find(({ image }) => image === this.#chosen))}`
          : nothing
      }
      ${found.length > SHOWN ? html`<p class="muted">${msg('and {0} more', found.length - SHOWN)}</p>` : nothing}
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
        aria-label=${msg('Image {0}, {1}, {2}', index + 1, image.name, inTimes(times))}
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
          ${mixed('{0}, image {1} of {2}. {3}.', html`<b>${image.name}</b>`, index + 1, integer(this.session.lab.images.length), inTimes(times))}
        </p>
        ${
          panel
            ? button({
                label: msg('Follow its bits per dimension'),
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
  msg(
    'Error {0} times that of the median image',
    times < 10 ? decimal(times, 1) : Math.round(times),
  );

define('unnoise-unlearnt', UnlearntImagesView);

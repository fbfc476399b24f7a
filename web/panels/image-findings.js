import { html, nothing } from 'lit';
import { plural } from '../lib/format.js';
import { button } from './buttons.js';
import './image-thumb.js';

/** Images shown of a finding. */
const SHOWN = 8;

/**
 * What was noticed about the user's images, and what can be done about it.
 *
 * @param {import('../element/session.js').Session} session
 * @param {boolean} disabled
 */
export function imageFindings({ imageSet }, disabled) {
  const { findings } = imageSet;
  const { copies, misfits } = findings;
  const few = misfits.length === 1;
  return html`<div class="findings" role="status" aria-live="polite">
    ${
      copies.length
        ? finding({
            testid: 'found-copies',
            images: copies,
            words: html`<strong
                >${plural(copies.length, 'image')}
                ${copies.length === 1 ? 'is a copy' : 'are copies'} of others.</strong
              >
              What is there twice is learnt twice as often.`,
            action: button({
              label: copies.length === 1 ? 'Remove the copy' : `Remove ${copies.length} copies`,
              testid: 'remove-copies',
              kind: 'small',
              disabled,
              click: () => imageSet.removeAll(copies, plural(copies.length, 'copy', 'copies')),
            }),
          })
        : nothing
    }
    ${
      misfits.length
        ? finding({
            testid: 'found-misfits',
            images: misfits,
            words: html`<strong
                >${plural(misfits.length, 'image')} ${few ? 'looks' : 'look'} unlike the
                others.</strong
              >
              Remove what came along by mistake; what belongs can stay.`,
            action: button({
              label: few ? 'It belongs' : 'They belong',
              testid: 'keep-misfits',
              kind: 'small',
              click: () => findings.keep(misfits),
            }),
          })
        : nothing
    }
  </div>`;
}

/**
 * @param {object} found
 * @param {string} found.testid
 * @param {import('../lib/decode-images.js').MasterImage[]} found.images
 * @param {unknown} found.words
 * @param {unknown} found.action
 */
const finding = ({ testid, images, words, action }) =>
  html`<div class="finding" data-testid=${testid}>
    <p>${words}</p>
    <div class="row">
      <ul aria-label="Which">
        ${images.slice(0, SHOWN).map(
          (image) =>
            html`<li title=${image.name}>
              <unnoise-thumb .image=${image}></unnoise-thumb>
              <span class="visually-hidden">${image.name}</span>
            </li>`,
        )}
      </ul>
      ${images.length > SHOWN ? html`<span class="muted">and ${images.length - SHOWN} more</span>` : nothing}
      ${action}
    </div>
  </div>`;

import { html, nothing } from 'lit';
import { plural } from '../lib/format.js';
import { counted, mixed, msg } from '../lib/localize.js';
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
            words: html`${mixed(
              '{0} What is there twice is learnt twice as often.',
              html`<strong
                >${counted(copies.length, '{0} image is a copy of others.', '{0} images are copies of others.')}</strong
              >`,
            )}`,
            action: button({
              label:
                copies.length === 1
                  ? msg('Remove the copy')
                  : msg('Remove {0} copies', copies.length),
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
            words: html`${mixed(
              '{0} Remove what came along by mistake; what belongs can stay.',
              html`<strong
                >${counted(misfits.length, '{0} image looks unlike the others.', '{0} images look unlike the others.')}</strong
              >`,
            )}`,
            action: button({
              label: few ? msg('It belongs') : msg('They belong'),
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
      <ul aria-label=${msg('Which')}>
        ${images.slice(0, SHOWN).map(
          (image) =>
            html`<li title=${image.name}>
              <unnoise-thumb .image=${image}></unnoise-thumb>
              <span class="visually-hidden">${image.name}</span>
            </li>`,
        )}
      </ul>
      ${images.length > SHOWN ? html`<span class="muted">${mixed('and {0} more', images.length - SHOWN)}</span>` : nothing}
      ${action}
    </div>
  </div>`;

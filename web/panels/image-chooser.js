import { html, nothing } from 'lit';
import { msg } from '../lib/localize.js';

/**
 * One image after the other, around the end.
 *
 * @param {object} chooser
 * @param {string} chooser.prefix of the test ids
 * @param {string} chooser.changes names of the terms that it changes in equations
 * @param {number | undefined} chooser.index the image shown; none of them where undefined
 * @param {number} chooser.length of how many
 * @param {string} [chooser.name] of what is shown in their place
 * @param {(index: number) => void} chooser.choose
 * @param {unknown} [chooser.before]
 * @param {unknown} [chooser.after]
 */
export function imageChooser({
  prefix,
  changes,
  index,
  length,
  name = 'no image',
  choose,
  before = nothing,
  after = nothing,
}) {
  /** @param {{ id: string, by: number, label: string, sign: string }} arrow */
  const arrow = ({ id, by, label, sign }) =>
    html`<button
      type="button"
      class="icon"
      aria-label=${label}
      data-testid="${prefix}-${id}"
      ?disabled=${length < (index === undefined ? 1 : 2)}
      @click=${() => choose(index === undefined ? 0 : (index + by + length) % length)}
    >
      ${sign}
    </button>`;
  const text =
    index === undefined || length === 0 ? name : msg('image {0} of {1}', index + 1, length);
  return html`<div class="row chooser" data-changes=${changes}>
    ${before} ${arrow({ id: 'previous', by: -1, label: msg('Previous image'), sign: '‹' })}
    <span class="muted" title=${text} data-testid="${prefix}-image">${text}</span>
    ${arrow({ id: 'next', by: 1, label: msg('Next image'), sign: '›' })} ${after}
  </div>`;
}

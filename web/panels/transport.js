import { html, nothing } from 'lit';
import { rangeField } from './fields.js';

/**
 * Play, pause, and the place in a film.
 *
 * @param {object} film
 * @param {boolean} film.playing
 * @param {number} film.position
 * @param {number} film.max the last position
 * @param {number} [film.step]
 * @param {string} film.text the position in words
 * @param {string} film.prefix of the test ids
 * @param {string} [film.changes] names of the terms that the position changes in equations
 * @param {boolean} film.disabled whether nothing can be played
 * @param {unknown} film.place what stands beside the slider
 * @param {unknown} [film.actions] buttons at the end
 * @param {() => void} film.toggle plays or pauses
 * @param {(position: number) => void} film.seek
 */
export function transport({
  playing,
  position,
  max,
  step = 1,
  text,
  prefix,
  changes,
  disabled,
  place,
  actions = nothing,
  toggle,
  seek,
}) {
  return html`<div class="transport" part="transport">
    <button
      type="button"
      class="icon"
      data-testid="${prefix}play"
      aria-label="${playing ? 'Pause' : 'Play'} the animation"
      ?disabled=${disabled}
      @click=${toggle}
    >
      ${playing ? '❚❚' : '▶'}
    </button>
    ${rangeField({
      label: 'Step of the sampler',
      testid: `${prefix}scrub`,
      value: position,
      max,
      step,
      text,
      changes,
      disabled: disabled || max === 0,
      input: seek,
    })}
    ${place} ${actions}
  </div>`;
}

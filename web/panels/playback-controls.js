import { html, nothing } from 'lit';
import { msg } from '../lib/localize.js';
import { rangeField } from './fields.js';

/**
 * Play, pause, and the place in a recording.
 *
 * @param {object} recording
 * @param {boolean} recording.playing
 * @param {number} recording.position
 * @param {number} recording.max the last position
 * @param {number} [recording.step]
 * @param {string} recording.text the position in words
 * @param {string} recording.prefix of the test ids
 * @param {string} [recording.changes] names of the terms that the position changes in equations
 * @param {boolean} recording.disabled whether nothing can be played
 * @param {unknown} recording.place what stands beside the slider
 * @param {unknown} [recording.actions] buttons at the end
 * @param {() => void} recording.toggle plays or pauses
 * @param {(position: number) => void} recording.seek
 */
export function playbackControls({
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
  return html`<div class="playback" part="playback">
    <button
      type="button"
      class="icon"
      data-testid="${prefix}play"
      aria-label=${playing ? msg('Pause the animation') : msg('Play the animation')}
      ?disabled=${disabled}
      @click=${toggle}
    >
      ${playing ? '❚❚' : '▶'}
    </button>
    ${rangeField({
      label: msg('Step of the sampler'),
      testid: `${prefix}scrub`,
      value: position,
      max,
      step,
      text,
      changes,
      disabled: disabled || max === 0,
      input: seek,
    })}
    ${place} ${actions === nothing ? nothing : html`<div class="actions">${actions}</div>`}
  </div>`;
}

import { html, nothing } from 'lit';

/**
 * @typedef {object} Button
 * @property {string} label
 * @property {string} testid
 * @property {'primary' | 'small' | 'link'} [kind]
 * @property {string} [title]
 * @property {string} [changes] names of the terms that it changes in the panel's equations
 * @property {boolean} [disabled]
 * @property {boolean} [pressed] of a button that stays pressed
 * @property {(event: MouseEvent) => unknown} click
 *
 * @param {Button} button
 */
export const button = ({ label, testid, kind, title, changes, disabled = false, pressed, click }) =>
  html`<button
    type="button"
    part="button"
    class=${kind ?? nothing}
    data-testid=${testid}
    data-changes=${changes ?? nothing}
    title=${title ?? nothing}
    aria-pressed=${pressed === undefined ? nothing : pressed}
    ?disabled=${disabled}
    @click=${click}
  >
    ${label}
  </button>`;

/**
 * What a panel is for: begins it or, while it goes on, ends it.
 * @param {{ running: boolean, start: Button, stop: Button }} button
 */
export const runButton = ({ running, start, stop }) =>
  button({ ...(running ? stop : start), kind: 'primary' });

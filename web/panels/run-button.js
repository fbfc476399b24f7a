import { html } from 'lit';

/**
 * @typedef {object} Action
 * @property {string} label
 * @property {string} testid
 * @property {boolean} [disabled]
 * @property {() => unknown} click
 */

/**
 * What a panel is for: begins it or, while it goes on, ends it.
 * @param {{ running: boolean, start: Action, stop: Action }} button
 */
export const runButton = ({ running, start, stop }) => (running ? action(stop) : action(start));

/** @param {Action} action */
const action = ({ label, testid, disabled = false, click }) =>
  html`<button
    type="button"
    part="button"
    class="primary"
    data-testid=${testid}
    ?disabled=${disabled}
    @click=${click}
  >
    ${label}
  </button>`;

import { html, nothing } from 'lit';

/**
 * A number and what it is.
 *
 * @param {string} label
 * @param {string} testid
 * @param {string} value
 * @param {string} [swatch] the class of a curve whose colour the label has
 */
export const readout = (label, testid, value, swatch) =>
  html`<div>
    <dt class=${swatch ? `swatch ${swatch}` : nothing}>${label}</dt>
    <dd data-testid=${testid}>${value}</dd>
  </div>`;

import { html, nothing } from 'lit';
import { loss } from '../lib/format.js';

/**
 * The floor of the loss as the loss chart can draw it: a logarithm has no zero.
 * @param {import('../element/session.js').Session} session
 * @returns {number | null}
 */
export function floorLine({ insight }) {
  const { mean } = insight.floor;
  return mean && mean > 1e-7 ? mean : null;
}

/**
 * What the lines of the loss chart are.
 * @param {import('../element/session.js').Session} session
 */
export function floorNote({ insight, trainer }) {
  const { mean } = insight.floor;
  if (mean === undefined || trainer.curve.steps.length === 0) return nothing;
  return html`<p class="legend">
    <span class="swatch loss">loss</span>
    <span class="swatch floor"
      >least possible on these images <output data-testid="floor">${loss(mean)}</output></span
    >
    <span class="muted">known by heart, nothing new could be drawn</span>
  </p>`;
}

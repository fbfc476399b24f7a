import { html, nothing } from 'lit';

/** Below this, drawing the floor would squeeze the loss into the top of its chart. */
const LEAST = 1e-5;

/**
 * The floor of the loss where the loss chart can draw it.
 * @param {import('../element/session.js').Session} session
 * @returns {number | null}
 */
export function floorLine({ diagnostics }) {
  const { mean } = diagnostics.floor;
  return mean && mean > LEAST ? mean : null;
}

/**
 * What the lines of the loss chart are.
 * @param {import('../element/session.js').Session} session
 */
export function floorNote({ diagnostics, trainer, lab }) {
  const { mean } = diagnostics.floor;
  const learned = lab.config.scheduler.variance_type === 'learned_range';
  if (mean === undefined || trainer.curve.steps.length === 0) return nothing;
  return html`<p class="legend">
    <span class="swatch loss">loss</span>
    <span class="swatch floor"
      >least possible on these images, estimated:
      <output data-testid="floor">${Number(mean.toPrecision(2))}</output></span
    >
    <span class="muted"
      >known by heart, nothing new could be
      drawn${learned ? '; λ · L_vlb, for the variance, is not in it' : nothing}</span
    >
  </p>`;
}

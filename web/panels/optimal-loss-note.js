import { html, nothing } from 'lit';
import { significant } from '../lib/format.js';
import { msg } from '../lib/localize.js';

/** Below this, drawing it would squeeze the loss into the top of its chart. */
const MIN_DRAWN = 1e-5;

/**
 * The optimal loss where the loss chart can draw it.
 * @param {import('../element/session.js').Session} session
 * @returns {number | null}
 */
export function optimalLossLine({ diagnostics }) {
  const { mean } = diagnostics.optimalLoss;
  return mean && mean > MIN_DRAWN ? mean : null;
}

/**
 * What the lines of the loss chart are.
 * @param {import('../element/session.js').Session} session
 */
export function optimalLossNote({ diagnostics, trainer, lab }) {
  const { mean } = diagnostics.optimalLoss;
  const learned = lab.config.scheduler.variance_type === 'learned_range';
  if (mean === undefined || trainer.curve.steps.length === 0) return nothing;
  return html`<p class="legend">
    <span class="swatch loss">${msg('loss')}</span>
    <span class="swatch optimal"
      >${msg('least possible on these images, estimated:')}
      <output data-testid="optimal-loss">${significant(mean, 2)}</output></span
    >
    <span class="muted"
      >${msg('known by heart, nothing new could be drawn')}${learned ? msg('; λ · L_vlb, for the variance, is not in it') : nothing}</span
    >
  </p>`;
}

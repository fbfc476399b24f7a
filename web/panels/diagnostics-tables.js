import { chartTable } from './chart-table.js';
import { joined } from './diagnostics-plots.js';

/**
 * The charts of the diagnostics panel as tables.
 *
 * @import { Diagnostics } from '../element/diagnostics.js'
 */

/** @param {Diagnostics} diagnostics */
export const boundTable = ({ bound: { history } }) =>
  chartTable('Bits by training step', ['step', 'total', 'decoder', 'steps', 'prior'], () => [
    history.map(({ step }) => step),
    history.map(({ bound }) => bound.total_bpd),
    history.map(({ bound }) => bound.decoder_bpd),
    history.map(({ bound }) => bound.kl_bpd),
    history.map(({ bound }) => bound.prior_bpd),
  ]);

/** @param {Diagnostics} diagnostics */
export const bitsTable = ({ bound: { parts } }) =>
  chartTable('Bits at each t', ['t', 'bits per dimension'], () => [
    parts.map(({ t }) => t),
    parts.map(({ vb }) => vb),
  ]);

/** @param {Diagnostics} diagnostics */
export const lossTable = ({ bound, optimalLoss }) =>
  chartTable('Loss at each t', ['t', 'this image', 'least possible'], () =>
    joined(
      bound.parts.map(({ t, loss }) => [t, loss]),
      optimalLoss.t.map((t, index) => [t, optimalLoss.losses[index]]),
    ),
  );

/** @param {Diagnostics} diagnostics */
export const copiesTable = ({ memorisation: { steps, shares } }) =>
  chartTable('Share of copies', ['step', 'share'], () => [steps, shares]);

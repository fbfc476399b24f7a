import { msg } from '../lib/localize.js';
import { chartTable } from './chart-table.js';
import { joined } from './diagnostics-plots.js';

/**
 * The charts of the diagnostics panel as tables.
 *
 * @import { Diagnostics } from '../element/diagnostics.js'
 */

/** @param {Diagnostics} diagnostics */
export const boundTable = ({ bound: { history } }) =>
  chartTable(
    msg('Bits by training step'),
    [msg('step'), msg('total'), msg('decoder'), msg('steps'), msg('prior')],
    () => [
      history.map(({ step }) => step),
      history.map(({ bound }) => bound.total_bpd),
      history.map(({ bound }) => bound.decoder_bpd),
      history.map(({ bound }) => bound.kl_bpd),
      history.map(({ bound }) => bound.prior_bpd),
    ],
  );

/** @param {Diagnostics} diagnostics */
export const bitsTable = ({ bound: { parts } }) =>
  chartTable(msg('Bits at each t'), ['t', msg('bits per dimension')], () => [
    parts.map(({ t }) => t),
    parts.map(({ vb }) => vb),
  ]);

/** @param {Diagnostics} diagnostics */
export const lossTable = ({ bound, optimalLoss }) =>
  chartTable(msg('Loss at each t'), ['t', msg('this image'), msg('least possible')], () =>
    joined(
      bound.parts.map(({ t, loss }) => [t, loss]),
      optimalLoss.t.map((t, index) => [t, optimalLoss.losses[index]]),
    ),
  );

/** @param {Diagnostics} diagnostics */
export const copiesTable = ({ memorisation: { steps, shares } }) =>
  chartTable(msg('Share of copies'), [msg('step'), msg('share')], () => [steps, shares]);

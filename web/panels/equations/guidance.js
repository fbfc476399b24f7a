import { nothing } from 'lit';
import { labelsOfModel } from '../../lib/labels.js';
import { equation, mi, mn, mo, network, paren, space, term } from './symbols.js';

/**
 * @import { Config } from '../../lib/config.js'
 * @import { SampleOptions } from '../../worker/protocol.js'
 */

const label = term('class', mi('c'));
const any = mi('∅');

/**
 * What the network's output is where it knows labels (Ho & Salimans 2022, equation 6, whose w is
 * ours less 1). The ideal denoiser knows none.
 *
 * @param {SampleOptions} options
 * @param {Config} config
 */
export function guidanceEquation({ labels, guidance, weights }, config) {
  if (weights === 'ideal' || labelsOfModel(config).length === 0) return nothing;
  const { prediction_type } = config.scheduler;
  const given = (/** @type {unknown} */ what) => network(prediction_type, what);
  const scale = term('guidance', mi('w'));
  const guided =
    labels.length === 0
      ? given(term('class', any))
      : guidance === 1
        ? [given(label), mo(','), space, scale, mo('='), mn(1)]
        : [given(any), mo('+'), scale, paren(given(label), mo('−'), given(any))];
  return equation('guidance', network(prediction_type), mo('='), guided);
}

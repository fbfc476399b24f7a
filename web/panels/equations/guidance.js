import { nothing } from 'lit';
import { equation, mi, mo, network, paren, term } from './symbols.js';

/**
 * @typedef {import('../../lib/config.js').Config} Config
 * @typedef {import('../../worker/protocol.js').SampleOptions} SampleOptions
 */

const label = term('class', mi('c'));
const any = mi('∅');

/**
 * What the network's output is where labels are asked for (Ho & Salimans 2022, equation 6, whose w
 * is ours less 1).
 *
 * @param {SampleOptions} options
 * @param {Config} config
 */
export function guidanceEquation({ labels, guidance }, { scheduler }) {
  if (labels.length === 0) return nothing;
  const given = (/** @type {unknown} */ what) => network(scheduler.prediction_type, what);
  const guided =
    guidance === 1
      ? given(label)
      : [given(any), mo('+'), term('guidance', mi('w')), paren(given(label), mo('−'), given(any))];
  return equation('guidance', network(scheduler.prediction_type), mo('='), guided);
}

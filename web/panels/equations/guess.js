import { mathml, nothing } from 'lit';
import {
  equation,
  flowSigma,
  fn,
  frac,
  guess,
  mi,
  mn,
  mo,
  max,
  network,
  noise,
  noiseSquared,
  norm,
  paren,
  row,
  signal,
  signalTimes,
  squared,
  sub,
  t,
  term,
  text,
  trainingImage,
  x,
} from './symbols.js';

/**
 * @import { Config } from '../../lib/config.js'
 * @import { SampleOptions } from '../../worker/protocol.js'
 */

/**
 * What the denoiser's output is: a network's prediction type, or `ideal`.
 *
 * @param {SampleOptions} options
 * @param {Config} config
 */
export const outputOf = ({ weights }, { scheduler }) =>
  weights === 'ideal' ? 'ideal' : scheduler.prediction_type;

/**
 * The guess at x_0, from what the denoiser says, and its limit.
 *
 * @param {SampleOptions} options
 * @param {Config} config
 */
export function guessEquations(options, config) {
  const type = outputOf(options, config);
  const output = network(type);
  /** @type {Partial<Record<typeof type, () => unknown>>} Any other is the guess itself. */
  const guesses = {
    epsilon: () => frac(row(x(t), mo('−'), noise(false, t), output), signal(false, t)),
    v_prediction: () => row(signal(false, t), x(t), mo('−'), noise(false, t), output),
    flow_prediction: () => row(x(t), mo('−'), flowSigma(t), output),
  };
  const limit = limitOf(options, config);
  const limited = term('limit', guess);
  const found = guesses[type]?.() ?? output;
  if (!limit) return [equation('guess at x 0', limited, mo('='), found)];
  const clip = (/** @type {unknown} */ bound) =>
    sub(text('clip'), row(mo('['), mo('−'), bound, mo(','), bound, mo(']')));
  if (limit === 'clip') {
    return [equation('guess at x 0', limited, mo('='), term('limit', clip(mn(1))), paren(found))];
  }
  const raw = mi('y');
  const bound = mi('b');
  return [
    equation('guess at x 0 before its limit', raw, mo('='), found),
    dynamicThreshold(limited, frac(row(clip(bound), paren(raw)), bound)),
    dynamicBound(limit),
  ];
}

const dynamicThreshold = (/** @type {unknown} */ limited, /** @type {unknown} */ value) =>
  equation('guess at x 0, limited', limited, mo('='), term('limit', value));

/**
 * What an image's values are cut off at (Saharia et al. 2022, section 2.3).
 * @param {{ quantile: number, max: number }} limit
 */
function dynamicBound({ quantile, max: highest }) {
  const values = row(
    sub(text('quantile'), mn(quantile)),
    mathml`<mspace width="0.17em" />`,
    norm1(mi('y')),
  );
  const bound = max(mn(1), mo(','), values);
  return equation(
    'dynamic threshold',
    term(
      'limit',
      mi('b'),
      mo('='),
      Number.isFinite(highest) ? row(fn('min'), paren(mn(highest), mo(','), bound)) : bound,
    ),
  );
}

const norm1 = (/** @type {unknown} */ of) => row(mo('|'), of, mo('|'));

/**
 * @param {SampleOptions} options
 * @param {Config} config
 * @returns {'clip' | { quantile: number, max: number } | undefined}
 */
function limitOf({ clip, dynamic_threshold }, { scheduler }) {
  if (dynamic_threshold !== null) return { quantile: dynamic_threshold, max: Infinity };
  if (clip !== null) return clip ? 'clip' : undefined;
  if (scheduler.thresholding) {
    const { dynamic_thresholding_ratio, sample_max_value } = scheduler;
    return { quantile: Number(dynamic_thresholding_ratio), max: Number(sample_max_value) };
  }
  return scheduler.clip_sample && scheduler.prediction_type !== 'flow_prediction'
    ? 'clip'
    : undefined;
}

/**
 * What the ideal denoiser says: the mean of the training images, each as much as it is likely to
 * have become x_t (Karras et al. 2022, appendix B.3).
 *
 * @param {SampleOptions} options
 * @param {boolean} flow
 */
export function idealEquation({ weights }, flow) {
  if (weights !== 'ideal') return nothing;
  const distance = squared(norm(x(t), mo('−'), signalTimes(flow, t), trainingImage));
  return equation(
    'the ideal denoiser',
    term(
      'network',
      network('ideal'),
      mo('='),
      mathml`<munder><mo>∑</mo><mi>i</mi></munder>`,
      sub(text('softmax'), mi('i')),
      paren(mo('−'), frac(distance, row(mn(2), noiseSquared(flow, t)))),
      trainingImage,
    ),
  );
}

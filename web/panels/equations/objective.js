import { mathml, nothing } from 'lit';
import { isFlow } from '../../lib/samplers.js';
import {
  alphaBar,
  beta,
  eps,
  equation,
  fn,
  frac,
  last,
  mi,
  mn,
  mo,
  network,
  noise,
  noiseSquared,
  paren,
  row,
  sigmaSquared,
  signal,
  squared,
  sub,
  t,
  term,
  text,
  u,
  v,
  where,
  x0,
} from './symbols.js';
import { learnedVariance } from './update.js';

/** @typedef {import('../../lib/config.js').Config} Config */

/** @param {string} predictionType */
const target = (predictionType) =>
  term('target', { epsilon: eps, sample: x0, v_prediction: v, flow_prediction: u }[predictionType]);

/**
 * What training minimises (Ho et al. 2020, equation 14; with a learned variance Nichol & Dhariwal
 * 2021, equation 16).
 * @param {Config} config
 */
export function lossEquation({ scheduler, training }) {
  const { prediction_type, variance_type } = scheduler;
  const learned = variance_type === 'learned_range';
  const simple = training.loss_weighting === 'simple';
  const name = learned ? 'hybrid' : simple ? 'simple' : 'weighted';
  const error = squared(
    row(mo('‖'), target(prediction_type), mo('−'), network(prediction_type), mo('‖')),
  );
  return equation(
    `L ${name}`,
    sub(mi('L'), text(name)),
    mo('='),
    term('batch', sub(mi('𝔼'), row(t, mo(','), x0, mo(','), eps))),
    simple ? nothing : term('weight', sub(mi('w'), t)),
    error,
    learned ? row(mo('+'), term('lambda', mi('λ')), sub(mi('L'), text('vlb'))) : nothing,
  );
}

/**
 * Target, weight and variance, where they are more than a symbol.
 * @param {Config} config
 */
export function lossMeaning(config) {
  const { scheduler } = config;
  return where(
    targetEquation(scheduler.prediction_type),
    weightEquation(config),
    scheduler.variance_type === 'learned_range' ? learnedVariance : nothing,
  );
}

/** @param {string} predictionType */
function targetEquation(predictionType) {
  if (predictionType === 'v_prediction') {
    return equation(
      'v',
      target(predictionType),
      mo('='),
      signal(false, t),
      eps,
      mo('−'),
      noise(false, t),
      x0,
    );
  }
  if (predictionType === 'flow_prediction') {
    return equation('u', target(predictionType), mo('='), eps, mo('−'), x0);
  }
  return nothing;
}

const snr = sub(text('SNR'), t);

/** @param {Config} config */
function weightEquation(config) {
  const { scheduler, training } = config;
  const { prediction_type } = scheduler;
  if (training.loss_weighting === 'simple') return nothing;
  const gamma = term('gamma', mi('γ'));
  const ofX0 =
    training.loss_weighting === 'min_snr'
      ? row(fn('min'), paren(snr, mo(','), gamma))
      : frac(
          row(last, mathml`<msubsup><mi>c</mi>${t}<mn>2</mn></msubsup>`),
          row(mn(2), sigmaSquared(t)),
        );
  // An error of the prediction becomes one of x_0, times this.
  const sensitivity =
    prediction_type === 'sample'
      ? nothing
      : prediction_type === 'epsilon'
        ? row(mo('/'), snr)
        : noiseSquared(isFlow(config), t);
  return equation(
    'weight of the error',
    term('weight', sub(mi('w'), t), mo('='), ofX0, sensitivity),
    training.loss_weighting === 'vlb' && !isFlow(config)
      ? row(mo(','), mathml`<mspace width="0.4em" />`, sub(mi('c'), t), mo('='), meanCoefficient)
      : nothing,
  );
}

/** Of x_0 in the mean of q(x_{t-1} | x_t, x_0). */
const meanCoefficient = frac(
  row(signal(false, row(t, mo('−'), mn(1))), beta(t)),
  row(mn(1), mo('−'), alphaBar(t)),
);

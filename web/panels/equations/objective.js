import { mathml, nothing } from 'lit';
import { labelsOfModel } from '../../lib/labels.js';
import { isFlow } from '../../lib/samplers.js';
import {
  flowBeta,
  forwardVariance,
  imageShare,
  noiseSquaredAlone,
  smallest,
  stepVariance,
  varianceEquation,
} from './posterior.js';
import {
  alphaBar,
  betaTilde,
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
  norm,
  paren,
  row,
  s,
  signal,
  signalTimes,
  space,
  sqrt,
  squared,
  sub,
  sup,
  t,
  term,
  text,
  trainingImage,
  u,
  v,
  where,
  x,
  x0,
} from './symbols.js';

/** @typedef {import('../../lib/config.js').Config} Config */

/** @param {string} predictionType */
const target = (predictionType) =>
  term('target', { epsilon: eps, sample: x0, v_prediction: v, flow_prediction: u }[predictionType]);

/**
 * What training minimises (Ho et al. 2020, equation 14; with a learned variance Nichol & Dhariwal
 * 2021, equation 16).
 * @param {Config} config
 */
export function lossEquation(config) {
  const { scheduler, training } = config;
  const { prediction_type, variance_type } = scheduler;
  const learned = variance_type === 'learned_range';
  const simple = training.loss_weighting === 'simple';
  const previous = training.loss_weighting === 'previous';
  const name = learned ? 'hybrid' : simple ? 'simple' : 'weighted';
  // Who trains with labels tells the network which, or none.
  const conditioning = labelsOfModel(config).length ? [mi('c')] : [];
  const error = squared(
    norm(
      target(prediction_type),
      previous ? [mo('+'), term('weight', noiseOfTarget), mi('z')] : nothing,
      mo('−'),
      network(prediction_type, ...conditioning),
    ),
  );
  return equation(
    `L ${name}`,
    sub(mi('L'), text(name)),
    mo('='),
    term(
      'batch',
      sub(
        mi('𝔼'),
        row(
          t,
          mo(','),
          x0,
          mo(','),
          eps,
          previous ? [mo(','), mi('z')] : nothing,
          conditioning.map((one) => [mo(','), one]),
        ),
      ),
    ),
    // Where nothing weighs them, it is the errors themselves that a weight would change.
    ...(simple ? [term('weight', error)] : [term('weight', sub(mi('w'), t)), error]),
    learned ? row(mo('+'), term('lambda', mi('λ')), sub(mi('L'), text('vlb'))) : nothing,
  );
}

/**
 * What stands in it, and the variance that goes with it.
 * @param {Config} config
 */
export function lossMeaning(config) {
  const { scheduler, training } = config;
  const flow = isFlow(config);
  return where(
    noisyImage(config),
    training.random_flip ? mirrored : nothing,
    targetEquation(scheduler.prediction_type),
    ...(training.loss_weighting === 'simple' ? [] : weightEquations(config)),
    varianceEquation(scheduler.variance_type, flow),
    flow ? flowBeta : nothing,
  );
}

/**
 * What the network sees, and how much of the image is left at the end.
 * @param {Config} config
 */
function noisyImage(config) {
  const flow = isFlow(config);
  const end = term(
    'zero-snr',
    alphaBar(last),
    mo(config.scheduler.rescale_betas_zero_snr ? '=' : '>'),
    mn(0),
  );
  return equation(
    'x t as a sum',
    x(t),
    mo('='),
    signalTimes(flow, t),
    x0,
    mo('+'),
    noise(flow, t),
    eps,
    flow ? nothing : [mo(','), space, end],
  );
}

/** Mirroring, half the time. */
const mirrored = equation(
  'images mirrored at random',
  x0,
  mo('='),
  term('mirror', sup(mi('M'), mi('b')), trainingImage),
  mo(','),
  space,
  mi('b'),
  mo('∼'),
  text('uniform'),
  mathml`<mo stretchy="false">{</mo>`,
  mn(0),
  mo(','),
  mn(1),
  mathml`<mo stretchy="false">}</mo>`,
);

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
function weightEquations(config) {
  const flow = isFlow(config);
  const { prediction_type } = config.scheduler;
  // An error of the prediction becomes one of x_0, times this.
  const sensitivity =
    prediction_type === 'sample'
      ? nothing
      : prediction_type === 'epsilon'
        ? row(mo('/'), snr)
        : noiseSquared(flow, t);
  return [
    equation(
      'weight of the error',
      term('weight', sub(mi('w'), t), mo('='), weightOfImage(config), sensitivity),
      leastWeight(config.training),
    ),
    ['vlb', 'previous'].includes(config.training.loss_weighting) ? meanCoefficient(flow) : nothing,
    config.training.loss_weighting === 'previous' ? targetNoise(config) : nothing,
  ];
}

const noiseOfTarget = sub(mi('n'), t);

/**
 * How far the previous step, as a target of the prediction, is from what it is on average.
 * @param {Config} config
 */
function targetNoise(config) {
  const flow = isFlow(config);
  const { prediction_type } = config.scheduler;
  const [above, below] = {
    sample: [nothing, nothing],
    epsilon: [signal(false, t), noise(false, t)],
    v_prediction: [nothing, noise(false, t)],
    flow_prediction: [nothing, noise(true, t)],
  }[prediction_type];
  const share = row(below, sub(mi('c'), t));
  return equation(
    'noise of the target',
    term('weight', noiseOfTarget),
    mo('='),
    frac(row(above, sqrt(betaTilde(t))), share),
    flow ? [mo(','), space, betaTilde(t), mo('='), smallest(true)] : nothing,
  );
}

/**
 * The weight of an error of x_0, where errors do not count alike.
 * @param {Config} config
 */
function weightOfImage(config) {
  const { scheduler, training } = config;
  if (training.loss_weighting === 'min_snr') {
    return row(fn('min'), paren(snr, mo(','), term('gamma', mi('γ'))));
  }
  if (training.loss_weighting === 'previous') {
    const square = mathml`<msubsup><mi>c</mi>${t}<mn>2</mn></msubsup>`;
    return frac(square, forwardVariance(isFlow(config)));
  }
  // A learned variance is not that of the weight.
  const learned = scheduler.variance_type === 'learned_range';
  const variance = learned ? betaTilde(t) : stepVariance(isFlow(config));
  return frac(
    row(last, mathml`<msubsup><mi>c</mi>${t}<mn>2</mn></msubsup>`),
    row(mn(2), term('variance', variance)),
  );
}

/**
 * What is added to every weight of min-SNR.
 * @param {Config['training']} training
 */
const leastWeight = ({ loss_weighting, min_snr_floor }) =>
  loss_weighting === 'min_snr' ? term('floor', mo('+'), mn(min_snr_floor)) : nothing;

/**
 * Of x_0 in the mean of q(x_{t-1} | x_t, x_0).
 * @param {boolean} flow
 */
const meanCoefficient = (flow) =>
  equation(
    'share of x 0 in a step back',
    sub(mi('c'), t),
    mo('='),
    imageShare(flow),
    flow ? [mo(','), space, s, mo('='), t, mo('−'), mn(1)] : [],
  );

/**
 * What a mean squared error of x_0 at t costs, to stand before it.
 * @param {Config} config
 */
export function costOfImage(config) {
  const { prediction_type } = config.scheduler;
  if (config.training.loss_weighting !== 'simple') return weightOfImage(config);
  if (prediction_type === 'sample') return nothing;
  if (prediction_type === 'epsilon') return snr;
  return frac(mn(1), noiseSquaredAlone(isFlow(config)));
}

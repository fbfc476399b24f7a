import {
  alpha,
  alphaBar,
  beta,
  betaTilde,
  equation,
  fn,
  frac,
  mi,
  mn,
  mo,
  noiseSquared,
  paren,
  previous,
  row,
  s,
  sigmaSquared,
  signal,
  signalTimes,
  space,
  sqrt,
  squared,
  t,
  term,
} from './symbols.js';

/**
 * q(x_{t-1} | x_t, x_0), which the steps back imitate. For a flow it is q(x_s | x_t, x_0) of any
 * two of its noise levels (Kingma et al. 2021, equations 32 and 33).
 */

/** Where a step leads. @param {boolean} flow */
export const earlier = (flow) => (flow ? s : previous);

/**
 * The factor of x_0 in its mean (Ho et al. 2020, equation 7).
 * @param {boolean} flow
 */
export const imageShare = (flow) =>
  frac(row(signalTimes(flow, earlier(flow)), beta(t)), noiseSquaredAlone(flow));

/**
 * The factor of x_t.
 * @param {boolean} flow
 */
export const noisyShare = (flow) =>
  frac(
    row(flow ? mi('a') : sqrt(alpha(t)), noiseSquared(flow, earlier(flow))),
    noiseSquaredAlone(flow),
  );

/**
 * The variance of x_t around the image, to stand alone.
 * @param {boolean} flow
 */
export const noiseSquaredAlone = (flow) =>
  flow ? noiseSquared(flow, t) : row(mn(1), mo('−'), alphaBar(t));

/**
 * What β_t is for a flow, which has none of its own: the variance of q(x_t | x_s).
 */
export const flowBeta = equation(
  'beta of a flow',
  beta(t),
  mo('='),
  noiseSquared(true, t),
  mo('−'),
  squared(mi('a')),
  noiseSquared(true, s),
  mo(','),
  space,
  mi('a'),
  mo('='),
  frac(signal(true, t), signal(true, s)),
);

/**
 * β̃_t, the variance.
 * @param {boolean} flow
 */
export const smallest = (flow) =>
  row(
    frac(
      flow ? noiseSquared(flow, s) : row(mn(1), mo('−'), alphaBar(previous)),
      noiseSquaredAlone(flow),
    ),
    beta(t),
  );

/**
 * The variance of a step of the chain in units of the state that it starts from.
 * @param {boolean} flow
 */
export const forwardVariance = (flow) =>
  frac(beta(t), flow ? squared(mi('a')) : row(mn(1), mo('−'), beta(t)));

/**
 * The variance of a step back; σ is taken where it is the noise of a flow.
 * @param {boolean} flow
 */
export const stepVariance = (flow) => (flow ? squared(mi('ς')) : sigmaSquared(t));

/**
 * The same, by what is chosen. Learned: Nichol & Dhariwal 2021, equation 15.
 *
 * @param {string} type
 * @param {boolean} flow
 */
export function varianceEquation(type, flow) {
  const value = {
    fixed_small: [betaTilde(t), mo('='), smallest(flow)],
    fixed_large: beta(t),
    fixed_forward: forwardVariance(flow),
    learned_range: [
      fn('exp'),
      paren(
        mi('ν'),
        fn('ln'),
        beta(t),
        mo('+'),
        paren(mn(1), mo('−'), mi('ν')),
        fn('ln'),
        betaTilde(t),
      ),
    ],
  }[type];
  return equation('variance of a step back', term('variance', stepVariance(flow), mo('='), value));
}

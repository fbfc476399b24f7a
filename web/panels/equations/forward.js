import { mathml, nothing } from 'lit';
import { isFlow } from '../../lib/samplers.js';
import {
  alphaBar,
  beta,
  eps,
  equation,
  flowSigma,
  frac,
  last,
  mi,
  mn,
  mo,
  noise,
  noiseSquared,
  normal,
  paren,
  row,
  signalTimes,
  space,
  sqrt,
  squared,
  sub,
  sup,
  t,
  term,
  text,
  where,
  x,
  x0,
} from './symbols.js';

/** @typedef {import('../../lib/config.js').Config} Config */

/**
 * q(x_t | x_0): any amount of noise in one step (Ho et al. 2020, equation 4; Liu et al. 2023).
 * @param {Config | undefined} config
 */
export function forwardEquation(config) {
  const flow = isFlow(config);
  return equation(
    'q of x t given x 0',
    row(mi('q'), paren(x(t), mo('∣'), x0)),
    mo('='),
    normal(row(signalTimes(flow, t), x0), noiseSquared(flow, t)),
  );
}

/**
 * The same as a sum, and the schedule behind it.
 * @param {Config | undefined} config
 */
export function forwardMeaning(config) {
  const flow = isFlow(config);
  const sum = equation(
    'x t as a sum',
    x(t),
    mo('='),
    signalTimes(flow, t),
    x0,
    mo('+'),
    noise(flow, t),
    eps,
  );
  if (!config) return where(sum);
  return where(sum, ...(flow ? [flowSchedule(config)] : betaSchedule(config)));
}

/** @param {Config} config */
function flowSchedule({ scheduler }) {
  const tau = frac(row(t, mo('+'), mn(1)), last);
  const shift = term('schedule', mi('k'));
  const level =
    scheduler.shift === 1
      ? tau
      : row(
          frac(row(shift, mi('τ')), row(mn(1), mo('+'), paren(shift, mo('−'), mn(1)), mi('τ'))),
          mo(','),
          mi('τ'),
          mo('='),
          tau,
        );
  return equation('sigma of a flow', flowSigma(t), mo('='), level);
}

/** @param {Config} config */
function betaSchedule({ scheduler }) {
  const { beta_schedule, rescale_betas_zero_snr } = scheduler;
  const given = ['squaredcos_cap_v2', 'variance_exploding'].includes(beta_schedule);
  const product = equation(
    'alpha bar t',
    alphaBar(t),
    mo('='),
    mathml`<munder><mo>∏</mo>${row(mi('i'), mo('≤'), t)}</munder>`,
    paren(mn(1), mo('−'), term('schedule', beta(mi('i')))),
  );
  const shape = SHAPES[beta_schedule];
  return [given ? nothing : product, shape ?? nothing, rescale_betas_zero_snr ? rescaled : nothing];
}

const first = mn(1);
const share = frac(t, row(last, mo('−'), mn(1)));
const between = (
  /** @type {unknown} */ from,
  /** @type {unknown} */ to,
  /** @type {unknown} */ by,
) => row(from, mo('+'), paren(to, mo('−'), from), by);
const scheduled = (/** @type {string} */ label, /** @type {unknown[]} */ ...parts) =>
  equation(label, term('schedule', ...parts));
const rootBeta = (/** @type {unknown} */ index) => sqrt(beta(index));

/** β_t, or ᾱ_t where that is what is given. */
const SHAPES = /** @type {Record<string, unknown>} */ ({
  linear: scheduled('linear beta', beta(t), mo('='), between(beta(first), beta(last), share)),
  scaled_linear: scheduled(
    'scaled linear beta',
    rootBeta(t),
    mo('='),
    between(rootBeta(first), rootBeta(last), share),
  ),
  sigmoid: scheduled(
    'sigmoid beta',
    beta(t),
    mo('='),
    between(beta(first), beta(last), row(text('sigmoid'), paren(mn(12), share, mo('−'), mn(6)))),
  ),
  variance_exploding: equation(
    'alpha bar where the variance explodes',
    alphaBar(t),
    mo('='),
    term(
      'schedule',
      frac(mn(1), row(mn(1), mo('+'), squared(flowSigma(t)))),
      mo(','),
      space,
      flowSigma(t),
      mo('='),
      row(mn(10), sqrt(frac(t, last))),
    ),
  ),
  squaredcos_cap_v2: equation(
    'alpha bar of the cosine schedule',
    alphaBar(t),
    mo('='),
    term(
      'schedule',
      frac(row(mi('f'), paren(t)), row(mi('f'), paren(mn(0)))),
      mo(','),
      space,
      row(mi('f'), paren(t)),
      mo('='),
      row(
        sup(mi('cos'), mn(2)),
        paren(
          frac(row(frac(t, last), mo('+'), mn('0.008')), mn('1.008')),
          mo('·'),
          frac(mi('π'), mn(2)),
        ),
      ),
    ),
  ),
});

const rootAlphaBar = (/** @type {unknown} */ index) => sqrt(alphaBar(index));

/** Lin et al. 2023, algorithm 1. */
const rescaled = equation(
  'square root of alpha bar, rescaled',
  term(
    'zero-snr',
    sqrt(sub(mi('ᾱ'), t), mo('′')),
    mo('='),
    rootAlphaBar(first),
    frac(
      row(rootAlphaBar(t), mo('−'), rootAlphaBar(last)),
      row(rootAlphaBar(first), mo('−'), rootAlphaBar(last)),
    ),
  ),
);

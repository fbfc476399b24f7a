import { mathml, nothing } from 'lit';
import { isFlow } from '../../lib/samplers.js';
import { guidanceEquation } from './guidance.js';
import {
  alpha,
  alphaBar,
  bar,
  beta,
  betaTilde,
  eps,
  equation,
  flowSigma,
  fn,
  frac,
  guess,
  hat,
  identity,
  last,
  mi,
  mn,
  mo,
  network,
  noise,
  paren,
  previous,
  row,
  s,
  sigma,
  sigmaSquared,
  signal,
  signalTimes,
  sqrt,
  squared,
  sub,
  sup,
  t,
  term,
  text,
  tilde,
  u,
  where,
  x,
  z,
  zero,
} from './symbols.js';

/**
 * @typedef {import('../../lib/config.js').Config} Config
 * @typedef {import('../../worker/protocol.js').SampleOptions} SampleOptions
 */

const space = mathml`<mspace width="0.4em" />`;

/**
 * One step of a sampler.
 *
 * @param {SampleOptions} options
 * @param {Config} config
 */
export function updateEquation(options, config) {
  const flow = isFlow(config);
  switch (options.sampler) {
    case 'ddpm':
      return flow ? ddpmOfFlow : ddpm;
    case 'ddim':
      return ddim;
    case 'heun':
      return heun;
    case 'dpmpp2m':
      return dpmpp2m(flow);
    case 'euler-flow':
      return euler;
  }
}

/**
 * What stands in it.
 *
 * @param {SampleOptions} options
 * @param {Config} config
 */
export function updateMeaning(options, config) {
  const flow = isFlow(config);
  const own = {
    ddpm: () => [ddpmVariance(options, config)],
    ddim: () => [direction(options, config), ddimSigma],
    heun: () => [rescaled(flow), slope, karras(options)],
    dpmpp2m: () => [extrapolation, logSnr(flow), karras(options)],
    'euler-flow': () => [velocity],
  }[options.sampler]();
  return where(guessEquation(options, config), guidanceEquation(options, config), ...own, start);
}

const start = equation(
  'x T',
  term('seed', x(last)),
  mo('∼'),
  mi('𝒩'),
  paren(zero, mo(','), identity),
);

/** Ho et al. 2020, equation 7 around the guess. */
const ddpm = equation(
  'DDPM update',
  x(previous),
  mo('='),
  frac(row(sqrt(alphaBar(previous)), beta(t)), row(mn(1), mo('−'), alphaBar(t))),
  guess,
  mo('+'),
  frac(
    row(sqrt(alpha(t)), paren(mn(1), mo('−'), alphaBar(previous))),
    row(mn(1), mo('−'), alphaBar(t)),
  ),
  x(t),
  mo('+'),
  term('variance', sigma(t)),
  z,
);

/** The same posterior between the noise levels of a flow. */
const ddpmOfFlow = equation(
  'DDPM update of a flow',
  x(s),
  mo('='),
  tilde(mi('μ')),
  paren(x(t), mo(','), guess),
  mo('+'),
  term('variance', mi('ς')),
  z,
);

/** Song et al. 2021, equation 12. */
const ddim = equation(
  'DDIM update',
  x(previous),
  mo('='),
  sqrt(alphaBar(previous)),
  guess,
  mo('+'),
  sqrt(mn(1), mo('−'), alphaBar(previous), mo('−'), term('eta', sigmaSquared(t))),
  hat(eps),
  mo('+'),
  term('eta', sigma(t)),
  z,
);

/**
 * The noise that DDIM goes on with.
 *
 * @param {SampleOptions} options
 * @param {Config} config
 */
function direction({ use_clipped_model_output }, { scheduler }) {
  const { prediction_type } = scheduler;
  const output = network(prediction_type);
  const rest = (/** @type {unknown} */ image) =>
    frac(row(x(t), mo('−'), signal(false, t), image), noise(false, t));
  const of = use_clipped_model_output
    ? rest(guess)
    : {
        epsilon: output,
        sample: rest(output),
        v_prediction: row(noise(false, t), x(t), mo('+'), signal(false, t), output),
      }[prediction_type];
  return equation('the noise found', hat(eps), mo('='), term('rederive', of));
}

const ddimSigma = equation(
  'sigma of DDIM',
  term('eta', sigma(t), mo('='), mi('η'), sqrt(betaTilde(t))),
);

/** Karras et al. 2022, algorithm 1. */
const heun = equation(
  'Heun update',
  sub(bar(mi('x')), s),
  mo('='),
  sub(bar(mi('x')), t),
  mo('+'),
  paren(sub(bar(mi('σ')), s), mo('−'), sub(bar(mi('σ')), t)),
  frac(row(sub(mi('d'), t), mo('+'), sub(mi('d'), s)), mn(2)),
);

const slope = equation(
  'slope',
  sub(mi('d'), t),
  mo('='),
  frac(row(sub(bar(mi('x')), t), mo('−'), guess), sub(bar(mi('σ')), t)),
);

/** @param {boolean} flow */
const rescaled = (flow) =>
  equation(
    'x and sigma rescaled',
    sub(bar(mi('x')), t),
    mo('='),
    frac(x(t), signal(flow, t)),
    mo(','),
    space,
    sub(bar(mi('σ')), t),
    mo('='),
    frac(noise(flow, t), signal(flow, t)),
  );

/** Lu et al. 2022b, algorithm 2. @param {boolean} flow */
const dpmpp2m = (flow) =>
  equation(
    'DPM-Solver++ update',
    x(s),
    mo('='),
    frac(noise(flow, s), noise(flow, t)),
    x(t),
    mo('−'),
    signalTimes(flow, s),
    paren(sup(mi('e'), row(mo('−'), mi('h'))), mo('−'), mn(1)),
    mi('D'),
  );

const half = frac(mn(1), row(mn(2), mi('r')));
const extrapolation = equation(
  'extrapolation from the last two guesses',
  mi('D'),
  mo('='),
  guess,
  mo('+'),
  half,
  paren(guess, mo('−'), sup(guess, text('before'))),
);

/** @param {boolean} flow */
const logSnr = (flow) =>
  equation(
    'step in the logarithm of the signal to noise ratio',
    mi('h'),
    mo('='),
    sub(mi('λ'), s),
    mo('−'),
    sub(mi('λ'), t),
    mo(','),
    space,
    sub(mi('λ'), t),
    mo('='),
    fn('ln'),
    frac(signal(flow, t), noise(flow, t)),
  );

/**
 * Where the steps are taken (Karras et al. 2022, equation 5).
 * @param {SampleOptions} options
 */
function karras({ sampler, use_karras_sigmas }) {
  if (!(use_karras_sigmas ?? sampler === 'heun')) return nothing;
  const root = (/** @type {string} */ name) =>
    mathml`<msubsup>${bar(mi('σ'))}<mtext>${name}</mtext>${row(mn(1), mo('/'), mn(7))}</msubsup>`;
  return equation(
    'noise levels of Karras et al.',
    term(
      'karras',
      sub(bar(mi('σ')), mi('i')),
      mo('='),
      sup(
        paren(
          root('max'),
          mo('+'),
          frac(mi('i'), row(mi('n'), mo('−'), mn(1))),
          paren(root('min'), mo('−'), root('max')),
        ),
        mn(7),
      ),
    ),
  );
}

/** Liu et al. 2023, algorithm 1. */
const euler = equation(
  'Euler update',
  x(s),
  mo('='),
  x(t),
  mo('+'),
  paren(flowSigma(s), mo('−'), flowSigma(t)),
  hat(u),
);
const velocity = equation(
  'velocity',
  hat(u),
  mo('='),
  frac(row(x(t), mo('−'), guess), flowSigma(t)),
);

/**
 * @param {SampleOptions} options
 * @param {Config} config
 */
function ddpmVariance({ variance }, { scheduler }) {
  const chosen = variance ?? scheduler.variance_type;
  if (chosen === 'learned_range') return learnedVariance;
  const flow = scheduler.prediction_type === 'flow_prediction';
  const value = chosen === 'fixed_small' ? betaTilde(t) : beta(t);
  return equation(
    'variance',
    term('variance', flow ? squared(mi('ς')) : sigmaSquared(t), mo('='), value),
  );
}

/** Nichol & Dhariwal 2021, equation 15. */
export const learnedVariance = equation(
  'learned variance',
  term(
    'variance',
    sigmaSquared(t),
    mo('='),
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
  ),
);

/**
 * The guess at x_0, from what the network says.
 *
 * @param {SampleOptions} options
 * @param {Config} config
 */
function guessEquation(options, config) {
  const { prediction_type } = config.scheduler;
  const output = network(prediction_type);
  const of = {
    epsilon: () => frac(row(x(t), mo('−'), noise(false, t), output), signal(false, t)),
    sample: () => output,
    v_prediction: () => row(signal(false, t), x(t), mo('−'), noise(false, t), output),
    flow_prediction: () => row(x(t), mo('−'), flowSigma(t), output),
  }[prediction_type];
  const value = of?.() ?? output;
  const limit = limitOf(options, config);
  return equation(
    'guess at x 0',
    guess,
    mo('='),
    limit ? row(term('limit', limit), paren(value)) : value,
  );
}

/**
 * @param {SampleOptions} options
 * @param {Config} config
 */
function limitOf({ clip, dynamic_threshold }, { scheduler }) {
  const clamp = sub(text('clip'), row(mo('['), mn('−1'), mo(','), mn(1), mo(']')));
  if (dynamic_threshold !== null) return sub(text('threshold'), mn(dynamic_threshold));
  if (clip !== null) return clip ? clamp : undefined;
  if (scheduler.thresholding) {
    return sub(text('threshold'), mn(Number(scheduler.dynamic_thresholding_ratio)));
  }
  return scheduler.clip_sample && scheduler.prediction_type !== 'flow_prediction'
    ? clamp
    : undefined;
}

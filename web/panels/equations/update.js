import { nothing } from 'lit';
import { isFlow } from '../../lib/samplers.js';
import { guessEquations, idealEquation, outputOf } from './guess.js';
import { guidanceEquation } from './guidance.js';
import { levelEquations } from './levels.js';
import { earlier, flowBeta, imageShare, noisyShare, varianceEquation } from './posterior.js';
import {
  alphaBar,
  aside,
  bar,
  eps,
  equation,
  flowSigma,
  fn,
  frac,
  guess,
  hat,
  last,
  mi,
  mn,
  mo,
  network,
  noise,
  normal,
  paren,
  previous,
  row,
  s,
  sigma,
  sigmaSquared,
  signal,
  signalTimes,
  space,
  sqrt,
  sub,
  sup,
  t,
  term,
  text,
  u,
  where,
  x,
  z,
  zero,
} from './symbols.js';

/**
 * @import { Config } from '../../lib/config.js'
 * @import { SampleOptions } from '../../worker/protocol.js'
 */

/**
 * One step of a sampler. All of it is the term of the sampler's name.
 *
 * @param {SampleOptions} options
 * @param {Config} config
 */
export function updateEquation({ sampler }, config) {
  const flow = isFlow(config);
  return {
    ddpm: () => ddpm(flow),
    ddim: () => ddim,
    heun: () => heun,
    dpmpp2m: () => dpmpp2m(flow),
    'euler-flow': () => euler,
  }[sampler]();
}

/**
 * What stands in the steps of samplers that run side by side, each equation once.
 *
 * @param {SampleOptions[]} runs
 * @param {Config} config
 */
export function updateMeaning(runs, config) {
  const flow = isFlow(config);
  // They differ in nothing but the sampler and its steps.
  const [options] = runs;
  /** What no other equation shows the choice of, by name. @type {Record<string, unknown>} */
  const chosen = {};
  /** @type {Record<string, unknown>} */
  const helpers = {};
  for (const run of runs) {
    if (run.sampler === 'ddim') chosen.direction = direction(run, config);
    if (run.sampler !== 'euler-flow') Object.assign(chosen, levelEquations(run, config));
    Object.assign(helpers, helpersOf(run, config));
  }
  const meaning = [
    ...guessEquations(options, config),
    idealEquation(options, flow),
    guidanceEquation(options, config),
    ...Object.values(chosen),
  ];
  const rest = Object.values(helpers);
  if (runs.length === 1) return where(...meaning, ...rest, start);
  return [where(...meaning, start), aside('What else stands in these steps', ...rest)];
}

/**
 * What a sampler's own symbols mean.
 *
 * @param {SampleOptions} options
 * @param {Config} config
 * @returns {Record<string, unknown>}
 */
function helpersOf(options, config) {
  const flow = isFlow(config);
  return {
    ddpm: () => ({
      variance: varianceEquation(varianceOf(options, config), flow),
      flowBeta: flow ? flowBeta : nothing,
    }),
    ddim: () => ({ ddimSigma }),
    heun: () => ({ rescaled: rescaled(flow), slope }),
    dpmpp2m: () => ({ extrapolation, logSnr: logSnr(flow) }),
    'euler-flow': () => ({ velocity }),
  }[options.sampler]();
}

/**
 * @param {SampleOptions} options
 * @param {Config} config
 */
function varianceOf({ variance, weights }, { scheduler }) {
  const type = variance ?? scheduler.variance_type;
  // The ideal denoiser predicts none.
  return type === 'learned_range' && weights === 'ideal' ? 'fixed_small' : type;
}

const start = equation('x T', term('seed', x(last)), mo('∼'), normal(zero, nothing));

/**
 * Ho et al. 2020, equation 7 around the guess.
 * @param {boolean} flow
 */
const ddpm = (flow) =>
  equation(
    'DDPM update',
    term(
      'ddpm',
      x(earlier(flow)),
      mo('='),
      imageShare(flow),
      guess,
      mo('+'),
      noisyShare(flow),
      x(t),
      mo('+'),
      term('variance', flow ? mi('ς') : sigma(t)),
      z,
    ),
  );

/** Song et al. 2021, equation 12. */
const ddim = equation(
  'DDIM update',
  term(
    'ddim',
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
  ),
);

/**
 * The noise that DDIM goes on with.
 *
 * @param {SampleOptions} options
 * @param {Config} config
 */
function direction(options, config) {
  const type = outputOf(options, config);
  const output = network(type);
  const rest = (/** @type {unknown} */ image) =>
    frac(row(x(t), mo('−'), signal(false, t), image), noise(false, t));
  /** @type {Partial<Record<typeof type, unknown>>} */
  const directions = {
    epsilon: output,
    sample: rest(output),
    ideal: rest(output),
    v_prediction: row(noise(false, t), x(t), mo('+'), signal(false, t), output),
  };
  const of = options.use_clipped_model_output ? rest(guess) : directions[type];
  return equation('the noise found', hat(eps), mo('='), term('rederive', of));
}

/** Song et al. 2021, equation 16. */
const ddimSigma = equation(
  'sigma of DDIM',
  term(
    'eta',
    sigma(t),
    mo('='),
    mi('η'),
    sqrt(frac(row(mn(1), mo('−'), alphaBar(previous)), row(mn(1), mo('−'), alphaBar(t)))),
    sqrt(mn(1), mo('−'), frac(alphaBar(t), alphaBar(previous))),
  ),
);

/** Karras et al. 2022, algorithm 1. */
const heun = equation(
  'Heun update',
  term(
    'heun',
    sub(bar(mi('x')), s),
    mo('='),
    sub(bar(mi('x')), t),
    mo('+'),
    paren(sub(bar(mi('σ')), s), mo('−'), sub(bar(mi('σ')), t)),
    frac(row(sub(mi('d'), t), mo('+'), sub(mi('d'), s)), mn(2)),
  ),
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
    term(
      'dpmpp2m',
      x(s),
      mo('='),
      frac(noise(flow, s), noise(flow, t)),
      x(t),
      mo('−'),
      signalTimes(flow, s),
      paren(sup(mi('e'), row(mo('−'), mi('h'))), mo('−'), mn(1)),
      mi('D'),
    ),
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
    mo(','),
    space,
    mi('r'),
    mo('='),
    frac(sup(mi('h'), text('before')), mi('h')),
  );

/** Liu et al. 2023, algorithm 1. */
const euler = equation(
  'Euler update',
  term(
    'euler-flow',
    x(s),
    mo('='),
    x(t),
    mo('+'),
    paren(flowSigma(s), mo('−'), flowSigma(t)),
    hat(u),
  ),
);
const velocity = equation(
  'velocity',
  hat(u),
  mo('='),
  frac(row(x(t), mo('−'), guess), flowSigma(t)),
);

import { mathml, nothing } from 'lit';
import { labelsOfModel } from '../../lib/labels.js';
import { costOfImage } from './objective.js';
import {
  equation,
  fn,
  frac,
  last,
  mi,
  mn,
  mo,
  norm,
  paren,
  row,
  sub,
  t,
  term,
  text,
  trainingImageOf,
  where,
  x,
  x0,
} from './symbols.js';

/** @typedef {import('../../lib/config.js').Config} Config */

const earlier = row(t, mo('−'), mn(1));
const model = sub(mi('p'), mi('θ'));
const given = (/** @type {unknown} */ what, /** @type {unknown[]} */ ...by) =>
  paren(what, mo('∣'), by);

const prior = term('prior', sub(mi('L'), last));
const step = term('kl', sub(mi('L'), earlier));
const decoder = term('decoder', sub(mi('L'), mn(0)));

/**
 * The variational bound of an image: prior, steps and decoder (Ho et al. 2020, equation 5). Each
 * term has the colour of its curve.
 */
export const boundEquation = equation(
  'Variational bound',
  mo('−'),
  fn('log'),
  model,
  paren(x0),
  mo('≤'),
  prior,
  mo('+'),
  mathml`<munder>${mo('∑')}${row(t, mo('>'), mn(1))}</munder>`,
  step,
  mo('+'),
  decoder,
);

const divergence = (/** @type {unknown} */ from, /** @type {unknown} */ to) =>
  row(sub(mi('D'), text('KL')), paren(from, mo('∥'), to));

/** What the three are, each in expectation over q. */
export const boundMeaning = where(
  equation(
    'cost of a step',
    step,
    mo('='),
    divergence(
      row(mi('q'), given(x(earlier), x(t), mo(','), x0)),
      row(model, given(x(earlier), x(t))),
    ),
  ),
  equation(
    'cost of the prior',
    prior,
    mo('='),
    divergence(row(mi('q'), given(x(last), x0)), row(mi('p'), paren(x(last)))),
  ),
  equation('cost of the decoder', decoder, mo('='), mo('−'), fn('log'), model, given(x0, x(mn(1)))),
);

/**
 * The optimal loss, the least at t that any network can have: that of the mean of x_0 given x_t,
 * which the ideal denoiser says.
 *
 * @param {Config} config
 */
export function optimalLossEquation(config) {
  const simple = config.training.loss_weighting === 'simple';
  return equation(
    'optimal loss',
    sub(mi('L'), row(text(simple ? 'simple' : 'weighted'), mo(','), t)),
    mo('≥'),
    costOfImage(config),
    mi('𝔼'),
    row(
      mo('['),
      text('Var'),
      given(x(mn(0)), x(t), labelsOfModel(config).length ? [mo(','), mi('c')] : nothing),
      mo(']'),
    ),
  );
}

const distanceTo = (/** @type {string} */ place) =>
  norm(x(mn(0)), mo('−'), trainingImageOf(mn(place)));

/** How near a sample is to the training image nearest to it (Yoon et al. 2023). */
export const copyRatio = equation(
  'distance to the nearest image as a share of that to the second nearest',
  frac(distanceTo('1'), distanceTo('2')),
  mo('<'),
  frac(mn(1), mn(3)),
);

import { mathml } from 'lit';
import {
  aside,
  bar,
  equation,
  frac,
  hat,
  max,
  min,
  mi,
  mn,
  mo,
  paren,
  row,
  space,
  sqrt,
  squared,
  sub,
  sup,
  term,
  text,
  where,
} from './symbols.js';

/** @typedef {import('../../lib/config.js').Config} Config */

const step = mi('k');
const before = row(step, mo('−'), mn(1));
const parameters = (/** @type {unknown} */ index) => sub(mi('θ'), index);
const gradient = mi('g');

/**
 * How a step changes the weights, and what is made of them to sample with.
 * @param {Config} config
 */
export function optimiserEquations({ training }) {
  const muon = training.optimizer === 'muon';
  return [
    where(...(muon ? [muonStep, adam] : [adam]), warmUp(training.lr_warmup_steps), average),
    muon
      ? aside('What Muon makes of the gradient', batchGradient, ...muonDirection)
      : aside('What Adam makes of the gradient', batchGradient, ...moments),
  ];
}

/** Kingma & Ba 2015, algorithm 1. */
const adam = equation(
  'Adam',
  parameters(step),
  mo('='),
  parameters(before),
  mo('−'),
  term('rate', sub(mi('κ'), step)),
  term(
    'optimizer',
    frac(sub(hat(mi('m')), step), row(sqrt(sub(hat(mi('v')), step)), mo('+'), mi('ϵ'))),
  ),
  mo(','),
  space,
  step,
  mo('='),
  mn(1),
  mo(','),
  mo('…'),
  mo(','),
  term('train-steps', mi('K')),
);

/** @param {number} steps */
const warmUp = (steps) =>
  equation(
    'learning rate',
    term('rate', sub(mi('κ'), step), mo('='), mi('κ')),
    mo('·'),
    min(mn(1), mo(','), frac(step, mn(steps))),
  );

/** The exponential moving average, which forgets the random start faster. */
const average = equation(
  'averaged weights',
  sub(bar(mi('θ')), step),
  mo('='),
  term('ema', sub(mi('d'), step)),
  sub(bar(mi('θ')), before),
  mo('+'),
  paren(mn(1), mo('−'), term('ema', sub(mi('d'), step))),
  parameters(step),
  mo(','),
  space,
  term('ema', sub(mi('d'), step), mo('=')),
  min(term('ema', mi('d')), mo(','), frac(row(mn(1), mo('+'), step), row(mn(10), mo('+'), step))),
);

const size = term('batch', mi('B'));
const batchGradient = equation(
  'gradient of a batch',
  gradient,
  mo('='),
  sub(mo('∇'), mi('θ')),
  frac(mn(1), size),
  mathml`<munderover><mo>∑</mo>${row(mi('b'), mo('='), mn(1))}${size}</munderover>`,
  sup(mi('L'), paren(mi('b'))),
);

/**
 * A mean over the steps that forgets, by Adam's β of that number.
 *
 * @param {string} name
 * @param {number} number
 * @param {unknown} next
 */
function movingMean(name, number, next) {
  const decay = sub(mi('β'), mn(number));
  const of = (/** @type {unknown} */ index) => sub(mi(name), index);
  return equation(
    'moving mean',
    of(step),
    mo('='),
    decay,
    of(before),
    mo('+'),
    paren(mn(1), mo('−'), decay),
    next,
    mo(','),
    space,
    // Corrected for its start at 0.
    sub(hat(mi(name)), step),
    mo('='),
    frac(of(step), row(mn(1), mo('−'), mathml`<msubsup><mi>β</mi>${mn(number)}${step}</msubsup>`)),
  );
}

/**
 * Muon (Jordan et al. 2024), which moves the weights of a hidden layer, a matrix, by the orthogonal
 * matrix nearest to the gradient's running mean.
 */
const matrix = (/** @type {unknown} */ index) => sub(mi('W'), index);
const orthogonal = [mi('U'), sup(mi('V'), mo('⊤'))];
const muonStep = equation(
  'Muon, for hidden layers',
  matrix(step),
  mo('='),
  matrix(before),
  mo('−'),
  term('muon-rate', sub(mi('μ'), step)),
  sqrt(max(mn(1), mo(','), frac(text('outputs'), text('inputs')))),
  term('optimizer', ...orthogonal),
);

const mean = (/** @type {unknown} */ index) => sub(mi('M'), index);
const forget = paren(mn(1), mo('−'), mi('β'));
const muonDirection = [
  equation('running mean', mean(step), mo('='), mi('β'), mean(before), mo('+'), forget, gradient),
  equation(
    'what is orthogonalised',
    mi('U'),
    mi('Σ'),
    sup(mi('V'), mo('⊤')),
    mo('='),
    mi('β'),
    mean(step),
    mo('+'),
    forget,
    gradient,
  ),
];

const moments = [movingMean('m', 1, gradient), movingMean('v', 2, squared(gradient))];

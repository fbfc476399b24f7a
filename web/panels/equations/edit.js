import { isFlow } from '../../lib/samplers.js';
import {
  eps,
  equation,
  fn,
  frac,
  last,
  mi,
  mn,
  mo,
  noise,
  paren,
  previous,
  row,
  signalTimes,
  t,
  term,
  text,
  x,
  xOf,
} from './symbols.js';

/**
 * @typedef {import('../../lib/config.js').Config} Config
 * @typedef {import('../../element/editor.js').EditKind} EditKind
 */

const angle = mi('θ');
const share = term('lambda', mi('λ'));
const sine = (/** @type {unknown} */ of) => frac(row(fn('sin'), of), row(fn('sin'), angle));

/** From one seed to another (Song et al. 2021, equation 67). */
const between = equation(
  'Spherical interpolation',
  x(last),
  mo('='),
  sine(row(paren(mn(1), mo('−'), share), angle)),
  term('from', xOf(last, mi('A'))),
  mo('+'),
  sine(row(share, angle)),
  term('to', xOf(last, mi('B'))),
);

/**
 * Where SDEdit starts (Meng et al. 2022, section 3.1).
 * @param {boolean} flow
 */
const redraw = (flow) =>
  equation(
    "SDEdit's start",
    x(t),
    mo('='),
    signalTimes(flow, t),
    xOf(mn(0), text('picture')),
    mo('+'),
    noise(flow, t),
    eps,
  );

const mask = term('mask', mi('m'));

/** A step of RePaint (Lugmayr et al. 2022, equation 8c). */
const fill = equation(
  'RePaint update',
  x(previous),
  mo('='),
  mask,
  mo('⊙'),
  xOf(previous, text('known')),
  mo('+'),
  paren(mn(1), mo('−'), mask),
  mo('⊙'),
  xOf(previous, text('unknown')),
);

/**
 * @param {EditKind} kind
 * @param {Config} config
 */
export const editEquation = (kind, config) =>
  ({ between, fill, redraw: redraw(isFlow(config)) })[kind];

import { mathml } from 'lit';
import { isFlow } from '../../lib/samplers.js';
import {
  alphaBar,
  eps,
  equation,
  flowSigma,
  fn,
  frac,
  last,
  mi,
  mn,
  mo,
  max,
  noise,
  norm,
  normal,
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
  sub,
  t,
  term,
  text,
  where,
  x,
  xOf,
  zero,
} from './symbols.js';

/**
 * @import { Config } from '../../lib/config.js'
 * @import { Editor, EditKind } from '../../element/editor.js'
 */

/**
 * @param {EditKind} kind
 * @param {Config} config
 */
export function editEquation(kind, config) {
  const flow = isFlow(config);
  return { between: () => between, fill: () => fill(flow), redraw: () => redraw(flow) }[kind]();
}

/**
 * What stands in it.
 *
 * @param {Editor} editor
 * @param {Config} config
 */
export function editMeaning({ kind, options }, config) {
  const flow = isFlow(config);
  const parts = {
    between: () => [shareOfWay, arc],
    redraw: () => [startIndex(options.steps)],
    fill: () => [
      known(flow),
      unknown(flow),
      jumpBack(flow, 'jump_length' in options ? options.jump_length : 1),
    ],
  }[kind]();
  return where(...parts);
}

const angle = mi('θ');
const share = term('lambda', mi('λ'));
const sine = (/** @type {unknown} */ of) => frac(row(fn('sin'), of), row(fn('sin'), angle));
const [from, to] = ['A', 'B'].map((end, index) => term(index ? 'to' : 'from', xOf(last, mi(end))));

/** From one seed to another (Song et al. 2021, equation 67). */
const between = equation(
  'Spherical interpolation',
  term(
    'kind',
    x(last),
    mo('='),
    sine(row(paren(mn(1), mo('−'), share), angle)),
    from,
    mo('+'),
    sine(row(share, angle)),
    to,
  ),
);

const arc = equation(
  'angle between the two',
  fn('cos'),
  angle,
  mo('='),
  frac(row(from, mo('·'), to), row(norm(from), norm(to))),
);

const images = term('between', mi('n'));
const shareOfWay = equation(
  'how far on the way an image is',
  share,
  mo('='),
  frac(mi('i'), row(images, mo('−'), mn(1))),
  mo(','),
  space,
  mi('i'),
  mo('='),
  zero,
  mo(','),
  mo('…'),
  mo(','),
  images,
  mo('−'),
  mn(1),
);

const picture = term('picture', xOf(zero, text('picture')));

/**
 * The picture with the noise of a timestep.
 *
 * @param {boolean} flow
 * @param {unknown} index
 */
const noisy = (flow, index) =>
  row(signalTimes(flow, index), picture, mo('+'), noise(flow, index), eps);

const startsAt = term('strength', sub(t, mi('k')));

/**
 * Where SDEdit starts (Meng et al. 2022, section 3.1).
 * @param {boolean} flow
 */
const redraw = (flow) =>
  equation("SDEdit's start", term('kind', x(startsAt), mo('='), noisy(flow, startsAt)));

/**
 * Which of the timesteps that the sampler visits that is, counted from the end.
 * @param {number} steps
 */
const startIndex = (steps) =>
  equation(
    'steps that are taken',
    term(
      'strength',
      mi('k'),
      mo('='),
      max(
        mn(1),
        mo(','),
        mathml`<mo stretchy="false">⌊</mo>`,
        text('strength'),
        mo('·'),
        mi('n'),
        mathml`<mo stretchy="false">⌋</mo>`,
      ),
    ),
    mo(','),
    space,
    mi('n'),
    mo('='),
    mn(steps),
  );

const mask = term('mask', mi('m'));
const after = (/** @type {boolean} */ flow) => (flow ? s : previous);
const knownPart = (/** @type {boolean} */ flow) => xOf(after(flow), text('known'));
const unknownPart = (/** @type {boolean} */ flow) => xOf(after(flow), text('unknown'));

/**
 * A step of RePaint (Lugmayr et al. 2022, equation 8c).
 * @param {boolean} flow
 */
const fill = (flow) =>
  equation(
    'RePaint update',
    term(
      'kind',
      x(after(flow)),
      mo('='),
      mask,
      mo('⊙'),
      knownPart(flow),
      mo('+'),
      paren(mn(1), mo('−'), mask),
      mo('⊙'),
      unknownPart(flow),
    ),
  );

/**
 * The part that stays, by the forward process (equation 8a).
 * @param {boolean} flow
 */
const known = (flow) =>
  equation('what is known', knownPart(flow), mo('='), noisy(flow, after(flow)));

/**
 * The part that is drawn, by a step of the reverse process (equation 8b).
 * @param {boolean} flow
 */
const unknown = (flow) =>
  equation(
    'what is unknown',
    unknownPart(flow),
    mo('∼'),
    normal(row(sub(mi('μ'), mi('θ')), paren(x(t), mo(','), t)), sigmaSquared(t)),
  );

/**
 * Back into noise, so that each stretch is taken again (algorithm 1, line 9, over j steps).
 *
 * @param {boolean} flow
 * @param {number} length
 */
function jumpBack(flow, length) {
  const later = row(t, mo('+'), mi('j'));
  const kept = flow
    ? frac(signal(flow, later), signal(flow, t))
    : frac(alphaBar(later), alphaBar(t));
  return equation(
    'jump back into noise',
    x(later),
    mo('='),
    flow ? mi('a') : sqrt(kept),
    x(t),
    mo('+'),
    flow
      ? sqrt(squared(flowSigma(later)), mo('−'), squared(mi('a')), squared(flowSigma(t)))
      : sqrt(mn(1), mo('−'), kept),
    eps,
    flow ? [mo(','), space, mi('a'), mo('='), kept] : [],
    mo(','),
    space,
    mi('j'),
    mo('='),
    mn(length),
    mo(','),
    space,
    term('repeats', mi('r'), mo('−'), mn(1)),
    text('\u00a0times'),
  );
}

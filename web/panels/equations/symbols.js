import { html, mathml, nothing } from 'lit';
import { spoken, words } from './spoken.js';

/**
 * The field's usual symbols in MathML, and how they are put together.
 *
 * @typedef {unknown} Math MathML or nothing
 */

export const mi = (/** @type {string} */ name) => mathml`<mi>${name}</mi>`;
export const mn = (/** @type {string | number} */ value) => mathml`<mn>${value}</mn>`;
export const mo = (/** @type {string} */ operator) => mathml`<mo>${operator}</mo>`;
export const text = (/** @type {string} */ words) => mathml`<mtext>${words}</mtext>`;
export const row = (/** @type {Math[]} */ ...parts) => mathml`<mrow>${parts}</mrow>`;
export const paren = (/** @type {Math[]} */ ...parts) => row(mo('('), ...parts, mo(')'));
export const frac = (/** @type {Math} */ above, /** @type {Math} */ below) =>
  mathml`<mfrac>${row(above)}${row(below)}</mfrac>`;
export const sqrt = (/** @type {Math[]} */ ...parts) => mathml`<msqrt>${parts}</msqrt>`;
export const sub = (/** @type {Math} */ base, /** @type {Math} */ index) =>
  mathml`<msub>${base}${index}</msub>`;
export const sup = (/** @type {Math} */ base, /** @type {Math} */ power) =>
  mathml`<msup>${row(base)}${power}</msup>`;
export const space = mathml`<mspace width="0.4em" />`;
export const norm = (/** @type {Math[]} */ ...parts) => row(mo('‖'), ...parts, mo('‖'));
/** A function's name, with the space that belongs after it. */
export const fn = (/** @type {string} */ name) => mathml`<mi>${name}</mi><mspace width="0.17em" />`;
export const squared = (/** @type {Math} */ base) => sup(base, mn(2));
export const min = (/** @type {Math[]} */ ...parts) => row(fn('min'), paren(...parts));
export const max = (/** @type {Math[]} */ ...parts) => row(fn('max'), paren(...parts));
const over = (/** @type {Math} */ base, /** @type {string} */ accent) =>
  mathml`<mover accent="true">${base}<mo stretchy="false">${accent}</mo></mover>`;
export const hat = (/** @type {Math} */ base) => over(base, '^');
export const bar = (/** @type {Math} */ base) => over(base, '¯');
export const tilde = (/** @type {Math} */ base) => over(base, '~');
const BOLD = { I: '𝐈', u: '𝐮', v: '𝐯', x: '𝐱', z: '𝐳', ε: '𝛆' };
/** A vector or matrix. Browsers know no bold letters of mathematics but by these characters. */
const bold = (/** @type {keyof typeof BOLD} */ name) => mi(BOLD[name]);

/**
 * A term that some control changes; it is highlighted with the control.
 *
 * @param {string} name
 * @param {Math[]} parts
 */
export const term = (name, ...parts) => mathml`<mrow data-term=${name}>${parts}</mrow>`;

export const t = mi('t');
export const s = term('steps', mi('s'));
export const previous = term('steps', t, mo('−'), mn(1));
export const zero = mn(0);
export const last = mi('T');

export const x = (/** @type {Math} */ index) => sub(bold('x'), index);
/**
 * One of several x_index.
 *
 * @param {Math} index
 * @param {Math} which
 */
export const xOf = (index, which) => mathml`<msubsup>${bold('x')}${index}${which}</msubsup>`;
export const x0 = term('x0', x(zero));
export const eps = term('eps', bold('ε'));
export const z = term('seed', bold('z'));
export const v = bold('v');
export const u = bold('u');
export const identity = bold('I');
/** A normal distribution, each of whose numbers has the same variance. */
export const normal = (/** @type {Math} */ mean, /** @type {Math} */ variance) =>
  row(mi('𝒩'), paren(mean, mo(','), space, variance, identity));
/** The estimate of x_0. */
export const guess = sub(hat(bold('x')), zero);
export const alphaBar = (/** @type {Math} */ index) => term('t', sub(bar(mi('α')), index));
export const alpha = (/** @type {Math} */ index) => sub(mi('α'), index);
export const beta = (/** @type {Math} */ index) => sub(mi('β'), index);
export const betaTilde = (/** @type {Math} */ index) => sub(tilde(mi('β')), index);
export const sigma = (/** @type {Math} */ index) => sub(mi('σ'), index);
export const sigmaSquared = (/** @type {Math} */ index) =>
  mathml`<msubsup><mi>σ</mi>${index}<mn>2</mn></msubsup>`;
/** σ of a flow, which t chooses. */
export const flowSigma = (/** @type {Math} */ index) => term('t', sigma(index));

/**
 * The factor of x_0 in x_t, to stand alone.
 *
 * @param {boolean} flow
 * @param {Math} index
 */
export const signal = (flow, index) =>
  flow ? row(mn(1), mo('−'), flowSigma(index)) : sqrt(alphaBar(index));

/**
 * The same before something that it is multiplied with.
 *
 * @param {boolean} flow
 * @param {Math} index
 */
export const signalTimes = (flow, index) =>
  flow ? paren(signal(flow, index)) : signal(flow, index);

/**
 * The factor of ε in x_t.
 *
 * @param {boolean} flow
 * @param {Math} index
 */
export const noise = (flow, index) =>
  flow ? flowSigma(index) : sqrt(mn(1), mo('−'), alphaBar(index));

/**
 * The variance of x_t around the image.
 *
 * @param {boolean} flow
 * @param {Math} index
 */
export const noiseSquared = (flow, index) =>
  flow ? term('t', sigmaSquared(index)) : paren(mn(1), mo('−'), alphaBar(index));

/** What a network's output is called, by prediction type. */
const OUTPUTS = /** @type {Record<string, Math>} */ ({
  epsilon: bold('ε'),
  sample: bold('x'),
  v_prediction: v,
  flow_prediction: u,
});

/** One of the images that there are to learn from. */
export const trainingImageOf = (/** @type {Math} */ place) => sup(bold('x'), paren(place));
export const trainingImage = trainingImageOf(mi('i'));

/**
 * What a denoiser says of x_t.
 *
 * @param {string} type a network's prediction type, or `ideal`
 * @param {Math[]} given what it is conditioned on besides
 */
export const network = (type, ...given) =>
  term(
    'network',
    type === 'ideal' ? sup(bold('x'), mo('∗')) : sub(OUTPUTS[type], mi('θ')),
    mathml`<mo stretchy="false">(</mo>`,
    x(t),
    mo(','),
    t,
    given.map((one) => [mo(','), one]),
    mathml`<mo stretchy="false">)</mo>`,
  );

/**
 * @param {string} label what the equation is; what it says is added to it for those who hear it
 * @param {Math[]} parts
 */
export const equation = (label, ...parts) =>
  html`<div class="equation">
    <math display="block" ${spoken(label)}><mrow>${parts}</mrow></math>
  </div>`;

/**
 * What the symbols of an equation mean.
 * @param {Math[]} equations
 */
export const where = (...equations) => {
  const shown = equations.filter((one) => one !== nothing);
  return shown.length ? html`<div class="where">${shown}</div>` : nothing;
};

/**
 * Equations that few look for.
 *
 * @param {string} title
 * @param {Math[]} equations
 */
export const aside = (title, ...equations) =>
  html`<details class="aside">
    <summary>${words(title)}</summary>
    ${where(...equations)}
  </details>`;

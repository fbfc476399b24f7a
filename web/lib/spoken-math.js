/**
 * Formulas in words, for those who hear them: few screen readers know MathML of themselves, and what
 * they say of it differs from browser to browser.
 */

import { marked, msg, translated } from './localize.js';

/** What symbols are called; all others are read out as they stand. */
const NAMES = /** @type {Record<string, string>} */ ({
  α: marked('alpha'),
  ᾱ: marked('alpha bar'),
  β: marked('beta'),
  γ: marked('gamma'),
  ε: marked('epsilon'),
  ϵ: marked('epsilon'),
  η: marked('eta'),
  θ: marked('theta'),
  κ: marked('kappa'),
  λ: marked('lambda'),
  μ: marked('mu'),
  ν: marked('nu'),
  π: marked('pi'),
  σ: marked('sigma'),
  Σ: marked('capital sigma'),
  ς: marked('final sigma'),
  τ: marked('tau'),
  '𝒩': marked('normal distribution'),
  '𝔼': marked('expectation'),
  N: 'N',
  E: 'E',
  '∅': marked('nothing'),
  '∇': marked('gradient'),
  '∑': marked('sum'),
  '∏': marked('product'),
  '=': marked('equals'),
  '−': marked('minus'),
  '+': marked('plus'),
  '·': marked('times'),
  '⊙': marked('times, element by element,'),
  '/': marked('over'),
  '∣': marked('given'),
  '|': marked('bar'),
  '‖': marked('norm'),
  '∥': marked('from'),
  '∼': marked('is distributed as'),
  '≈': marked('is about'),
  '≤': marked('at most'),
  '≥': marked('at least'),
  '<': marked('less than'),
  '>': marked('greater than'),
  '∗': marked('star'),
  '′': marked('prime'),
  '⊤': marked('transposed'),
  '…': marked('and so on'),
  '(': marked('open parenthesis'),
  ')': marked('close parenthesis'),
  '[': marked('open bracket'),
  ']': marked('close bracket'),
  '{': marked('open brace'),
  '}': marked('close brace'),
  '⌊': marked('floor of'),
  '⌋': marked('end floor'),
  '^': marked('hat'),
  '¯': marked('bar'),
  '~': marked('tilde'),
  ln: marked('natural logarithm of'),
  log: marked('logarithm of'),
  exp: marked('exponential of'),
  sin: marked('sine of'),
  cos: marked('cosine of'),
  min: marked('minimum of'),
  max: marked('maximum of'),
});

/** Suffixes that are said as one word. */
const SUFFIXES = ['∗', '′', '⊤'];

/**
 * A formula in words.
 * @param {Element} math a MathML element
 * @returns {string}
 */
export const spokenMath = (math) => say(math).replaceAll(/\s+/g, ' ').replaceAll(' ,', ',').trim();

/** @param {Element} element @returns {string} */
function say(element) {
  const parts = [...element.children];
  switch (element.localName) {
    case 'mi':
    case 'mn':
    case 'mo':
    case 'mtext':
      return nameOf(element.textContent ?? '');
    case 'mspace':
      return '';
    case 'mfrac':
      return isShort(element)
        ? msg('{0} over {1}', say(parts[0]), say(parts[1]))
        : msg('the fraction {0}, over {1}, end of fraction,', say(parts[0]), say(parts[1]));
    case 'msqrt':
      return isShort(element)
        ? msg('square root of {0}', sayAll(parts))
        : msg('the square root of {0}, end of root,', sayAll(parts));
    case 'msub':
      return msg('{0} sub {1}', say(parts[0]), say(parts[1]));
    case 'msup':
      return `${say(parts[0])} ${power(parts[1])}`;
    case 'msubsup':
      return msg('{0} sub {1} {2}', say(parts[0]), say(parts[1]), power(parts[2]));
    case 'mover':
      return `${say(parts[0])} ${say(parts[1])}`;
    case 'munder':
      return msg('{0} over {1} of', say(parts[0]), say(parts[1]));
    case 'munderover':
      return msg('{0} from {1} to {2} of', ...parts.map(say));
    default:
      return sayAll(parts);
  }
}

/** @param {Element[]} parts */
const sayAll = (parts) => parts.map(say).join(' ');

/** @param {Element} raised */
function power(raised) {
  const symbol = (raised.textContent ?? '').trim();
  const words = spokenMath(raised);
  if (symbol === '2') return msg('squared');
  return SUFFIXES.includes(symbol) ? words : msg('to the power {0}', words);
}

/** @param {string} symbol */
function nameOf(symbol) {
  const plain = symbol.trim();
  // Bold letters of mathematics are letters with another face.
  const name = NAMES[plain] ?? NAMES[plain.normalize('NFKC')];
  return name ? translated(name) : plain.normalize('NFKC');
}

/** Whether where it ends is heard without being said. @param {Element} element */
const isShort = (element) => element.querySelectorAll('mi, mn, mo, mtext').length <= 3;

/**
 * Formulas in words, for those who hear them: few screen readers know MathML of themselves, and what
 * they say of it differs from browser to browser.
 */

/** What symbols are called; all others are read out as they stand. */
const NAMES = /** @type {Record<string, string>} */ ({
  α: 'alpha',
  ᾱ: 'alpha bar',
  β: 'beta',
  γ: 'gamma',
  ε: 'epsilon',
  ϵ: 'epsilon',
  η: 'eta',
  θ: 'theta',
  κ: 'kappa',
  λ: 'lambda',
  μ: 'mu',
  ν: 'nu',
  π: 'pi',
  σ: 'sigma',
  Σ: 'capital sigma',
  ς: 'final sigma',
  τ: 'tau',
  '𝒩': 'normal distribution',
  '𝔼': 'expectation',
  N: 'N',
  E: 'E',
  '∅': 'nothing',
  '∇': 'gradient',
  '∑': 'sum',
  '∏': 'product',
  '=': 'equals',
  '−': 'minus',
  '+': 'plus',
  '·': 'times',
  '⊙': 'times, element by element,',
  '/': 'over',
  '∣': 'given',
  '|': 'bar',
  '‖': 'norm',
  '∥': 'from',
  '∼': 'is distributed as',
  '≈': 'is about',
  '≤': 'at most',
  '≥': 'at least',
  '<': 'less than',
  '>': 'greater than',
  '∗': 'star',
  '′': 'prime',
  '⊤': 'transposed',
  '…': 'and so on',
  '(': 'open parenthesis',
  ')': 'close parenthesis',
  '[': 'open bracket',
  ']': 'close bracket',
  '{': 'open brace',
  '}': 'close brace',
  '⌊': 'floor of',
  '⌋': 'end floor',
  '^': 'hat',
  '¯': 'bar',
  '~': 'tilde',
  ln: 'natural logarithm of',
  log: 'logarithm of',
  exp: 'exponential of',
  sin: 'sine of',
  cos: 'cosine of',
  min: 'minimum of',
  max: 'maximum of',
});

/** Suffixes that are said as one word. */
const POWERS = /** @type {Record<string, string>} */ ({ 2: 'squared', star: 'star' });
const SUFFIXES = ['star', 'prime', 'transposed'];

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
        ? `${say(parts[0])} over ${say(parts[1])}`
        : `the fraction ${say(parts[0])}, over ${say(parts[1])}, end of fraction,`;
    case 'msqrt':
      return isShort(element)
        ? `square root of ${sayAll(parts)}`
        : `the square root of ${sayAll(parts)}, end of root,`;
    case 'msub':
      return `${say(parts[0])} sub ${say(parts[1])}`;
    case 'msup':
      return `${say(parts[0])} ${power(parts[1])}`;
    case 'msubsup':
      return `${say(parts[0])} sub ${say(parts[1])} ${power(parts[2])}`;
    case 'mover':
      return `${say(parts[0])} ${say(parts[1])}`;
    case 'munder':
      return `${say(parts[0])} over ${say(parts[1])} of`;
    case 'munderover':
      return `${say(parts[0])} from ${say(parts[1])} to ${say(parts[2])} of`;
    default:
      return sayAll(parts);
  }
}

/** @param {Element[]} parts */
const sayAll = (parts) => parts.map(say).join(' ');

/** @param {Element} raised */
function power(raised) {
  const words = spokenMath(raised);
  if (POWERS[words]) return POWERS[words];
  return SUFFIXES.includes(words) ? words : `to the power ${words}`;
}

/** @param {string} symbol */
function nameOf(symbol) {
  const plain = symbol.trim();
  // Bold letters of mathematics are letters with another face.
  return NAMES[plain] ?? NAMES[plain.normalize('NFKC')] ?? plain.normalize('NFKC');
}

/** Whether where it ends is heard without being said. @param {Element} element */
const isShort = (element) => element.querySelectorAll('mi, mn, mo, mtext').length <= 3;

/**
 * What is read or heard, in the language of the page. The English sentence stands where it is used and
 * is the key of its translations (web/locales), which `locales.js` loads; all figures of a page share one
 * language, and a worker has English. `{0}` stands for the first value, and so on.
 *
 * @typedef {import('./languages.js').Language} Language
 * @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Translation a sentence, or one for
 *   each plural form of the language
 * @typedef {Record<string, Translation>} Catalogue
 */

/** Dispatches `change` once another language is in force. */
export const languageChanges = new EventTarget();

/** @type {Language} */
let language = 'en';
/** @type {Catalogue} */
let catalogue = {};
let plurals = new Intl.PluralRules('en');
let whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** The language in force. */
export const currentLanguage = () => language;

/**
 * Puts a language in force.
 * @param {Language} next
 * @param {Catalogue} sentences
 */
export function useLanguage(next, sentences) {
  catalogue = sentences;
  language = next;
  plurals = new Intl.PluralRules(next);
  whole = new Intl.NumberFormat(next, { maximumFractionDigits: 0 });
  languageChanges.dispatchEvent(new Event('change'));
}

/** @param {number} value */
export const integer = (value) => whole.format(value);

/** @param {string} english @param {number} [count] that decides between plural forms */
function sentence(english, count = 2) {
  const found = catalogue[english];
  if (typeof found === 'object') return found[plurals.select(count)] ?? found.other ?? english;
  return found || english;
}

/** @param {string} text @param {readonly unknown[]} values */
const filled = (text, values) =>
  values.length ? text.replaceAll(/\{(\d)\}/g, (_, index) => `${values[index]}`) : text;

/**
 * A sentence.
 * @param {string} english
 * @param {...unknown} values
 */
export const msg = (english, ...values) => filled(sentence(english), values);

/**
 * A sentence with markup in it: parts for lit, each value as it is.
 * @param {string} english
 * @param {...unknown} values
 * @returns {unknown[]}
 */
export const mixed = (english, ...values) =>
  sentence(english)
    .split(/\{(\d)\}/)
    .map((part, index) => (index % 2 ? values[Number(part)] : part));

/**
 * A sentence about a number of things, which is `{0}`.
 * @param {number} count
 * @param {string} one
 * @param {string} other the key of the translations
 * @param {...unknown} values from `{1}` on
 */
export function counted(count, one, other, ...values) {
  const english = language === 'en' && count === 1;
  return filled(english ? one : sentence(other, count), [integer(count), ...values]);
}

/**
 * "3 images".
 * @param {number} count
 * @param {string} noun
 * @param {string} [several]
 */
export const plural = (count, noun, several = `${noun}s`) =>
  counted(count, `{0} ${noun}`, `{0} ${several}`);

/** Marks a sentence of a constant for the catalogues. @param {string} english */
export const marked = (english) => english;

/**
 * A sentence that was `marked`.
 * @param {string} english
 * @param {...unknown} values
 */
export const translated = (english, ...values) => filled(sentence(english), values);

/**
 * A whole sentence in English, as a worker says it, in the language of the page where it is one of the
 * catalogue.
 * @param {string} said
 */
export function retold(said) {
  if (language === 'en') return said;
  if (catalogue[said]) return sentence(said);
  for (const english of Object.keys(catalogue)) {
    // What is nearly all placeholders would match anything.
    if (!english.includes('{') || english.replaceAll(/\{\d\}/g, '').length < 12) continue;
    const values = patternOf(english).exec(said)?.slice(1);
    if (values) return filled(sentence(english), values);
  }
  return said;
}

/** @param {string} english */
function patternOf(english) {
  const literal = english.replaceAll(/[.*+?^$|()[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${literal.replaceAll(/\{\d\}/g, '(.*?)')}$`, 's');
}

/**
 * Choices of which the words were `marked`.
 * @param {readonly (readonly [value: string, words: string])[]} options
 * @returns {[string, string][]}
 */
export const translatedOptions = (options) =>
  options.map(([value, words]) => [value, translated(words)]);

/**
 * Words that begin a line, within a sentence: German keeps the capitals of its nouns.
 * @param {string} words
 */
export const midSentence = (words) =>
  language === 'de' ? words : words.toLocaleLowerCase(language);

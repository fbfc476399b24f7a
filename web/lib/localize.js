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
  templates = undefined;
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
 * What a worker or the core says in English, in the language of the page as far as its sentences are in
 * the catalogue; the rest stays English.
 * @param {string} said
 * @returns {string}
 */
export function retold(said) {
  if (language === 'en') return said;
  const whole = sentenceRetold(said);
  if (whole !== undefined) return whole;
  const sentences = said.split(SENTENCE_ENDS);
  return sentences.length > 1 ? sentences.map(retold).join(' ') : said;
}

const SENTENCE_ENDS = /(?<=\.) (?=\p{Lu})/u;
/** Letters that a sentence must have besides its values: fewer would match anything. */
const MIN_LETTERS = 11;

/**
 * The sentences of a catalogue that have values, as `valuesOf` takes them, longest first: a shorter one
 * may match with half of a longer one as a value.
 * @param {Catalogue} sentences
 */
const templatesOf = (sentences) =>
  Object.keys(sentences)
    .map((english) => ({ english, parts: english.split(/\{(\d)\}/) }))
    .map((template) => ({ ...template, letters: lettersOf(template.parts) }))
    .filter(({ parts, letters }) => parts.length > 1 && letters >= MIN_LETTERS)
    .sort((a, b) => b.letters - a.letters);

/** @param {string[]} parts of which every other is the number of a value */
const lettersOf = (parts) =>
  parts.reduce((sum, part, index) => sum + (index % 2 ? 0 : part.length), 0);

/** Those of the catalogue in force, once something is to be told again. */
let templates = /** @type {ReturnType<typeof templatesOf> | undefined} */ (undefined);

/**
 * @param {string} said
 * @returns {string | undefined} nothing where the catalogue does not have it
 */
function sentenceRetold(said) {
  if (catalogue[said]) return sentence(said);
  templates ??= templatesOf(catalogue);
  for (const { english, parts } of templates) {
    const values = valuesOf(parts, said);
    // Names and numbers are as they are; what has several words may be a sentence of its own.
    const told = values?.map((value) => (value.includes(' ') ? retold(value) : value));
    if (told) return filled(sentence(english), told);
  }
  return undefined;
}

/**
 * The values of a sentence, found in one pass without a second try: a value may quote a file, which may
 * be made to let a search try for ever.
 *
 * @param {string[]} template the text before the first value, then the number of each value and the
 *   text after it
 * @param {string} said
 * @returns {string[] | undefined} nothing where it is another sentence
 */
function valuesOf([first, ...parts], said) {
  const last = parts[parts.length - 1];
  const end = said.length - last.length;
  if (!said.startsWith(first) || !said.endsWith(last) || end < first.length) return undefined;
  /** @type {string[]} */
  const values = [];
  let at = first.length;
  for (let index = 0; index < parts.length; index += 2) {
    const literal = parts[index + 1];
    const isLast = index + 2 === parts.length;
    // Two values with no word between them are sentences.
    const next = isLast ? end : said.indexOf(literal === ' ' ? '. ' : literal, at);
    if (next < 0 || next > end) return undefined;
    const valueEnd = literal === ' ' && !isLast ? next + 1 : next;
    values[Number(parts[index])] = said.slice(at, valueEnd);
    at = valueEnd + literal.length;
  }
  return values;
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

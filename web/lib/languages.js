/** The languages of the page, each with the name that its speakers give it. */
export const LANGUAGES = /** @type {const} */ ([
  ['en', 'English'],
  ['de', 'Deutsch'],
  ['fr', 'Français'],
  ['es', 'Español'],
  ['ja', '日本語'],
  ['zh', '中文'],
]);

/** @typedef {typeof LANGUAGES[number][0]} Language */

/** Languages that are written from right to left. */
const RIGHT_TO_LEFT = new Set(['ar', 'dv', 'fa', 'he', 'ps', 'sd', 'ug', 'ur', 'yi']);

/** @param {string} tag such as "de-AT" */
const primary = (tag) => tag.toLowerCase().split(/[-_]/)[0];

/**
 * The first of the wanted languages that the page has.
 * @param {readonly string[]} wanted BCP 47 tags, the dearest first
 * @returns {Language | undefined}
 */
export function firstKnown(wanted) {
  for (const tag of wanted) {
    const known = LANGUAGES.find(([language]) => language === primary(tag));
    if (known) return known[0];
  }
  return undefined;
}

/**
 * The direction in which a language is written.
 * @param {string} tag
 */
export const directionOf = (tag) => (RIGHT_TO_LEFT.has(primary(tag)) ? 'rtl' : 'ltr');

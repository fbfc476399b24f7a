/**
 * The language of the page around the element: its sentences, which stand in the markup in English, and
 * the choice of another. What has the attribute `data-msg` is a sentence; what stands in it with markup
 * of its own is a value of it.
 */

import { directionOf, firstKnown, LANGUAGES } from '../lib/languages.js';
import { setLanguage } from '../lib/locales.js';
import { currentLanguage, languageChanges, mixed } from '../lib/localize.js';
import { keptLanguage } from './kept-language.js';

const root = document.documentElement;

/** What is said in English, and the elements within. @type {Map<Element, [string, Element[]]>} */
const sentences = new Map();

for (const element of document.querySelectorAll('[data-msg]')) {
  const within = [...element.children];
  const parts = [...element.childNodes].map((node) =>
    node instanceof Element ? `{${within.indexOf(node)}}` : node.textContent,
  );
  sentences.set(element, [parts.join('').replaceAll(/\s+/g, ' ').trim(), within]);
}

function show() {
  for (const [element, [english, within]] of sentences) {
    const parts = /** @type {(string | Element)[]} */ (mixed(english, ...within));
    element.replaceChildren(...parts);
  }
  select.value = currentLanguage();
}

/** @param {string} language */
function choose(language) {
  keptLanguage.keep(language);
  root.lang = language;
  root.dir = directionOf(language);
  settle();
}

const settle = () => setLanguage(firstKnown([root.lang]) ?? 'en');

const select = document.createElement('select');
select.id = 'language';
select.append(
  ...LANGUAGES.map(([language, name]) => {
    const option = new Option(name, language);
    option.lang = language;
    return option;
  }),
);
select.addEventListener('change', () => choose(select.value));
document.querySelector('.language')?.append(select);
select.value = currentLanguage();
languageChanges.addEventListener('change', show);
settle();

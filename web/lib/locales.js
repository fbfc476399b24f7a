import { currentLanguage, useLanguage } from './localize.js';

/**
 * Loads the sentences of a language once somebody needs them. Apart from `localize.js`, so that no
 * worker has all of them in its bundle.
 *
 * @import { Catalogue, Language } from './localize.js'
 */

const LOADERS = /** @type {Record<Language, () => Promise<{ default: Catalogue }>>} */ ({
  en: async () => ({ default: {} }),
  de: () => import('../locales/de.json'),
  fr: () => import('../locales/fr.json'),
  es: () => import('../locales/es.json'),
  ja: () => import('../locales/ja.json'),
  zh: () => import('../locales/zh.json'),
});

/** @type {Language} */
let wanted = currentLanguage();

/**
 * Puts a language in force, once its sentences are there. Without them all stays as it is.
 * @param {Language} next
 */
export async function setLanguage(next) {
  wanted = next;
  try {
    const { default: sentences } = await LOADERS[next]();
    if (wanted === next && currentLanguage() !== next) useLanguage(next, sentences);
  } catch {
    // Without a connection the page is better in another language than not there.
  }
}

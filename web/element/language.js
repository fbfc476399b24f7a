import { ancestorsOf } from '../lib/host-theme.js';
import { directionOf, firstKnown } from '../lib/languages.js';
import { setLanguage } from '../lib/locales.js';

/**
 * The language that is asked for: by `lang` on the element or its nearest ancestor that has one, else
 * by the browser.
 * @param {Element} element
 */
export function askedLanguage(element) {
  for (const place of [element, ...ancestorsOf(element)]) {
    const tag = place.getAttribute('lang');
    if (tag) return { tag, known: firstKnown([tag]) ?? 'en' };
  }
  const known = firstKnown(navigator.languages) ?? 'en';
  return { tag: known, known };
}

/** Puts the language of an element in force. @param {Element} element */
export const settleLanguage = (element) => setLanguage(askedLanguage(element).known);

/**
 * The direction of an element that says nothing of it, nor any ancestor: that of its language.
 * @param {Element} element
 */
export function askedDirection(element) {
  const said = [element, ...ancestorsOf(element)].some((place) => place.hasAttribute('dir'));
  return said ? undefined : directionOf(askedLanguage(element).tag);
}

/**
 * Follows the language that is asked for.
 *
 * @param {Element} element
 * @param {() => void} changed called whenever the language or the direction may be another
 * @param {AbortSignal} signal ends it
 */
export function followLanguage(element, changed, signal) {
  const settle = () => {
    changed();
    settleLanguage(element);
  };
  const observer = new MutationObserver(settle);
  for (const place of [element, ...ancestorsOf(element)]) {
    observer.observe(place, { attributeFilter: ['lang', 'dir'] });
  }
  signal.addEventListener('abort', () => observer.disconnect());
  window.addEventListener('languagechange', settle, { signal });
}

/**
 * What the page around the element does before it is drawn: the page's policy allows no script in
 * markup, and this one has to run before the first paint.
 */

import { directionOf, firstKnown } from '../lib/languages.js';
import { keptLanguage } from './kept-language.js';

const root = document.documentElement;
const embed = new URLSearchParams(location.search).get('embed');

// An iframe asks for the element alone: no chrome around it.
if (embed !== null) root.classList.add('embed');

// The page around the element follows the theme that a link asks for.
const theme = new URLSearchParams(location.hash.slice(1)).get('theme');
if (theme === 'light' || theme === 'dark') root.style.colorScheme = theme;

// Figures follow the language of the page: that of the address, else as the visitor chose last.
const asked = new URLSearchParams(location.search).get('lang') ?? keptLanguage.read();
const language = asked || (firstKnown(navigator.languages) ?? 'en');
root.lang = language;
root.dir = directionOf(language);
const sentences = firstKnown([language]);
if (sentences && sentences !== 'en') {
  const href = `pkg/locale-${sentences}.js`;
  document.head.append(
    Object.assign(document.createElement('link'), { rel: 'modulepreload', href }),
  );
}

// Before the script of the element, which runs once the markup is read.
document.addEventListener('readystatechange', showEmbedded, { once: true });

/**
 * What an iframe shows: `?embed` the element alone, `?embed=bare` without settings. The page around
 * is told how high it is.
 */
function showEmbedded() {
  const lab = document.querySelector('unnoise-lab');
  if (embed === null || !lab) return;
  lab.removeAttribute('loading');
  if (embed === 'bare') lab.removeAttribute('controls');
  const heading = Object.assign(document.createElement('h1'), { className: 'unseen' });
  heading.textContent = document.title;
  lab.before(heading);
  new ResizeObserver(() => {
    const height = Math.ceil(lab.getBoundingClientRect().height);
    if (parent !== window) parent.postMessage({ type: 'unnoise-height', height }, '*');
  }).observe(lab);
}

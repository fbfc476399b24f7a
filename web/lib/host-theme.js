import { luma } from './luma.js';

/**
 * Whether the page around an element is light or dark, by what the page says of itself.
 *
 * @typedef {'light' | 'dark'} Theme
 */

/** Attributes by which sites and their generators name the theme, and what names mean dark. */
const ATTRIBUTES = new Map([
  ['data-theme', { light: ['light'], dark: ['dark'] }],
  ['data-bs-theme', { light: ['light'], dark: ['dark'] }],
  ['data-color-mode', { light: ['light'], dark: ['dark'] }],
  ['data-md-color-scheme', { light: ['default'], dark: ['slate'] }],
  ['data-jp-theme-light', { light: ['true'], dark: ['false'] }],
]);

const preference = globalThis.matchMedia?.('(prefers-color-scheme: dark)');

/**
 * The theme that an ancestor names, else the page's `color-scheme`, else what its background is,
 * else what the visitor prefers.
 *
 * @param {Element} element
 * @returns {Theme}
 */
export function hostTheme(element) {
  const ancestors = [...ancestorsOf(element)];
  return (
    firstOf([element, ...ancestors], named) ??
    (ancestors.length ? declared(ancestors[0]) : undefined) ??
    firstOf(ancestors, painted) ??
    preferred()
  );
}

/**
 * Calls back whenever the theme of the page may be another.
 *
 * @param {Element} element
 * @param {() => void} changed
 * @param {AbortSignal} signal ends it
 */
export function watchHostTheme(element, changed, signal) {
  const observer = new MutationObserver(changed);
  for (const ancestor of ancestorsOf(element)) observer.observe(ancestor, { attributes: true });
  // A style sheet that is switched on or off.
  const head = { attributes: true, childList: true, subtree: true };
  if (document.head) observer.observe(document.head, head);
  signal.addEventListener('abort', () => observer.disconnect());
  preference?.addEventListener('change', changed, { signal });
  // Colours may take a moment to change.
  document.addEventListener('transitionend', changed, { signal });
}

/** @param {Element} element */
export function* ancestorsOf(element) {
  let node = /** @type {Node | null} */ (element);
  while (node) {
    node = node.parentNode instanceof ShadowRoot ? node.parentNode.host : node.parentNode;
    if (node instanceof Element) yield node;
  }
}

/**
 * @param {Element[]} elements
 * @param {(element: Element) => Theme | undefined} look
 */
function firstOf(elements, look) {
  for (const element of elements) {
    const theme = look(element);
    if (theme) return theme;
  }
  return undefined;
}

/** @param {Element} element @returns {Theme | undefined} */
function named(element) {
  for (const [attribute, { light, dark }] of ATTRIBUTES) {
    const name = element.getAttribute(attribute)?.toLowerCase();
    if (name === undefined) continue;
    if (dark.includes(name)) return 'dark';
    if (light.includes(name)) return 'light';
  }
  return undefined;
}

/** @param {Element} element @returns {Theme | undefined} */
function declared(element) {
  const schemes = getComputedStyle(element).colorScheme.split(/\s+/);
  const [light, dark] = [schemes.includes('light'), schemes.includes('dark')];
  if (light && dark) return preferred();
  return dark ? 'dark' : light ? 'light' : undefined;
}

/** @param {Element} element @returns {Theme | undefined} */
function painted(element) {
  const colour = getComputedStyle(element).backgroundColor;
  const rgb = /^rgba?\(([\d.]+)[ ,]+([\d.]+)[ ,]+([\d.]+)(?:[ ,/]+([\d.]+))?\)$/.exec(colour);
  if (!rgb) return undefined;
  const channels = rgb.slice(1).map((part) => (part ? Number(part) : 1));
  const [alpha = 1] = channels.slice(3);
  if (alpha < 0.5) return undefined;
  return luma(channels) < 128 ? 'dark' : 'light';
}

/** @returns {Theme} */
const preferred = () => (preference?.matches ? 'dark' : 'light');

/**
 * The address is the state: every setting is in its hash, so that a link reproduces a run.
 */
import { PAGE_SETTINGS } from './attributes.js';

/**
 * `page` has settings of the page itself; every other name is a setting of the model's config.
 *
 * @typedef {Record<string, string | undefined>} PageState
 * @typedef {{ page: PageState, config: Record<string, unknown> }} HashState
 */

/**
 * @param {string} hash with or without its `#`
 * @returns {HashState}
 */
export function parseHash(hash) {
  const entries = [...new URLSearchParams(hash.replace(/^#/, ''))].filter(([key]) => key);
  const isPage = (/** @type {[string, string]} */ [key]) => PAGE_SETTINGS.has(key);
  return {
    page: Object.fromEntries(entries.filter(isPage)),
    config: Object.fromEntries(entries.filter((entry) => !isPage(entry))),
  };
}

/**
 * @param {Record<string, unknown>} values
 * @returns {string} without `#`
 */
export function formatHash(values) {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([key, value]) => {
      // The separators of lists may stand in a hash as they are.
      const text = encodeURIComponent(String(value)).replaceAll('%2C', ',').replaceAll('%3A', ':');
      return `${encodeURIComponent(key)}=${text}`;
    })
    .join('&');
}

/** @param {string} hash */
export function replaceHash(hash) {
  const url = new URL(location.href);
  url.hash = hash;
  if (url.href === location.href) return;
  history.replaceState(history.state, '', url);
}

/**
 * The address is the state: every setting is in its hash, so that a link reproduces a run.
 */

/** Settings of the page itself; every other name in the hash is a setting of the model's config. */
export const PAGE_KEYS = /** @type {const} */ ([
  'dataset',
  'model',
  'backend',
  'mode',
  'theme',
  'train_steps',
  'sampler',
  'steps',
  'eta',
  'sample_seed',
  'count',
  'weights',
  'variance',
  'clip',
  'dynamic_threshold',
  'spacing',
  'karras',
  'rederive_eps',
  'compare',
  'use_labels',
  'label',
  'guidance',
]);

/**
 * @typedef {Partial<Record<(typeof PAGE_KEYS)[number], string>>} PageState
 * @typedef {{ page: PageState, config: Record<string, string> }} HashState
 */

/**
 * @param {string} hash with or without its `#`
 * @returns {HashState}
 */
export function parseHash(hash) {
  /** @type {HashState} */
  const state = { page: {}, config: {} };
  for (const [key, value] of new URLSearchParams(hash.replace(/^#/, ''))) {
    const pageKey = PAGE_KEYS.find((name) => name === key);
    if (pageKey) state.page[pageKey] = value;
    else if (key) state.config[key] = value;
  }
  return state;
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

/**
 * Whether the page shows its formulas and all settings, as the visitor chose last.
 */

const KEY = 'unnoise.detail';

/** @returns {boolean} */
export function readDetail() {
  try {
    return localStorage.getItem(KEY) === 'all';
  } catch {
    // The browser may forbid all storage.
    return false;
  }
}

/** @param {boolean} all */
export function keepDetail(all) {
  try {
    localStorage.setItem(KEY, all ? 'all' : 'plain');
  } catch {
    // It then holds for this visit.
  }
}

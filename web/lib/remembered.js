/**
 * Choices of the visitor that outlive the tab, of kinds that are either made or not.
 */

/** @param {string} name */
const keyOf = (name) => `unnoise.${name}`;

/** @param {string} name */
export function readChoice(name) {
  try {
    return localStorage.getItem(keyOf(name)) === 'yes';
  } catch {
    // The browser may forbid all storage.
    return false;
  }
}

/**
 * @param {string} name
 * @param {boolean} chosen
 */
export function keepChoice(name, chosen) {
  try {
    if (chosen) localStorage.setItem(keyOf(name), 'yes');
    else localStorage.removeItem(keyOf(name));
  } catch {
    // It then holds for this visit.
  }
}

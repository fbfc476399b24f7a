/**
 * A choice of the visitor between two, kept for the next visit.
 *
 * @param {string} key in the browser's storage
 * @param {{ yes: string, no: string, usual: boolean }} words what is stored, and what holds until
 *   somebody chose
 */
export const storedChoice = (key, { yes, no, usual }) => ({
  /** @returns {boolean} */
  read() {
    try {
      return (localStorage.getItem(key) ?? (usual ? yes : no)) === yes;
    } catch {
      // The browser may forbid all storage.
      return usual;
    }
  },
  /** @param {boolean} value */
  keep(value) {
    try {
      localStorage.setItem(key, value ? yes : no);
    } catch {
      // It then holds for this visit.
    }
  },
});

/**
 * A word that the visitor chose, kept for the next visit.
 * @param {string} key in the browser's storage
 */
export const storedWord = (key) => ({
  /** @returns {string | undefined} */
  read() {
    try {
      return localStorage.getItem(key) ?? undefined;
    } catch {
      return undefined;
    }
  },
  /** @param {string} word */
  keep(word) {
    try {
      localStorage.setItem(key, word);
    } catch {
      // It then holds for this visit.
    }
  },
});

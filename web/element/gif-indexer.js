import { indexHere } from '../lib/gif.js';

/**
 * Finds the colours of GIFs in the worker, which keeps the page free; on the page where there is no
 * worker, or another figure has it.
 *
 * @param {import('./session.js').Session} session
 * @returns {import('../lib/gif.js').Indexer}
 */
export const gifIndexer = (session) => (rgba) => {
  const { lab, phase, resting } = session;
  if (phase !== 'ready' || resting) return indexHere(rgba);
  return lab.indexColours(rgba).catch(() => indexHere(rgba));
};

import { assetAddress } from './assets.js';
import { SETS } from './datasets.js';
import { msg } from './localize.js';

/**
 * How long a run may take, for who does not want to think in steps.
 *
 * @typedef {object} RunLength
 * @property {string} id
 * @property {string} label
 * @property {number | undefined} steps from random weights on
 */

/** After these most sets are drawn well, and even faces still change; see `docs/recipe.md`. */
const GOOD = 600;
const BEST = 2000;
const MINUTE = 60;
/** A minute is worth offering where it is well below what is good; a few steps show nothing. */
const LEAST = 40;

/** What a run that nobody has chosen a length for has. */
export const USUAL = GOOD;

/**
 * @param {number | undefined} rate steps a second; until it is measured a minute is of unknown length
 * @returns {RunLength[]} from short to long
 */
export function runLengths(rate) {
  const longer = [
    { id: 'good', label: msg('Good'), steps: GOOD },
    { id: 'best', label: msg('Best'), steps: BEST },
  ];
  const steps = rate && Math.round((MINUTE * rate) / 10) * 10;
  if (steps !== undefined && (steps < LEAST || steps > 0.75 * GOOD)) return longer;
  return [{ id: 'a-minute', label: msg('A minute'), steps }, ...longer];
}

const pictures = SETS.flatMap(({ run_lengths }) => run_lengths ?? [])[0];

/**
 * The picture of a run that was as long, or the longest of those that were shorter.
 * @param {number} steps
 * @returns {{ address: string, steps: number, share: number, count: number }} where in the sheet it
 *   lies, as a share of its width without the picture itself
 */
export function pictureAfter(steps) {
  const later = pictures.steps.findIndex((other) => other > steps);
  const index = later < 0 ? pictures.steps.length - 1 : Math.max(0, later - 1);
  return {
    address: assetAddress(`samples/${pictures.file}`).href,
    steps: pictures.steps[index],
    share: index / (pictures.steps.length - 1),
    count: pictures.steps.length,
  };
}

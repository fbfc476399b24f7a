/**
 * Which of many are far worse than the rest, at several things that are measured of each.
 *
 * A value stands out where it is above the median by more than `SPREADS` standard deviations, these
 * estimated by the median absolute deviation, which those that stand out do not move (Rousseeuw &
 * Croux 1993), and is at least `TIMES` the median: where all are alike, little differences are none.
 */
const SPREADS = 4;
const TIMES = 2;
/** The standard deviation of a normal distribution of which the median absolute deviation is 1. */
const DEVIATION_PER_MAD = 1.4826;
/** Fewer have no rest to stand out from. */
export const MIN_COMPARED = 8;

/** @param {number[]} values @returns {number} */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * @param {number[][]} errors of each, the same things of all, 0 or above
 * @returns {{ place: number, times: number }[]} those that stand out at half of the things or more, and
 *   not at one alone, the worst first; `times` is the middle of what they are of the medians
 */
export function outliers(errors) {
  if (errors.length < MIN_COMPARED) return [];
  const levels = errors[0].map((_, level) => {
    const values = errors.map((one) => one[level]);
    const middle = median(values);
    const deviation = DEVIATION_PER_MAD * median(values.map((value) => Math.abs(value - middle)));
    return { middle, limit: Math.max(middle + SPREADS * deviation, TIMES * middle) };
  });
  const needed = Math.max(2, levels.length / 2);
  return errors
    .flatMap((one, place) => {
      const above = one.filter((value, level) => value > levels[level].limit).length;
      if (above < needed) return [];
      const times = median(one.map((value, level) => value / (levels[level].middle || value || 1)));
      return [{ place, times }];
    })
    .sort((a, b) => b.times - a.times);
}

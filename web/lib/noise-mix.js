/**
 * Noise as mixtures of that of seeds. Independent noises of an image are all but at right angles and
 * equally long, so that their weights are coordinates on the sphere of noise: whatever mixture has
 * weights whose squares add up to 1 is as good a start for sampling as the noise of a seed.
 *
 * @import { NoiseTerm } from '../worker/protocol.js'
 */

/** Each step around a sample adds a term: those that hardly matter go. */
const MAX_TERMS = 32;

/**
 * The noise of an image of a seed.
 * @param {number} seed
 * @param {number} [index]
 * @returns {NoiseTerm[]}
 */
export const seedNoise = (seed, index = 0) => [{ seed, index, weight: 1 }];

/**
 * A sum of mixtures, scaled back to the sphere.
 * @param {[noise: NoiseTerm[], factor: number][]} parts
 * @returns {NoiseTerm[]}
 */
function combine(parts) {
  /** @type {Map<string, NoiseTerm>} */
  const terms = new Map();
  for (const [noise, factor] of parts) {
    for (const { seed, index, weight } of noise) {
      const key = `${seed} ${index}`;
      const before = terms.get(key)?.weight ?? 0;
      terms.set(key, { seed, index, weight: before + factor * weight });
    }
  }
  const largest = [...terms.values()]
    .filter(({ weight }) => weight !== 0)
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
    .slice(0, MAX_TERMS);
  const length = Math.hypot(...largest.map(({ weight }) => weight));
  return largest.map((term) => ({ ...term, weight: term.weight / length }));
}

/**
 * The cosine of the angle between two.
 * @param {NoiseTerm[]} a
 * @param {NoiseTerm[]} b
 */
export function cosine(a, b) {
  let sum = 0;
  for (const one of a)
    for (const other of b)
      if (one.seed === other.seed && one.index === other.index) sum += one.weight * other.weight;
  return Math.max(-1, Math.min(1, sum));
}

/**
 * Along the great circle from `a`, at 0, to `b`, at 1.
 * @param {NoiseTerm[]} a
 * @param {NoiseTerm[]} b
 * @param {number} fraction
 */
export function slerp(a, b, fraction) {
  if (fraction <= 0) return a;
  if (fraction >= 1) return b;
  const angle = Math.acos(cosine(a, b));
  // Between what is the same or opposite there are many ways, or none.
  if (Math.sin(angle) < 1e-6) return fraction < 0.5 ? a : b;
  return combine([
    [a, Math.sin((1 - fraction) * angle)],
    [b, Math.sin(fraction * angle)],
  ]);
}

/**
 * Near a noise, in the direction of that of a seed.
 * @param {NoiseTerm[]} noise
 * @param {number} seed
 * @param {number} strength the share of the way
 */
export const vary = (noise, seed, strength) => slerp(noise, seedNoise(seed), strength);

/**
 * Within the triangle of three noises: along its edges it is the way from one to the other.
 * @param {NoiseTerm[][]} corners
 * @param {number[]} shares of each, from 0 to 1, that add up to 1
 */
export const within = (corners, shares) =>
  combine(
    corners.map((noise, index) => [noise, Math.sin((Math.max(0, shares[index]) * Math.PI) / 2)]),
  );

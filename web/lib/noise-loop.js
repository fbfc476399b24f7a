import { slerp } from './noise-mix.js';

/** @import { NoiseTerm } from '../worker/protocol.js' */

/** Frames of a whole loop, about. */
const FRAMES = 96;
const [MIN_FRAMES, MAX_FRAMES] = [8, 32];

/**
 * The closed way through noises: from each along the great circle to the next, and from the last back to
 * the first, which comes once only, so that it can be played over and over.
 *
 * @param {NoiseTerm[][]} noises two or more
 * @returns {{ noise: NoiseTerm[], nearest: number }[]} of each frame, and which of the noises is nearest
 */
export function noiseLoop(noises) {
  const { length } = noises;
  const between = Math.round(Math.min(MAX_FRAMES, Math.max(MIN_FRAMES, FRAMES / length)));
  return noises.flatMap((noise, place) => {
    const next = (place + 1) % length;
    return Array.from({ length: between }, (_, i) => ({
      noise: slerp(noise, noises[next], i / between),
      nearest: 2 * i < between ? place : next,
    }));
  });
}

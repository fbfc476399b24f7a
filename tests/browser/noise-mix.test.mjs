// Mixtures of noise, without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cosine, seedNoise, slerp, vary, within } from '../../web/lib/noise-mix.js';

/** @param {{ weight: number }[]} noise */
const length = (noise) => Math.hypot(...noise.map(({ weight }) => weight));

/** @param {number} actual @param {number} expected */
const near = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}`);

test('steps on the sphere of noise are as large as they say and stay on it', () => {
  const [a, b] = [seedNoise(1, 4), seedNoise(2)];
  for (const fraction of [0, 0.1, 0.5, 0.9, 1]) {
    const between = slerp(a, b, fraction);
    near(length(between), 1);
    near(Math.acos(cosine(a, between)), (fraction * Math.PI) / 2);
  }
  assert.deepEqual(slerp(a, b, 1), b);
  assert.deepEqual(slerp(a, a, 0.3), a);

  // However far one walks, it stays on the sphere and short enough to be asked for.
  let walked = a;
  for (let step = 0; step < 100; step++) {
    const next = vary(walked, 100 + step, 0.25);
    near(length(next), 1);
    assert.ok(cosine(walked, next) > 0.9);
    walked = next;
  }
  assert.ok(walked.length <= 32);
});

test('the triangle of three noises has them at its corners and their ways along its edges', () => {
  const corners = [seedNoise(1), slerp(seedNoise(1), seedNoise(2), 0.5), seedNoise(3, 2)];
  for (const [index, corner] of corners.entries()) {
    const shares = corners.map((_, other) => Number(other === index));
    near(cosine(within(corners, shares), corner), 1);
  }
  near(
    cosine(within([seedNoise(1), seedNoise(2), seedNoise(3)], [0.5, 0, 0.5]), seedNoise(3)),
    Math.SQRT1_2,
  );
  near(length(within(corners, [0.2, 0.5, 0.3])), 1);
});

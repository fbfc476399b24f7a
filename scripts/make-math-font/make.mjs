// usage: npm --prefix scripts/make-math-font ci && npm --prefix scripts/make-math-font run make
// Writes web/fonts/: the letters and signs of the page's equations, out of STIX Two Math.
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import subsetFont from 'subset-font';

/**
 * @param {number} first
 * @param {number} last
 */
const range = (first, last) =>
  String.fromCodePoint(...Array.from({ length: last - first + 1 }, (_, i) => first + i));

const CHARACTERS = [
  range(0x20, 0x7e),
  // Browsers draw the single letters of a formula as the italic ones of mathematics.
  range(0x1d434, 0x1d467),
  'ℎ',
  range(0x1d6e2, 0x1d71b),
  range(0x3b1, 0x3c9),
  'ΓΔΘΛΞΠΣΦΨΩϵϕ',
  '𝐈𝐮𝐯𝐱𝐲𝐳𝛆𝒩𝔼',
  '·×−±√∞∅∇∂∑∏∫∈∣‖∥∗⊙⊤≤≥≈≠∼→…′⌊⌋\u00a0¯\u0302\u0303\u0304\u0305',
].join('');

const source = dirname(
  createRequire(import.meta.url).resolve('@fontsource/stix-two-math/package.json'),
);
const font = await readFile(`${source}/files/stix-two-math-latin-400-normal.woff2`);
const subset = await subsetFont(font, CHARACTERS, {
  targetFormat: 'woff2',
  // Screens that need hints are too coarse for formulas, and formulas have no kerning.
  noHinting: true,
  dropTables: ['GPOS'],
});
const out = resolve(import.meta.dirname, '../../web/fonts');
await mkdir(out, { recursive: true });
await writeFile(`${out}/stix-two-math.woff2`, subset);
await copyFile(`${source}/LICENSE`, `${out}/LICENSE`);
console.log(`stix-two-math.woff2  ${(subset.length / 1024).toFixed(1)} KiB`);

/**
 * Records web/samples/faces/film.avif, what the page shows until it can draw: the run that it will
 * draw itself, denoised by the command line.
 *
 *     node film.mjs ../../target/release/unnoise
 *
 * The sheet has a row for each state that is kept and a column for each image.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { tensors } from '../benchmarks/safetensors.js';
import { FILM } from './film-layout.mjs';

const SAMPLES = new URL('../../web/samples/', import.meta.url);
const MAX_BYTES = 120_000;

/** Those of the page. */
const SAMPLER = ['--sampler', 'dpmpp2m', '--steps', '20', '--seed', '0'];
/** The states kept, of x_T (0) to x_0 (20): few of noise, which looks all alike and packs badly. */
const KEPT = [0, 4, 7, 10, 12, 13, 15, 16, 17, 18, 19, 20];

/**
 * Every x_t of the run.
 * @param {string} unnoise path of the command line
 * @returns {Promise<import('../benchmarks/safetensors.js').Tensor>} [steps + 1, count, 3, size, size]
 */
async function denoise(unnoise) {
  const folder = await mkdtemp(join(tmpdir(), 'unnoise-film-'));
  try {
    const out = join(folder, 'run.safetensors');
    const model = fileURLToPath(new URL('faces/model.safetensors', SAMPLES));
    const args = ['sample', '--model', model, ...SAMPLER, '--count', String(FILM.count)];
    execFileSync(unnoise, [...args, '--trajectory', '--out', out], { stdio: 'inherit' });
    const { buffer, byteOffset, byteLength } = await readFile(out);
    return tensors(buffer.slice(byteOffset, byteOffset + byteLength)).trajectory;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * @param {import('../benchmarks/safetensors.js').Tensor} trajectory [steps + 1, count, 3, size, size]
 * @returns {Buffer} RGB, [frames · size, count · size, 3]
 */
function sheetOf({ shape: [, count, channels, size], values }) {
  const sheet = Buffer.alloc(KEPT.length * count * size * size * channels);
  let at = 0;
  for (const state of KEPT) {
    for (let y = 0; y < size; y++) {
      for (let image = 0; image < count; image++) {
        for (let x = 0; x < size; x++) {
          for (let channel = 0; channel < channels; channel++) {
            const plane = (state * count + image) * channels + channel;
            const value = values[(plane * size + y) * size + x];
            sheet[at++] = Math.round(Math.min(1, Math.max(0, (value + 1) / 2)) * 255);
          }
        }
      }
    }
  }
  return sheet;
}

const [unnoise] = process.argv.slice(2);
if (!unnoise) {
  console.error('Usage: node film.mjs UNNOISE   the built command line');
  process.exit(2);
}
const trajectory = await denoise(unnoise);
const [, count, channels, size] = trajectory.shape;
if (KEPT.length !== FILM.frames || size !== FILM.size) {
  throw new Error(`The film has ${KEPT.length} frames of ${size} pixels, unlike film-layout.mjs.`);
}
const raw = { width: count * size, height: KEPT.length * size, channels };
// Noise has its detail in its colours too: formats that halve their resolution lose half of it.
const film = await sharp(sheetOf(trajectory), { raw })
  .avif({ quality: 55, effort: 9, chromaSubsampling: '4:4:4' })
  .toBuffer();
if (film.length > MAX_BYTES) throw new Error(`The film has ${film.length} bytes.`);
await writeFile(new URL(FILM.file, SAMPLES), film);
console.log(`${FILM.file}: ${KEPT.length} frames of ${count} images, ${film.length} bytes`);

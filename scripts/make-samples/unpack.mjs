/**
 * Cuts a bundled sheet into single PNG files, for `unnoise train --data OUT_DIR`. Those of a set with
 * labels lie in a folder for each, for `--labels`.
 *
 *     node unpack.mjs SET OUT_DIR
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cutSheet } from './sheet.mjs';

const SAMPLES = new URL('../../web/samples/', import.meta.url);

const sets = JSON.parse(await readFile(new URL('index.json', SAMPLES), 'utf8'));
const [id, folder] = process.argv.slice(2);
const set = sets.find((candidate) => candidate.id === id);

if (!set || !folder) {
  const names = sets.map((candidate) => candidate.id).join('|');
  console.error(`Usage: node unpack.mjs ${names} OUT_DIR`);
  process.exitCode = 2;
} else {
  const sheet = await readFile(new URL(set.sprites, SAMPLES));
  const labels = (set.labels ?? []).flatMap(([label, count]) => Array(count).fill(label));
  for (const [i, file] of cutSheet(sheet, set.tile, set.count).entries()) {
    const place = join(folder, labels[i] ?? '');
    await mkdir(place, { recursive: true });
    await writeFile(join(place, `${id}-${String(i).padStart(3, '0')}.png`), file);
  }
  console.log(`${set.count} images in ${folder}`);
}

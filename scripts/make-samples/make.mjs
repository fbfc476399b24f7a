/**
 * Makes web/samples: one sprite sheet a set, and index.json that lists them.
 *
 *     npm ci && node make.mjs
 *
 * The same packages give the same pictures. Licences and attributions beside the sheets
 * are written by hand.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { makeCreatures, SIDE as CREATURE_SIDE } from './creatures.mjs';
import { LABELS as DIGIT_LABELS, makeDigits, SIDE as DIGIT_SIDE } from './digits.mjs';
import { makeFaces, SIDE as FACE_SIDE } from './faces.mjs';
import { FILM } from './film-layout.mjs';
import { RUN_LENGTHS } from './run-lengths-layout.mjs';
import { encodeSheet } from './sheet.mjs';

const SAMPLES = new URL('../../web/samples/', import.meta.url);
const MAX_BYTES = 300_000;

const sets = [
  {
    id: 'faces',
    title: 'Emoji faces',
    description: 'A hundred smileys from Noto Emoji: yellow discs in every mood, and two devils.',
    tiles: await makeFaces(),
    tile: FACE_SIDE,
    columns: 10,
    native_size: 32,
    licence: 'Apache-2.0',
    attribution: 'Noto Emoji, © Google LLC, Apache License 2.0; drawn at 64 pixels on white',
    flip: true,
    film: FILM,
    run_lengths: { file: RUN_LENGTHS.file, steps: RUN_LENGTHS.steps },
  },
  {
    id: 'digits',
    title: 'Handwritten digits',
    description: 'Five hundred digits from MNIST, fifty of each, as dark ink on white paper.',
    tiles: await makeDigits(),
    tile: DIGIT_SIDE,
    columns: 25,
    native_size: 32,
    licence: 'CC-BY-SA-3.0',
    attribution:
      'MNIST, © Yann LeCun and Corinna Cortes, CC BY-SA 3.0; a selection, inverted and padded',
    flip: false,
    labels: DIGIT_LABELS,
  },
  {
    id: 'sprites',
    title: 'Pixel monsters',
    description: 'Little pixel-art monsters, 16 pixels square, put together by a seeded script.',
    tiles: makeCreatures(256),
    tile: CREATURE_SIDE,
    columns: 16,
    native_size: 16,
    licence: 'CC0-1.0',
    attribution: 'Made for Unnoise; public domain (CC0 1.0)',
    flip: true,
  },
];

const index = [];
for (const { tiles, ...set } of sets) {
  const sheet = encodeSheet(tiles, set.tile, set.columns);
  if (sheet.length > MAX_BYTES) throw new Error(`${set.id}: the sheet has ${sheet.length} bytes`);
  await mkdir(new URL(`${set.id}/`, SAMPLES), { recursive: true });
  await writeFile(new URL(`${set.id}/sprites.png`, SAMPLES), sheet);
  console.log(`${set.id}: ${tiles.length} tiles, ${sheet.length} bytes`);

  const { id, title, description, tile, columns, ...rest } = set;
  const files = { sprites: `${id}/sprites.png`, model: `${id}/model.safetensors` };
  index.push({ id, title, description, tile, count: tiles.length, columns, ...rest, ...files });
}
await writeFile(new URL('index.json', SAMPLES), JSON.stringify(index, null, 2) + '\n');

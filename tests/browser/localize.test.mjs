// Sentences in a language, without a page: plural forms, values, and what a worker says in English.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { decimal, duration, integer, loss, percent, since } from '../../web/lib/format.js';
import { directionOf, firstKnown } from '../../web/lib/languages.js';
import { counted, mixed, msg, plural, retold, useLanguage } from '../../web/lib/localize.js';

/** @param {import('../../web/lib/languages.js').Language} language */
async function speak(language) {
  const file = new URL(`../../web/locales/${language}.json`, import.meta.url);
  useLanguage(language, JSON.parse(await readFile(file, 'utf8')));
}

test('without a catalogue all is English', () => {
  assert.equal(msg('Save {0} × {1}', 64, 32), 'Save 64 × 32');
  assert.deepEqual(
    [0, 1, 2, 1234].map((count) => plural(count, 'image')),
    ['0 images', '1 image', '2 images', '1,234 images'],
  );
  assert.equal(plural(2, 'copy', 'copies'), '2 copies');
  assert.deepEqual([loss(0.12345), loss(12.34), duration(4000)], ['0.1235', '12.3', '1 h 7 min']);
  assert.equal(retold('anything'), 'anything');
});

test('each language has its plural forms and numbers', async () => {
  await speak('fr');
  // In French nothing is singular.
  assert.deepEqual(
    [0, 1, 2].map((count) => plural(count, 'image')),
    ['0 image', '1 image', '2 images'],
  );
  await speak('de');
  assert.deepEqual(
    [0, 1, 2].map((count) => plural(count, 'image')),
    ['0 Bilder', '1 Bild', '2 Bilder'],
  );
  assert.equal(
    counted(
      1,
      'Your image replaced the set “{1}”.',
      'Your {0} images replaced the set “{1}”.',
      'X',
    ),
    'Das eigene Bild ersetzt den Satz „X“.',
  );
  assert.deepEqual([integer(1234), decimal(0.5, 2), percent(0.25)], ['1.234', '0,50', '25\u00a0%']);
  assert.equal(since(Date.now() - 60_000), 'vor 1 min');
  await speak('ja');
  assert.deepEqual(
    [1, 2].map((count) => plural(count, 'image')),
    ['1 枚の画像', '2 枚の画像'],
  );
});

test('values come where the language has them', async () => {
  await speak('ja');
  assert.deepEqual(mixed('{0} at step {1}', 'a', 'b'), ['ステップ ', 'b', ' で ', 'a', '']);
  // A value that looks like a place for one is none.
  assert.equal(msg('Removed {0}.', '{0}'), '{0}を削除しました。');
});

test('what a worker says is told again', async () => {
  await speak('es');
  const said = 'kitten.png is an encrypted zip. Pack it again without a password.';
  assert.match(retold(said), /^kitten\.png es un zip cifrado/);
  assert.equal(retold('This run is no longer in the browser’s storage.').startsWith('Este'), true);
  const core = 'expected a tensor of 3 channels';
  assert.equal(retold(core), core);
});

test('what the core says is told again, sentences within sentences too', async () => {
  await speak('de');
  assert.equal(
    retold('This configuration cannot work: batch_size must be 1 to 1024.'),
    'Diese Einstellungen gehen so nicht: batch_size muss zwischen 1 und 1024 liegen.',
  );
  assert.equal(
    retold(
      'This is too large for the device: 64 images of 128 × 96 pixels make tensors of 403 MB, and the ' +
        'device takes 135 MB in one piece. Lower height to 64, width to 48 and batch_size to 32.',
    ),
    'Das ist zu groß für das Gerät: 64 Bilder von 128 × 96 Pixeln ergeben Tensoren von 403 MB, und das ' +
      'Gerät nimmt 135 MB am Stück. height auf 64, width auf 48 und batch_size auf 32 senken.',
  );
  assert.equal(
    retold('The model file is cut short: it ends before its tensors do.'),
    'Die Modelldatei ist abgeschnitten: sie endet vor ihren Tensoren.',
  );
  // What only a file or another program knows stays as it is.
  assert.equal(
    retold('The compute device failed: adapter is gone.'),
    'Das Rechengerät ist ausgefallen: adapter is gone.',
  );
});

test('a sentence that a file was made to draw out is matched without backtracking', async () => {
  await speak('de');
  const name = `X is not supported; save the pipeline with one of ${', '.repeat(400)}`;
  const cut = `This configuration cannot work: a ${name}`.slice(0, 1000);
  assert.match(retold(`${cut}…`), /^Diese Einstellungen gehen so nicht: a X/);
});

test('of the wanted languages the first that there is', () => {
  assert.equal(firstKnown(['pt-BR', 'fr-CA', 'de']), 'fr');
  assert.equal(firstKnown(['zh-Hant-TW']), 'zh');
  assert.equal(firstKnown(['tlh']), undefined);
  assert.deepEqual(['ar-EG', 'he', 'fa', 'ur', 'de', ''].map(directionOf), [
    'rtl',
    'rtl',
    'rtl',
    'rtl',
    'ltr',
    'ltr',
  ]);
});

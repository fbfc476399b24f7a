// What a visitor can get wrong: each gets a sentence, and nothing loaded or trained is lost.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import { ALL_IMAGES, TINY, images, Site } from './lab.mjs';

const site = Site.forTests();
/**
 * A lab with images and a trained model in it, and what it samples.
 * @type {import('./lab.mjs').LabPage}
 */
let lab;
/** @type {string} */
let pixels;
/** @type {Buffer} */
let checkpoint;

before(async () => {
  lab = await site.open({ ...TINY, backend: 'flex', train_steps: 5 });
  await lab.replaceImages(ALL_IMAGES);
  await lab.train();
  await lab.sample();
  pixels = await lab.pixels();
  checkpoint = await readFile(await lab.save());
});

/** @param {string} name @param {string | Buffer} content */
const file = (name, content) => ({
  name,
  mimeType: 'application/octet-stream',
  buffer: Buffer.from(content),
});

/** Nothing is lost: the images are there and the model samples what it did. */
async function unharmed() {
  assert.equal(await lab.by('thumb').count(), ALL_IMAGES.length);
  assert.equal(await lab.text('step'), '5');
  await lab.sample();
  assert.equal(await lab.pixels(), pixels);
  assert.deepEqual(lab.errors, []);
}

/**
 * @param {string} input
 * @param {ReturnType<typeof file>} offered
 * @param {RegExp} sentence
 */
async function refused(input, offered, sentence) {
  await lab.by(input).setInputFiles(offered);
  await lab.page.getByTestId('message').getByText(sentence).first().waitFor({ timeout: 20_000 });
  await lab.ready();
  await unharmed();
}

test('a text file renamed .png', () =>
  refused(
    'file-input',
    file('notes.png', 'These are only words.\n'),
    /notes\.png is not an image/,
  ));

test('an empty file', () => refused('file-input', file('empty.png', ''), /empty\.png is empty/));

test('a picture of 20,000 × 20,000 pixels', () =>
  refused('file-input', file('huge.png', hugePng()), /huge\.png is 20,000 × 20,000 pixels/));

test('a truncated checkpoint', () =>
  refused(
    'load-model',
    file('cut.safetensors', checkpoint.subarray(0, checkpoint.length / 2)),
    /cut short/,
  ));

test('a file that is no checkpoint', () =>
  refused('load-model', file('words.safetensors', 'no model, just words'), /not a model/));

test('a checkpoint whose tensors do not fit its description', () => {
  const bytes = Buffer.from(checkpoint);
  const place = bytes.indexOf('[8,16]');
  assert.ok(place > 0);
  bytes.write('[8,24]', place);
  return refused(
    'load-model',
    file('misfit.safetensors', bytes),
    /does not fit its own description/,
  );
});

test('a transparent picture stays transparent', async () => {
  const page = await site.open({ ...TINY, backend: 'flex' });
  await page.by('clear-images').click();
  await page.addImages(images('transparent.png'));
  await page.by('thumb').first().waitFor();
  const corner = await page
    .by('thumb')
    .first()
    .locator('canvas')
    .evaluate((canvas) => [
      .../** @type {HTMLCanvasElement} */ (canvas).getContext('2d').getImageData(0, 0, 1, 1).data,
    ]);
  assert.deepEqual(corner, [0, 0, 0, 0]);
  await page.page.close();
});

test('one image alone is taken, with a word about it, and trains', async () => {
  const page = await site.open({
    ...TINY,
    backend: 'flex',
    train_steps: 3,
  });
  await page.by('clear-images').click();
  await page.addImages(images('square.png'));
  await page.page
    .getByTestId('message')
    .getByText(/one image/i)
    .first()
    .waitFor();
  await page.train();
  assert.equal(await page.text('step'), '3');
  await page.page.close();
});

test('images of different sizes are cropped to squares, and that is said', async () => {
  const page = await site.open({ ...TINY, backend: 'flex' });
  await page.by('clear-images').click();
  await page.addImages(images('wide.jpg', 'tall.webp', 'square.png'));
  await page.by('thumb').nth(2).waitFor();
  assert.match(await page.messages(), /square/i);
  await page.page.close();
});

/** A valid header and the start of the pixels: enough to show its size, too much to decode. */
function hugePng() {
  const chunk = (/** @type {string} */ type, /** @type {Buffer} */ data) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const body = Buffer.concat([Buffer.from(type), data]);
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, crc]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(20_000, 0);
  header.writeUInt32BE(20_000, 4);
  header.set([1, 0, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(20_000 * 2501))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

// What is shown can be taken along.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { eventually, Site, TINY } from './lab.mjs';

const site = Site.forTests();

/**
 * Frames of a GIF as the browser decodes it, and the pixels of the last one.
 * @param {import('./lab.mjs').LabPage} lab
 * @param {Buffer} bytes
 */
const decode = (lab, bytes) =>
  lab.page.evaluate(
    async (bytes) => {
      const decoder = new ImageDecoder({ data: Uint8Array.from(bytes), type: 'image/gif' });
      await decoder.tracks.ready;
      const { frameCount = 0, repetitionCount } = decoder.tracks.selectedTrack ?? {};
      const { image } = await decoder.decode({ frameIndex: frameCount - 1 });
      const canvas = new OffscreenCanvas(image.displayWidth, image.displayHeight);
      const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
      context.drawImage(image, 0, 0);
      const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
      return { frameCount, repetitionCount, width, height, data: [...data] };
    },
    [...bytes],
  );

/**
 * @param {import('./lab.mjs').LabPage} lab
 * @param {string} name of a button
 */
async function saved(lab, name) {
  const download = lab.page.waitForEvent('download');
  await lab.by(name).click();
  const file = await download;
  await eventually(async () =>
    (await lab.messages()).includes(`Saved ${file.suggestedFilename()}`),
  );
  return readFile(await file.path());
}

test('samples are saved as a picture and as a film, and copied', async () => {
  const lab = await site.open({ ...TINY, backend: 'flex', train_steps: 200, steps: 6 });
  await site.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await lab.train();
  await lab.sample();
  await lab.seekLast();

  const film = await decode(lab, await saved(lab, 'save-gif'));
  const frames = Number(await lab.by('sample-canvas').getAttribute('data-frames'));
  assert.equal(film.frameCount, frames);
  assert.equal(film.repetitionCount, Infinity);
  const shown = await lab.by('sample-canvas').evaluate((canvas) => {
    const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
    const context = /** @type {HTMLCanvasElement} */ (canvas).getContext('2d');
    return { width, height, data: [...(context?.getImageData(0, 0, width, height).data ?? [])] };
  });
  const scale = film.width / shown.width;
  assert.ok(Number.isInteger(scale) && scale > 1);
  assert.equal(film.height, scale * shown.height);
  let sum = 0;
  let opaque = 0;
  for (let y = 0; y < shown.height; y++) {
    for (let x = 0; x < shown.width; x++) {
      const from = 4 * (y * shown.width + x);
      if (shown.data[from + 3] < 255) continue;
      // Any pixel of a square shows the colour of all.
      const to = 4 * ((y * scale + ((x + y) % scale)) * film.width + x * scale + (y % scale));
      for (let c = 0; c < 3; c++) sum += Math.abs(shown.data[from + c] - film.data[to + c]);
      opaque += 3;
    }
  }
  // 256 colours stand for all: off by a few of 255.
  assert.ok(sum / opaque < 8, `a pixel is off by ${sum / opaque} on average`);

  const png = await saved(lab, 'save-picture');
  assert.deepEqual([...png.subarray(1, 4)], [...Buffer.from('PNG')]);
  await lab.by('save-copy').click();
  await eventually(async () => (await lab.messages()).includes('Copied the picture.'));
  const types = await lab.page.evaluate(async () =>
    (await navigator.clipboard.read()).flatMap(({ types }) => types),
  );
  assert.deepEqual(types, ['image/png']);

  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

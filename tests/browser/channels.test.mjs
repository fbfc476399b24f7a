// Images with alpha and grey ones are learnt as such: found by themselves, drawn, taken away, and sent
// to diffusers and back.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { unzipSync } from 'fflate';
import { encodePng } from '../../web/lib/png.js';
import { eventually, Site, TINY } from './lab.mjs';

const SETTINGS = { ...TINY, backend: 'flex' };

const site = Site.forTests();

/** Discs of several colours on nothing, whose colour is green where it is not seen. */
const SPRITES = [0, 1, 2, 3, 4, 5].map((index) => {
  const rgba = new Uint8Array(16 * 16 * 4);
  for (let pixel = 0; pixel < 256; pixel++) {
    const [x, y] = [pixel % 16, Math.floor(pixel / 16)];
    const inside = (x - 7.5) ** 2 + (y - 7.5) ** 2 < 36;
    rgba.set(inside ? [200, 40 * index, 90, 255] : [0, 255, 0, 0], pixel * 4);
  }
  const buffer = Buffer.from(encodePng(rgba, 16, 16));
  return { name: `sprite-${index}.png`, mimeType: 'image/png', buffer };
});

/**
 * @param {import('./lab.mjs').LabPage} lab
 * @param {string} name of a button
 */
async function downloaded(lab, name) {
  const download = lab.page.waitForEvent('download');
  await lab.by(name).click();
  return readFile(await (await download).path());
}

/**
 * The pixels of the last samples on the page.
 * @param {import('./lab.mjs').LabPage} lab
 */
async function shown(lab) {
  // Waits until they are drawn.
  await lab.pixels();
  return lab.by('sample-canvas').evaluate((canvas) => {
    const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
    const context = /** @type {HTMLCanvasElement} */ (canvas).getContext('2d');
    const { data } = /** @type {CanvasRenderingContext2D} */ (context).getImageData(
      0,
      0,
      width,
      height,
    );
    const style = getComputedStyle(canvas);
    return { width, height, data: [...data], background: style.backgroundImage };
  });
}

/**
 * Alpha of the last picture of a file, as the browser decodes it, at the pixels of what was enlarged.
 *
 * @param {import('./lab.mjs').LabPage} lab
 * @param {Buffer} bytes
 * @param {{ type: string, width: number }} what the width is that before it was enlarged
 */
const alphaOf = (lab, bytes, { type, width }) =>
  lab.page.evaluate(
    async ({ bytes, type, width }) => {
      const decoder = new ImageDecoder({ data: Uint8Array.from(bytes), type });
      await decoder.tracks.ready;
      await decoder.completed;
      const { frameCount = 1 } = decoder.tracks.selectedTrack ?? {};
      const { image } = await decoder.decode({ frameIndex: frameCount - 1 });
      const scale = image.displayWidth / width;
      const canvas = new OffscreenCanvas(image.displayWidth, image.displayHeight);
      const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      const alpha = [];
      for (let y = 0; y < canvas.height; y += scale) {
        for (let x = 0; x < canvas.width; x += scale)
          alpha.push(data[4 * (y * canvas.width + x) + 3]);
      }
      return { frameCount, alpha };
    },
    { bytes: [...bytes], type, width },
  );

/** @param {import('./lab.mjs').LabPage} lab */
const channels = (lab) =>
  lab.page.evaluate(() => {
    const { unet } = /** @type {any} */ (document.querySelector('unnoise-lab')).lab.config;
    return [unet.in_channels, unet.out_channels];
  });

/** @param {import('./lab.mjs').LabPage} lab */
const offered = (lab) =>
  lab.by('image-channels').evaluate((select) => {
    const { value, options } = /** @type {HTMLSelectElement} */ (select);
    return { value, automatic: options[0].textContent?.trim() };
  });

test('sprites with alpha are learnt, drawn and taken away with it', async () => {
  const lab = await site.open({ ...SETTINGS, train_steps: 150 });
  await lab.by('clear-images').click();
  await lab.by('file-input').setInputFiles(SPRITES);
  await eventually(async () => (await lab.by('thumb').count()) === SPRITES.length);
  assert.match(await lab.messages(), /What is transparent is learnt as such\./);
  assert.equal(await lab.page.locator('[data-testid=thumb] canvas[data-alpha]').count(), 6);
  await eventually(async () => String(await channels(lab)) === '4,4');
  const automatic = 'As the images are (with transparency)';
  assert.deepEqual(await offered(lab), { value: '', automatic });
  await lab.train();
  await lab.sample();

  const picture = await shown(lab);
  assert.match(picture.background, /conic-gradient/);
  // Corners of a tile are transparent, and its middle is not.
  const alpha = (/** @type {number} */ x, /** @type {number} */ y) =>
    picture.data[4 * (y * picture.width + x) + 3];
  assert.ok(alpha(0, 0) < 64 && alpha(7, 7) > 192, `${alpha(0, 0)} and ${alpha(7, 7)}`);
  const sample = await lab.page.evaluate(() => {
    const { samples } = /** @type {any} */ (document.querySelector('unnoise-lab')).session;
    const { x_t, count, size } = samples.frames.at(-1);
    return x_t.length / (count * size * size);
  });
  assert.equal(sample, 4);

  const png = await downloaded(lab, 'save-picture');
  // 8 bits of RGB and alpha.
  assert.deepEqual([...png.subarray(24, 26)], [8, 6]);
  const drawn = picture.data.filter((_, index) => index % 4 === 3);
  const { width } = picture;
  assert.deepEqual((await alphaOf(lab, png, { type: 'image/png', width })).alpha, drawn);
  const film = await downloaded(lab, 'save-gif');
  const gif = await alphaOf(lab, film, { type: 'image/gif', width });
  assert.ok(gif.frameCount > 1);
  assert.deepEqual(
    gif.alpha,
    drawn.map((alpha) => (alpha < 128 ? 0 : 255)),
  );

  const zip = await downloaded(lab, 'export-diffusers');
  const files = unzipSync(zip);
  const unet = JSON.parse(new TextDecoder().decode(files['unet/config.json']));
  assert.deepEqual([unet.in_channels, unet.out_channels], [4, 4]);

  // The run is kept with its images, and another page draws the same with the model alone.
  await lab.page.reload();
  await lab.ready();
  await lab.by('run-open').first().click();
  const transparent = lab.page.locator('[data-testid=thumb] canvas[data-alpha]');
  await eventually(async () => (await transparent.count()) === SPRITES.length);
  await lab.ready();
  await lab.load('sprites.zip', zip);
  await lab.page.getByText('Loaded sprites.zip, trained for 150 steps.').waitFor();
  assert.deepEqual(await channels(lab), [4, 4]);
  await lab.sample();
  assert.deepEqual((await shown(lab)).data, picture.data);

  // Of a model with alpha a picture is redrawn and filled in with it.
  for (const kind of ['redraw', 'fill']) {
    const lengths = await lab.page.evaluate(async (kind) => {
      const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
      session.editor.choose(kind);
      session.editor.maskHalf('left');
      const { picture } = session.editor;
      await session.editor.run();
      const { x_t, count } = session.editor.recording.frames.at(-1);
      return [picture.rgb.length, x_t.length / count];
    }, kind);
    assert.deepEqual(lengths, [1024, 1024]);
  }
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('digits are learnt as grey images, or in colour if asked', async () => {
  const lab = await site.open({ ...SETTINGS, dataset: 'digits' });
  assert.deepEqual(await channels(lab), [1, 1]);
  assert.deepEqual(await offered(lab), { value: '', automatic: 'As the images are (grey)' });
  const choose = async (/** @type {string} */ value) => {
    await lab.by('image-channels').evaluate((select, value) => {
      /** @type {HTMLSelectElement} */ (select).value = value;
      select.dispatchEvent(new Event('change', { bubbles: true }));
    }, value);
    await lab.ready();
  };
  await choose('3');
  await eventually(async () => String(await channels(lab)) === '3,3');
  await choose('');
  await eventually(async () => String(await channels(lab)) === '1,1');

  await lab.train();
  await lab.sample();
  const { data, background } = await shown(lab);
  assert.equal(background, 'none');
  for (let at = 0; at < data.length; at += 4) {
    assert.ok(data[at] === data[at + 1] && data[at] === data[at + 2]);
  }
  const found = await lab.page.evaluate(async () => {
    const { lab, session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    const [noisy, frame] = [await lab.noisy({ index: 0, t: 50 }), session.samples.frames.at(-1)];
    const { value } = await lab.nearest(frame).next();
    const { value: part } = await lab.elbo({ timesteps: 2 }).next();
    return { length: noisy.x_t.length, distance: value.distance, vb: part.vb };
  });
  assert.equal(found.length, 256);
  assert.ok(found.distance > 0 && Number.isFinite(found.vb));

  const zip = await downloaded(lab, 'export-diffusers');
  const unet = JSON.parse(new TextDecoder().decode(unzipSync(zip)['unet/config.json']));
  assert.deepEqual([unet.in_channels, unet.out_channels], [1, 1]);
  await lab.load('digits.zip', zip);
  await lab.page.getByText('Loaded digits.zip, trained for 30 steps.').waitFor();
  await lab.sample();
  assert.deepEqual((await shown(lab)).data, data);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

// What is shown can be taken along.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import decodeQR from 'qr/decode.js';
import { eventually, Site, TINY } from './lab.mjs';

const site = Site.forTests();

/** In a page: bytes go to and fro as text, since a million numbers take minutes. */
function stageText() {
  Object.assign(window, {
    fromText: (/** @type {string} */ text) =>
      Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)),
    toText(/** @type {Uint8ClampedArray} */ bytes) {
      let letters = '';
      for (let at = 0; at < bytes.length; at += 8192) {
        letters += String.fromCharCode(...bytes.subarray(at, at + 8192));
      }
      return btoa(letters);
    },
  });
}

/**
 * Frames of a GIF as the browser decodes it, and the pixels of one of them.
 * @param {import('./lab.mjs').LabPage} lab
 * @param {Buffer} bytes
 * @param {number} [place] of the frame, the last one if it is not given
 */
const decode = async (lab, bytes, place) => {
  const { packed, ...decoded } = await lab.page.evaluate(
    async ({ text, place }) => {
      const { fromText, toText } = /** @type {any} */ (window);
      const decoder = new ImageDecoder({ data: fromText(text), type: 'image/gif' });
      await decoder.tracks.ready;
      const { frameCount = 0, repetitionCount } = decoder.tracks.selectedTrack ?? {};
      const { image } = await decoder.decode({ frameIndex: place ?? frameCount - 1 });
      const canvas = new OffscreenCanvas(image.displayWidth, image.displayHeight);
      const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
      context.drawImage(image, 0, 0);
      const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
      return { frameCount, repetitionCount, width, height, packed: toText(data) };
    },
    { text: bytes.toString('base64'), place },
  );
  return { ...decoded, data: Buffer.from(packed, 'base64') };
};

/**
 * A picture as the browser decodes it, or a part of it.
 * @param {import('./lab.mjs').LabPage} lab
 * @param {Buffer} bytes
 * @param {[x: number, y: number, width: number, height: number]} [part]
 */
const pixels = async (lab, bytes, part) => {
  const { packed, ...picture } = await lab.page.evaluate(
    async ({ text, part }) => {
      const { fromText, toText } = /** @type {any} */ (window);
      const bitmap = await createImageBitmap(new Blob([fromText(text)]));
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
      context.drawImage(bitmap, 0, 0);
      const { width, height } = bitmap;
      const [x, y, wide, high] = part ?? [0, 0, width, height];
      return { width, height, packed: toText(context.getImageData(x, y, wide, high).data) };
    },
    { text: bytes.toString('base64'), part },
  );
  return { ...picture, data: Buffer.from(packed, 'base64') };
};

/**
 * A film as the browser plays it: how long it is, how large, and how its end looks.
 * @param {Buffer} bytes
 */
async function play(bytes) {
  // The lab's own policy lets nothing be played.
  const page = await site.blank();
  await page.evaluate(stageText);
  const { packed, ...played } = await page.evaluate(async (text) => {
    const { fromText, toText } = /** @type {any} */ (window);
    const video = document.createElement('video');
    video.muted = true;
    const loaded = new Promise((resolve, reject) => {
      video.onloadeddata = resolve;
      video.onerror = () => reject(new Error(video.error?.message));
    });
    document.body.append(video);
    video.src = URL.createObjectURL(new Blob([fromText(text)]));
    await loaded;
    const { duration, videoWidth: width, videoHeight: height } = video;
    for (const time of [duration / 2, duration - 0.1]) {
      const sought = new Promise((resolve) => (video.onseeked = resolve));
      video.currentTime = time;
      await sought;
    }
    const canvas = new OffscreenCanvas(width, height);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context.drawImage(video, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return { duration, width, height, packed: toText(data) };
  }, bytes.toString('base64'));
  await page.close();
  return { ...played, data: Buffer.from(packed, 'base64') };
}

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
  const lab = await site.open({
    ...TINY,
    backend: 'flex',
    train_steps: 200,
    steps: 6,
    sampler: 'ddim',
  });
  await lab.page.evaluate(stageText);
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

  const played = await play(await saved(lab, 'save-film'));
  assert.ok(played.duration > 3 && played.duration < 7, `${played.duration} s`);
  assert.deepEqual([played.width % 2, played.height % 2], [0, 0]);
  assert.ok(played.width >= 512, `${played.width} pixels`);
  // Films keep colours at half the places: brightness is compared, of the middles of pixels.
  const grown = Math.floor(played.width / shown.width);
  const bright = (/** @type {ArrayLike<number>} */ data, /** @type {number} */ at) =>
    0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
  let off = 0;
  for (let y = 0; y < shown.height; y++) {
    for (let x = 0; x < shown.width; x++) {
      const from = 4 * (y * shown.width + x);
      if (shown.data[from + 3] < 255) continue;
      const middle = 4 * ((y * grown + (grown >> 1)) * played.width + x * grown + (grown >> 1));
      off += Math.abs(bright(shown.data, from) - bright(played.data, middle));
    }
  }
  off /= opaque / 3;
  assert.ok(off < 16, `a pixel of the film is off by ${off} on average`);

  const png = await saved(lab, 'save-picture');
  assert.deepEqual([...png.subarray(1, 4)], [...Buffer.from('PNG')]);
  await lab.by('save-copy').click();
  await eventually(async () => (await lab.messages()).includes('Copied the picture.'));
  const types = await lab.page.evaluate(async () =>
    (await navigator.clipboard.read()).flatMap(({ types }) => types),
  );
  assert.deepEqual(types, ['image/png']);

  await lab.by('save-more').click();
  await lab.by('take-scale').selectOption('16');
  const large = await pixels(lab, await saved(lab, 'take-picture'), [0, 0, 1, 1]);
  assert.deepEqual([large.width, large.height], [16 * shown.width, 16 * shown.height]);
  const stickers = await pixels(lab, await saved(lab, 'take-stickers'), [0, 0, 300, 300]);
  assert.equal(stickers.data[3], 0, 'it is transparent around the stickers');
  assert.ok(stickers.data.filter((value, at) => at % 4 === 3 && value === 255).length > 1000);
  const bytes = await saved(lab, 'take-poster');
  assert.match(await lab.text('take-said'), /^Saved .*poster\.png/);
  await writeFile('target/screenshots/poster.png', bytes);
  const [width, height] = [420, 400];
  const poster = await pixels(lab, bytes, [1240 - width, 1754 - height, width, height]);
  assert.deepEqual([poster.width, poster.height], [1240, 1754]);
  const code = decodeQR({ width, height, data: Uint8Array.from(poster.data) });
  assert.equal(code, lab.page.url());

  await lab.page.keyboard.press('Escape');

  // A loop: through the samples at first, through favourites once there are two.
  await lab.by('loop-film').click();
  await lab.by('loop-cancel').click();
  await lab.by('loop-film').waitFor();
  for (const tile of [0, 3]) {
    await lab.by(`tile-${tile}`).click();
    await lab.by('touch-keep').click();
    await lab.by('touch-keep').getByText('Kept').waitFor();
    await lab.by('touch-close').click();
  }
  await lab.page.getByText('A film through these 2 favourites').waitFor();
  await lab.ready();
  const loop = await decode(lab, await saved(lab, 'loop-gif'), 0);
  assert.deepEqual([loop.frameCount, loop.repetitionCount], [64, Infinity]);
  // It begins with the first favourite.
  const favourite = await lab
    .by('favourite')
    .first()
    .locator('canvas')
    .evaluate((element) => {
      const canvas = /** @type {HTMLCanvasElement} */ (element);
      return [...(canvas.getContext('2d')?.getImageData(0, 0, 16, 16).data ?? [])];
    });
  const times = loop.width / 16;
  let apart = 0;
  for (let at = 0; at < favourite.length; at += 4) {
    const [x, y] = [(at >> 2) % 16, at >> 6];
    const to = 4 * (y * times * loop.width + x * times);
    for (let c = 0; c < 3; c++) apart += Math.abs(favourite[at + c] - loop.data[to + c]);
  }
  apart /= 3 * 256;
  assert.ok(apart < 8, `a pixel is off by ${apart} on average`);
  const looped = await play(await saved(lab, 'loop-film'));
  assert.ok(Math.abs(looped.duration - 64 * 0.06) < 0.3, `${looped.duration} s`);
  assert.deepEqual([looped.width, looped.height], [720, 720]);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('a sticker is cut out of its background, and what it encloses stays', async () => {
  const page = await site.blank();
  const rows = await page.evaluate(async () => {
    const { backgroundOf } = await import('/web/lib/stickers.js');
    const picture = ['......', '.####.', '.#..#.', '.####.', '......', '......'];
    const rgb = picture.flatMap((row) =>
      [...row].flatMap((c) => Array(3).fill(c === '#' ? 20 : 245)),
    );
    // The background may vary a little.
    rgb[0] -= 20;
    const outside = backgroundOf(Uint8Array.from(rgb), 6);
    return picture.map((_, y) => [...outside.subarray(y * 6, y * 6 + 6)].join(''));
  });
  assert.deepEqual(rows, ['111111', '100001', '100001', '100001', '111111', '111111']);
  await page.close();
});

// Images on their way in: zips of them, copies and those that do not fit, how they are cropped, what
// stands behind them, and those from the camera.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { strToU8, zipSync } from 'fflate';
import { eventually, images, Site, TINY } from './lab.mjs';

const site = Site.forTests();
const SETTINGS = { ...TINY, backend: 'flex' };

/**
 * Pictures that are drawn in the page and given to it as files.
 * @param {import('./lab.mjs').LabPage} lab
 * @param {number} count of pictures that look alike
 */
const giveDrawn = (lab, count) =>
  lab.by('file-input').evaluate(async (input, count) => {
    const canvas = new OffscreenCanvas(48, 48);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
    /** @param {string} name @param {string} type */
    const file = async (name, type) =>
      new File([await canvas.convertToBlob({ type, quality: 0.8 })], name, { type });
    const files = new DataTransfer();
    for (let index = 0; index < count; index++) {
      context.fillStyle = '#eee';
      context.fillRect(0, 0, 48, 48);
      context.fillStyle = `hsl(${10 * (index % 6)} 70% 45%)`;
      context.fillRect(6 + (index % 4) * 3, 6 + Math.floor(index / 4) * 2, 22, 26);
      files.items.add(await file(`drawn ${index}.png`, 'image/png'));
    }
    // The last of them again, by another format, and something else altogether.
    files.items.add(await file('again.jpg', 'image/jpeg'));
    for (let x = 0; x < 48; x += 24) {
      for (let y = 0; y < 48; y += 12) {
        context.fillStyle = (x + 2 * y) % 48 ? '#031' : '#06f';
        context.fillRect(x, y, 24, 12);
      }
    }
    files.items.add(await file('other.png', 'image/png'));
    const field = /** @type {HTMLInputElement} */ (input);
    field.files = files.files;
    field.dispatchEvent(new Event('change'));
  }, count);

/** Names and colours of the images that are learnt. @param {import('./lab.mjs').LabPage} lab */
const learnt = (lab) =>
  lab.page.evaluate(() => {
    const { images } = /** @type {any} */ (document.querySelector('unnoise-lab')).lab;
    return images.map(({ name, label, size, rgb }) => {
      const channels = rgb.length / size ** 2;
      const at = (/** @type {number} */ x, /** @type {number} */ y) => [
        ...rgb.subarray((y * size + x) * channels, (y * size + x + 1) * channels),
      ];
      return { name, label, corner: at(0, 0), middle: at(size >> 1, size >> 1) };
    });
  });

/**
 * @param {import('./lab.mjs').LabPage} lab
 * @param {number} count of images
 */
const counted = (lab, count) =>
  eventually(async () => (await lab.text('image-count')).startsWith(`${count} image`));

/**
 * Runs in the page before its scripts: faces are found where `window.faces` says, as x, y, width and
 * height; none can be looked for where that is null.
 */
function stageFaces() {
  Object.assign(window, {
    faces: null,
    FaceDetector: class {
      async detect() {
        /** @type {[number, number, number, number][]} */
        const faces = /** @type {any} */ (window).faces;
        return faces.map((face) => ({ boundingBox: new DOMRect(...face) }));
      }
    },
  });
}

/** @param {import('./lab.mjs').LabPage} lab @param {string} name */
const press = (lab, name) => lab.page.locator(`[data-testid=${name}]:not([disabled])`).click();

test('a zip of images is unpacked, dropped or chosen, and its folders are labels', async () => {
  const lab = await site.open(SETTINGS);
  const [square, wide, tall] = await Promise.all(
    images('square.png', 'wide.jpg', 'tall.webp').map((path) => readFile(path)),
  );
  const zip = zipSync({
    'a/square.png': square,
    'b/wide.jpg': wide,
    '__MACOSX/a/._square.png': strToU8('of a system'),
    'labels.json': strToU8('{}'),
  });
  await lab.page.evaluate(
    (bytes) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(
        new File([Uint8Array.from(bytes)], 'set.zip', { type: 'application/zip' }),
      );
      document.dispatchEvent(new DragEvent('drop', { dataTransfer, cancelable: true }));
    },
    [...zip],
  );
  await counted(lab, 2);
  assert.deepEqual(
    (await learnt(lab)).map(({ name, label }) => [name, label]),
    [
      ['square.png', 'a'],
      ['wide.jpg', 'b'],
    ],
  );

  const buffer = Buffer.from(zipSync({ 'c/square.png': square }));
  await lab
    .by('file-input')
    .setInputFiles({ name: 'more.zip', mimeType: 'application/zip', buffer });
  await counted(lab, 3);
  // Where models are loaded, too.
  await lab.load('last.zip', zipSync({ 'd/tall.webp': tall }));
  await counted(lab, 4);
  const broken = Buffer.from(zipSync({ 'c/square.png': square }));
  broken.fill(0, 60, 90);
  await lab
    .by('file-input')
    .setInputFiles({ name: 'broken.zip', mimeType: 'application/zip', buffer: broken });
  await eventually(async () => /broken\.zip is a zip that is cut short/.test(await lab.messages()));
  await counted(lab, 4);

  // The same picture twice is told.
  await lab.by('found-copies').waitFor();
  assert.match(await lab.text('found-copies'), /1 image\s+is a copy/);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('copies and what does not fit are pointed out, and nothing goes by itself', async () => {
  const lab = await site.open(SETTINGS);
  await giveDrawn(lab, 24);
  await counted(lab, 26);
  await lab.by('found-copies').waitFor();
  await lab.by('found-misfits').waitFor();
  assert.match(await lab.text('found-copies'), /^1 image\s+is a copy.*again\.jpg/s);
  assert.match(await lab.text('found-misfits'), /^1 image looks unlike.*other\.png/s);
  await lab.page
    .locator('unnoise-data-panel')
    .screenshot({ path: 'target/screenshots/findings.png' });

  await press(lab, 'remove-copies');
  await counted(lab, 25);
  assert.ok(!(await learnt(lab)).some(({ name }) => name === 'again.jpg'));
  assert.match(await lab.messages(), /Removed 1 copy\./);
  await press(lab, 'undo-remove');
  await counted(lab, 26);
  await lab.by('found-copies').waitFor();
  await press(lab, 'keep-misfits');
  await lab.by('found-misfits').waitFor({ state: 'detached' });
  await counted(lab, 26);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('images are cropped to their middle, whole, or by hand, on a background of choice', async () => {
  const lab = await site.open(SETTINGS);
  await lab.page.addInitScript(stageFaces);
  await lab.page.reload();
  await lab.ready();
  await lab.page.evaluate(() => {
    Object.assign(window, {
      /** @param {number} width @param {number} height @param {boolean} clear */
      async stripes(width, height, clear) {
        const canvas = new OffscreenCanvas(width, height);
        const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
        // Red, green, blue from left to right.
        for (const [index, colour] of ['#f00', '#0f0', '#00f'].entries()) {
          context.fillStyle = colour;
          if (!clear || index !== 1) context.fillRect((index * width) / 3, 0, width / 3, height);
        }
        return new File([await canvas.convertToBlob()], clear ? 'clear.png' : 'stripes.png');
      },
    });
  });
  await lab.by('file-input').evaluate(async (input) => {
    const { stripes } = /** @type {any} */ (window);
    const files = new DataTransfer();
    files.items.add(await stripes(120, 40, false));
    files.items.add(await stripes(30, 30, true));
    const field = /** @type {HTMLInputElement} */ (input);
    field.files = files.files;
    field.dispatchEvent(new Event('change'));
  });
  await counted(lab, 2);
  const [RED, GREEN, BLUE, WHITE, CLEAR] = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [255, 255, 255],
    [0, 0, 0, 0],
  ];
  const [stripes, clear] = await learnt(lab);
  assert.deepEqual([stripes.corner, stripes.middle], [GREEN, GREEN]);
  assert.deepEqual(clear.middle, CLEAR);

  const looks = (/** @type {(all: any[]) => boolean} */ condition) =>
    eventually(async () => condition(await learnt(lab)));
  await lab.by('crop-whole').first().press(' ');
  await looks(([first]) => String(first.corner) === String(WHITE));
  await lab.by('background-colour').press(' ');
  await looks(([, second]) => String(second.middle) === String(WHITE));
  await lab.by('background').fill('#102030');
  await looks(([first, second]) =>
    [first.corner, second.middle].every((colour) => String(colour) === '16,32,48'),
  );
  await lab.by('crop-centre').press(' ');
  await looks(([first]) => String(first.corner) === String(GREEN));

  // By hand: the arrow keys take the square to the left end.
  await lab.ready();
  await lab.by('thumb-crop').first().click();
  const canvas = lab.by('crop-canvas');
  await canvas.focus();
  for (let times = 0; times < 5; times++) await lab.page.keyboard.press('Shift+ArrowLeft');
  assert.match((await canvas.getAttribute('aria-valuetext')) ?? '', /^0 % from the left/);
  await lab.page.screenshot({ path: 'target/screenshots/crop.png' });
  await lab.by('crop-use').click();
  await looks(([first]) => String(first.middle) === String(RED));
  // What was chosen by hand stays when the others are cut anew.
  await lab.by('crop-whole').first().press(' ');
  await looks(([, second]) => second.name === 'clear.png');
  await lab.ready();
  assert.deepEqual((await learnt(lab))[0].middle, RED);

  // By the browser, where it finds faces: the square is around the largest.
  await lab.by('thumb-crop').first().click();
  const find = async (/** @type {number[][] | null} */ faces) => {
    await lab.page.evaluate((faces) => Object.assign(window, { faces }), faces);
    await lab.by('crop-face').click();
  };
  for (const none of [[], null]) {
    await find(none);
    await lab.page.getByText('No face was found in this picture.').waitFor();
  }
  await find([
    [4, 4, 8, 9],
    [88, 8, 20, 15],
  ]);
  await lab.page.getByText('No face was found in this picture.').waitFor({ state: 'detached' });
  const middle = 88 + 20 / 2;
  const side = 1.6 * 20;
  const left = Math.round((100 * (middle - side / 2)) / 120);
  assert.match((await canvas.getAttribute('aria-valuetext')) ?? '', new RegExp(`^${left} % from`));
  await lab.by('crop-use').click();
  await looks(([first]) =>
    [first.corner, first.middle].every((colour) => String(colour) === String(BLUE)),
  );
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('the camera is asked for on a click, and gives a burst of pictures', async () => {
  const lab = await site.open(SETTINGS);
  await lab.page.evaluate(() => {
    const asked = { times: 0, stopped: 0 };
    Object.assign(window, { asked });
    navigator.mediaDevices.getUserMedia = async () => {
      asked.times++;
      if (asked.times === 1) throw new DOMException('no', 'NotAllowedError');
      const canvas = document.createElement('canvas');
      canvas.width = 64;
      canvas.height = 48;
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
      let turn = 0;
      setInterval(() => {
        context.fillStyle = `hsl(${turn++ * 20} 80% 50%)`;
        context.fillRect(0, 0, 64, 48);
      }, 20);
      const stream = canvas.captureStream(30);
      for (const track of stream.getTracks()) {
        const stop = track.stop.bind(track);
        track.stop = () => (asked.stopped++, stop());
      }
      return stream;
    };
  });
  const asked = () => lab.page.evaluate(() => /** @type {any} */ (window).asked);
  assert.equal((await asked()).times, 0);
  await press(lab, 'camera');
  assert.match(await lab.text('camera-problem'), /^This page may not use the camera\. Allow it/);
  await lab.by('sheet-close').click();
  await press(lab, 'camera');
  await lab.by('camera-count-8').press(' ');
  await press(lab, 'camera-take');
  await counted(lab, 8);
  assert.match((await learnt(lab))[7].name, /^camera 1-8/);
  assert.deepEqual(await asked(), { times: 2, stopped: 1 });
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

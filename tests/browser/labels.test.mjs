// Labels from folders: learnt, asked for by name, kept in links and files.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { folderLabels } from '../../web/lib/labels.js';
import { Site, TINY } from './lab.mjs';

const site = Site.forTests();
/** A folder `colours` with a folder for each. @type {string} */
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unnoise-'));
  for (const [label, hues] of /** @type {[string, number[]][]} */ ([
    ['red', [350, 0, 10]],
    ['blue', [230, 240, 250]],
  ])) {
    const place = join(folder, 'colours', label);
    await mkdir(place, { recursive: true });
    for (const hue of hues) {
      const fill = `hsl(${hue} 90% 50%)`;
      const svg =
        '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16">' +
        `<rect width="16" height="16" fill="${fill}"/></svg>`;
      await writeFile(join(place, `${hue}.svg`), svg);
    }
  }
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Plain colours follow from v more surely than from ε. */
const SETTINGS = {
  ...TINY,
  backend: 'flex',
  prediction_type: 'v_prediction',
  train_steps: 250,
  sampler: 'ddim',
};

/**
 * Red less blue of each tile of the sample, -255 to 255.
 * @param {import('./lab.mjs').LabPage} lab
 */
async function redness(lab) {
  await lab.seekLast();
  return lab.by('sample-canvas').evaluate(async (element) => {
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const canvas = /** @type {HTMLCanvasElement} */ (element);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    const tiles = [];
    // Tiles of 16, a line of one pixel between them.
    for (let y = 0; y < canvas.height; y += 17) {
      for (let x = 0; x < canvas.width; x += 17) {
        const { data } = context.getImageData(x, y, 16, 16);
        let sum = 0;
        for (let i = 0; i < data.length; i += 4) sum += data[i] - data[i + 2];
        tiles.push(sum / 256);
      }
    }
    return tiles;
  });
}

test('the folders of colours are learnt and asked for', async () => {
  const lab = await site.open(SETTINGS);
  assert.equal(await lab.by('use-labels').count(), 0);
  assert.equal(await lab.by('sample-label').count(), 0);

  await lab.by('folder-input').setInputFiles(join(folder, 'colours'));
  await lab.by('use-labels').check();
  await lab.by('thumb-label').getByText('blue').first().waitFor();
  await lab.ready();
  // A pipeline of diffusers has no way to ask for one.
  const hint = lab.page.locator('.explanation', { hasText: 'cannot be told a label' });
  await hint.waitFor();
  await lab.train();
  for (const [label, sign] of /** @type {[string, number][]} */ ([
    ['red', 1],
    ['blue', -1],
  ])) {
    await lab.by('sample-label').selectOption(`is ${label}`);
    for (const guidance of ['1', '2']) {
      await lab.by('sample-guidance').fill(guidance);
      await lab.sample();
      const tiles = await redness(lab);
      assert.ok(
        tiles.every((tile) => tile * sign > 100),
        `${label} with guidance ${guidance}: ${tiles}`,
      );
    }
  }
  await lab.by('sample-label').selectOption('each');
  await lab.sample();
  const tiles = await redness(lab);
  assert.ok(
    tiles.every((tile, index) => (index % 2 ? tile > 100 : tile < -100)),
    `one of each: ${tiles}`,
  );
  await lab.page.screenshot({ path: 'target/screenshots/labels.png', fullPage: true });

  // A model file brings its labels along, for a page that has other images.
  const file = await lab.save();
  const other = await site.open({ ...TINY, backend: 'flex' });
  await other.by('load-model').setInputFiles(file);
  await other.by('sample-label').selectOption('is red');
  await other.sample();
  assert.ok((await redness(other)).every((tile) => tile > 100));
  assert.deepEqual([...lab.errors, ...other.errors], []);
  await other.page.close();
  await lab.page.close();
});

test('a link keeps what is learnt and what is asked for', async () => {
  const settings = { ...TINY, backend: 'flex', train_steps: 3, dataset: 'digits', use_labels: 1 };
  const asked = { ...settings, label: 7, guidance: 3 };
  const lab = await site.open(asked);
  assert.ok(await lab.by('use-labels').isChecked());
  assert.equal(await lab.by('sample-label').inputValue(), 'is 7');
  assert.equal(await lab.by('sample-guidance').inputValue(), '3');
  await lab.train();
  await lab.page.waitForFunction(() => /label=7/.test(location.hash));
  assert.match(await lab.page.evaluate(() => location.hash), /use_labels=1.*guidance=3/);
  await lab.by('use-labels').uncheck();
  await lab.by('reset').click();
  await lab.by('sample-label').waitFor({ state: 'detached' });
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

/**
 * Trains a little on labelled images and samples on so many workers.
 * @param {{ address: string, workers: number, model?: number[] }} job
 */
async function run({ address, workers, model }) {
  const { Lab } = await import(`${address}pkg/lab.js`);
  const config = {
    size: 16,
    'unet.block_out_channels': [8, 16],
    'unet.norm_num_groups': 4,
    batch_size: 5,
    // Four steps are to show.
    lr_warmup_steps: 4,
    num_train_timesteps: 100,
    labels: ['dark', 'bright'],
  };
  const lab = await Lab.create({ backend: 'flex', config, workers });
  const image = (/** @type {number} */ level, /** @type {string | undefined} */ label) => ({
    rgb: new Uint8Array(16 * 16 * 3).fill(level),
    size: 16,
    label,
  });
  lab.setImages([image(40, 'dark'), image(220, 'bright'), image(128, 'neither'), image(90)]);
  const losses = [];
  for await (const report of lab.train({ steps: 4 })) losses.push(...report.losses);
  const trained = [...(await lab.save())];
  if (model) await lab.load(Uint8Array.from(model));
  const sample = async (/** @type {object} */ options) => {
    const frames = [];
    for await (const { x_t } of lab.sample({ steps: 3, count: 5, ...options }))
      frames.push([...x_t]);
    return frames;
  };
  const named = await sample({ labels: ['bright', null, 'dark'], guidance: 2 });
  const numbered = await sample({ labels: [1, null, 0], guidance: 2 });
  const any = await sample({});
  const refused = await sample({ labels: ['grey'] }).catch(({ code, message }) => code + message);
  const { labels } = lab;
  lab.dispose();
  return { losses, trained, named, numbered, any, refused, labels };
}

test('labels reach every worker', async () => {
  const page = await site.blank();
  const { address } = site;
  const one = await page.evaluate(run, { address, workers: 1 });
  assert.deepEqual(one.labels, ['dark', 'bright']);
  assert.deepEqual(one.numbered, one.named);
  assert.notDeepEqual(one.any, one.named);
  assert.match(String(one.refused), /^bad-config.*dark, bright/);
  const two = await page.evaluate(run, { address, workers: 2, model: one.trained });
  assert.deepEqual(two.named, one.named);
  for (const [step, loss] of two.losses.entries()) {
    // As for models without labels.
    assert.ok(
      Math.abs(loss - one.losses[step]) < 2e-4,
      `step ${step}: ${loss} ${one.losses[step]}`,
    );
  }
  await page.close();
});

test('labels are the folders that tell files apart', () => {
  assert.deepEqual(folderLabels(['pets/cat/1.png', 'pets/dog/old/2.png', 'pets/3.png']), [
    'cat',
    'dog',
    undefined,
  ]);
  assert.deepEqual(folderLabels(['/cat/1.png', '/dog/2.png']), ['cat', 'dog']);
  assert.deepEqual(folderLabels(['pets/cat/1.png', 'pets/cat/2.png']), ['cat', 'cat']);
  assert.deepEqual(folderLabels(['', '']), [undefined, undefined]);
  assert.deepEqual(folderLabels([]), []);
});

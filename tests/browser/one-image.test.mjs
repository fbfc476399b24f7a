// One picture learnt from its crops, drawn at other shapes, and extended.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import axe from 'axe-core';
import { eventually, images, Site, TINY } from './lab.mjs';

const site = Site.forTests();
/** The preset says how large crops are. */
const SETTINGS = { ...TINY, size: undefined, backend: 'flex', train_steps: 8, steps: 4 };

/** @param {import('./lab.mjs').LabPage} lab */
async function drawLarge(lab) {
  await lab.by('large-run').click();
  await lab.page.locator('[data-testid=large-canvas][data-state=done]').waitFor();
}

test('one picture is learnt from its crops, drawn wide, and extended', async () => {
  const lab = await site.open(SETTINGS);
  await lab.replaceImages(images('square.png'));
  // Of one picture there is a choice.
  assert.match(await lab.messages(), /Learn this one picture/);
  assert.equal(await lab.by('first-train').isVisible(), true);
  assert.equal(await lab.by('large-run').count(), 0);
  await lab.by('first-crops').click();
  await lab.by('first-draw').waitFor();
  const config = await lab.page.evaluate(
    () => /** @type {any} */ (document.querySelector('unnoise-lab')).lab.config,
  );
  // Half of the picture's 40 pixels, and no attention.
  assert.equal(config.size, 20);
  assert.equal(config.training.random_crop, true);
  assert.equal(config.unet.add_attention, false);

  // What needs whole images is not there.
  await lab.ready();
  assert.equal(await lab.by('sample-ideal').count(), 0);
  assert.equal(await lab.by('nearest').count(), 0);
  assert.equal(await lab.by('optimal-loss').count(), 0);
  assert.deepEqual(await lab.by('sample-weights').locator('option').allTextContents(), [
    'averaged (EMA)',
    'raw',
  ]);

  await drawLarge(lab);
  const canvas = lab.by('large-canvas');
  const shape = () =>
    canvas.evaluate((element) => {
      const { width, height } = /** @type {HTMLCanvasElement} */ (element);
      return [width, height];
    });
  assert.deepEqual(await shape(), [256, 128]);
  assert.equal(await lab.by('large-kept').count(), 0);

  await lab.by('large-shape-square').check({ force: true });
  await lab.by('large-kind-extend').check({ force: true });
  await drawLarge(lab);
  assert.deepEqual(await shape(), [128, 128]);
  const { outline, apart, around } = await canvas.evaluate(async (element) => {
    const lab = /** @type {any} */ (document.querySelector('unnoise-lab')).lab;
    const [{ rgb, size }] = lab.images;
    const canvas = /** @type {HTMLCanvasElement} */ (element);
    const left = (canvas.width - size) / 2;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    const { data } = context.getImageData(left, left, size, size);
    const kept = /** @type {HTMLElement} */ (canvas.parentElement?.querySelector('.kept'));
    let apart = 0;
    for (let i = 0; i < size * size; i++)
      for (let c = 0; c < 3; c++)
        apart = Math.max(apart, Math.abs(data[4 * i + c] - rgb[3 * i + c]));
    const beside = context.getImageData(0, 0, left, left).data;
    return {
      outline: kept.getBoundingClientRect().width / canvas.getBoundingClientRect().width,
      apart,
      around: new Set(beside).size,
    };
  });
  // The picture is kept to the byte, within its outline, and something is drawn around it.
  assert.equal(apart, 0);
  assert.ok(Math.abs(outline - 40 / 128) < 0.02, `${outline}`);
  assert.ok(around > 16, `${around}`);
  await lab.page.locator('.panel.large-samples').scrollIntoViewIfNeeded();
  await lab.page.screenshot({ path: 'target/screenshots/one-image.png' });

  await lab.page.evaluate(axe.source);
  const violations = await lab.page.evaluate(async () => {
    const { axe } = /** @type {any} */ (window);
    const found = await axe.run({ fromShadowDom: ['unnoise-lab', '.large-samples'] });
    return found.violations.map((/** @type {{ id: string }} */ { id }) => id);
  });
  assert.deepEqual(violations, []);

  // The run is kept, and goes on from crops.
  const step = () =>
    lab.page.evaluate(() => /** @type {any} */ (document.querySelector('unnoise-lab')).lab.step);
  assert.equal(await step(), 8);
  await lab.by('first-resume').click();
  await eventually(async () => (await step()) > 8);
  await lab.by('first-pause').click();
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

// Touching a sample: closely, in place of another, around it, kept, and made more of.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, Site, TINY } from './lab.mjs';

const site = Site.forTests();

/** Noise and ε by program, where numbers can be compared. @param {{ address: string }} job */
async function noises({ address }) {
  const { Lab } = await import(`${address}pkg/lab.js`);
  const config = {
    size: 16,
    'unet.block_out_channels': [8, 16],
    'unet.norm_num_groups': 4,
    num_train_timesteps: 100,
  };
  const results = [];
  for (const workers of [1, 2]) {
    const lab = await Lab.create({ backend: 'flex', config, workers });
    const run = async (/** @type {any} */ options) => {
      const frames = [];
      for await (const frame of lab.sample({ steps: 6, ...options })) frames.push(frame);
      return frames;
    };
    const end = async (/** @type {any} */ options) => [...(await run(options)).at(-1).x_t];
    const term = (/** @type {number} */ seed, /** @type {number} */ index, weight = 1) => ({
      seed,
      index,
      weight,
    });
    const refusals = [];
    for (const [count, mixtures] of /** @type {[number, unknown][]} */ ([
      [1, [[]]],
      [1, [[term(1, 0, 0)]]],
      [2, [[term(1, 0)]]],
    ])) {
      const error = await run({ count, mixtures }).catch((error) => error);
      refusals.push(`${error.code} ${error.message}`);
    }
    const { sqrt_alphas_cumprod: signal, sqrt_one_minus_alphas_cumprod: noise } =
      await lab.schedule();
    // Of bytes that no limit has touched, x_t is what ε and the guess make of it.
    const frames = await run({ sampler: 'ddim', count: 1, seed: 4, with_eps: true });
    let [compared, worst] = [0, 0];
    for (let i = 1; i < frames.length; i++) {
      const [{ t, x_t }, { pred_x0, eps }] = [frames[i - 1], frames[i]];
      const value = (/** @type {number} */ byte) => (byte / 255) * 2 - 1;
      for (const [at, byte] of x_t.entries()) {
        if ([byte, pred_x0[at], eps[at]].some((byte) => byte < 1 || byte > 254)) continue;
        const made = signal[t] * value(pred_x0[at]) + noise[t] * value(eps[at]);
        worst = Math.max(worst, Math.abs(made - value(byte)));
        compared++;
      }
    }
    results.push({
      seeded: await end({ sampler: 'ddpm', seed: 3, count: 3 }),
      mixed: await end({
        sampler: 'ddpm',
        count: 3,
        mixtures: [[term(3, 0)], [term(3, 1, 4)], [term(3, 2, 0.5), term(3, 2, 0.5)]],
      }),
      between: await end({ count: 2, mixtures: [[term(3, 0), term(4, 0)], [term(3, 0)]] }),
      refusals,
      eps: { compared, worst, first: frames[0].eps, others: (await run({ count: 1 }))[1].eps },
    });
    lab.dispose();
  }
  return results;
}

test('programs mix noise and are told ε', async () => {
  const page = await site.blank();
  const [one, two] = await page.evaluate(noises, { address: site.address });
  assert.deepEqual(one.mixed, one.seeded);
  const tile = one.between.length / 2;
  assert.notDeepEqual(one.between.slice(0, tile), one.between.slice(tile));
  for (const refusal of one.refusals) assert.match(refusal, /^bad-config .*mixture.*\.$/);
  assert.ok(one.eps.compared > 500, `${one.eps.compared}`);
  // Each of three bytes is rounded by half a step of 2 / 255, two of them times signal and noise.
  assert.ok(one.eps.worst < (1 + Math.SQRT2) / 255 + 1e-6, `${one.eps.worst}`);
  assert.equal(one.eps.first, null);
  assert.equal(one.eps.others, null);
  assert.deepEqual(two, one);
  await page.close();
});

/**
 * Bytes of a canvas, or of a tile of it, once what was asked to be drawn is drawn.
 * @param {import('playwright-core').Locator} canvas
 * @param {number} [tile] of a grid of two columns
 */
const pixels = (canvas, tile) =>
  canvas.evaluate(async (element, tile) => {
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const canvas = /** @type {HTMLCanvasElement} */ (element);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    const place = tile ?? 0;
    const [left, top] = [(place % 2) * 17, Math.floor(place / 2) * 17];
    return [...context.getImageData(left, top, 16, 16).data].join();
  }, tile);

test('a visitor looks closely, rerolls, varies, keeps, and makes more of it', async () => {
  const lab = await site.open({ ...TINY, backend: 'flex', sampler: 'ddim', steps: 20 });
  const { page } = lab;
  await lab.sample();
  await lab.seekLast();
  const grid = lab.by('sample-canvas');
  const drawn = () => Promise.all([0, 1, 2, 3].map((tile) => pixels(grid, tile)));
  const before = await drawn();
  /** @param {number} steps */
  const finished = async (steps) => {
    await lab.by('touch-step').getByText(`${steps} / ${steps}`).waitFor();
    await eventually(() => lab.by('touch-reroll').isEnabled());
  };

  // By keyboard: along the samples, into one, back out of it.
  await lab.by('tile-0').focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await finished(20);
  assert.equal(await pixels(lab.by('touch-x')), before[1]);
  await eventually(async () => /^image \d+/.test(await lab.text('touch-nearest')));
  await lab.by('touch-scrub').fill('10');
  await lab.by('touch-step').getByText('10 / 20').waitFor();
  const views = ['touch-x', 'touch-x0', 'touch-eps'];
  const seen = await Promise.all(views.map((name) => pixels(lab.by(name))));
  assert.equal(new Set([...seen, before[1]]).size, 4);
  await page.keyboard.press('Escape');
  await lab.by('touch-close').waitFor({ state: 'detached' });
  const focused = await lab.by('tile-1').evaluate((tile) => tile.matches(':focus'));
  assert.ok(focused, 'the focus comes back');

  // Another in its place, and none but it.
  await lab.by('tile-1').click();
  await finished(20);
  await lab.by('touch-reroll').click();
  await eventually(async () => (await pixels(grid, 1)) !== before[1]);
  await finished(20);
  const rerolled = await drawn();
  assert.deepEqual([rerolled[0], rerolled[2], rerolled[3]], [before[0], before[2], before[3]]);
  assert.equal(await pixels(lab.by('touch-x')), rerolled[1]);

  // Around it, and on to one of those.
  await lab.by('touch-strength').fill('0.2');
  await lab.by('touch-vary').click();
  await page.locator('.touch-neighbours[data-state=done]').waitFor();
  assert.equal(await page.getByTestId(/^neighbour-\d$/).count(), 8);
  const neighbour = await lab.by('touch-around').evaluate((element) => {
    const canvas = /** @type {HTMLCanvasElement} */ (element);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    return [...context.getImageData(2 * 17, 0, 16, 16).data].join();
  });
  assert.notEqual(neighbour, rerolled[1]);
  await lab.by('neighbour-2').click();
  await eventually(async () => (await pixels(grid, 1)) === neighbour);

  // Kept.
  await finished(20);
  await lab.by('touch-keep').click();
  await lab.by('touch-keep').getByText('Kept').waitFor();
  await lab.by('touch-close').click();
  for (const tile of [0, 2]) {
    await lab.by(`tile-${tile}`).click();
    await finished(20);
    await lab.by('touch-keep').click();
    await lab.by('touch-close').click();
  }
  await lab.by('tray-count').getByText('3 samples').waitFor();

  // The plane between the three: at a corner is what was kept.
  const pad = lab.by('noise-plane-pad');
  const fine = page.locator('[data-fine=true]').getByTestId('noise-plane-canvas');
  await pad.press('ArrowDown');
  await fine.waitFor();
  const middle = await pixels(fine);
  const box = await pad.boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.6);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.4, box.y + box.height * 0.8, { steps: 3 });
  await page.mouse.move(box.x - 30, box.y + box.height + 30, { steps: 3 });
  await page.mouse.up();
  assert.match((await pad.getAttribute('aria-valuetext')) ?? '', /100% of corner 2/);
  await eventually(async () => (await fine.count()) > 0 && (await pixels(fine)) === before[0]);
  assert.notEqual(middle, before[0]);
  await lab.ready();

  // Between two of them.
  for (const index of [0, 1]) {
    await lab.by('favourite').nth(index).click();
    await finished(20);
    await lab.by('touch-between').click();
  }
  await lab.by('edit-to-sample').waitFor();
  await lab.by('edit-between').fill('4');
  await lab.by('edit-between').blur();
  await lab.by('edit-run').click();
  const way = lab.by('edit-canvas').and(page.locator('[data-state=done][data-kind=between]'));
  await way.waitFor();
  await lab.ready();
  const [first, last] = await way.evaluate(async (element) => {
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const canvas = /** @type {HTMLCanvasElement} */ (element);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    return [0, 3].map((tile) => [...context.getImageData(tile * 17, 0, 16, 16).data].join());
  });
  assert.deepEqual([first, last], [neighbour, before[0]]);
  await lab.by('edit-to-seed').click();
  await lab.by('edit-to').waitFor();

  // Dragged to what is done now, and drawn on: by keyboard, and taken back.
  await lab.by('edit-kind-redraw').check({ force: true });
  const dataTransfer = await page.evaluateHandle(() => new DataTransfer());
  await lab.by('favourite').nth(2).dispatchEvent('dragstart', { dataTransfer });
  await lab.by('mask-canvas').dispatchEvent('dragover', { dataTransfer });
  await lab.by('mask-canvas').dispatchEvent('drop', { dataTransfer });
  await lab.by('edit-image').getByText('a sample').waitFor();
  const sheet = lab.by('mask-canvas');
  assert.equal(await pixels(sheet), before[2]);
  await lab.by('pen-red').click();
  await lab.by('edit-brush').fill('1');
  await sheet.focus();
  for (const key of ['ArrowUp', 'Space', 'ArrowRight', 'ArrowRight', 'Space']) {
    await page.keyboard.press(key);
  }
  await lab.by('edit-brush').focus();
  const changed = (await pixels(sheet)).split(',').flatMap((value, at, all) => {
    const was = before[2].split(',');
    return at % 4 === 0 && all.slice(at, at + 3).join() !== was.slice(at, at + 3).join()
      ? [all.slice(at, at + 3).join()]
      : [];
  });
  assert.deepEqual(changed, ['212,50,44', '212,50,44', '212,50,44']);
  await lab.by('sketch-undo').click();
  assert.equal(await pixels(sheet), before[2]);
  await lab.by('sketch-blank').click();
  const box2 = await sheet.boundingBox();
  assert.ok(box2);
  await page.mouse.click(box2.x + box2.width / 2, box2.y + box2.height / 2);
  await lab.by('edit-count').selectOption('1');
  await lab.by('edit-run').click();
  await lab.by('edit-canvas').and(page.locator('[data-state=done][data-kind=redraw]')).waitFor();
  await lab.ready();
  await lab.by('sketch-clear').click();
  assert.equal(await pixels(sheet), before[2]);
  assert.deepEqual(lab.errors, []);

  // What is kept outlives the tab, until it is let go.
  await page.reload();
  await lab.ready();
  await lab.by('tray-count').getByText('3 samples').waitFor();
  assert.equal(await pixels(lab.by('favourite').nth(1).locator('canvas')), before[0]);
  await lab.by('favourite-remove').first().click();
  await lab.by('tray-count').getByText('2 samples').waitFor();
  assert.equal(await pad.count(), 0);
  assert.deepEqual(lab.errors, []);
  await page.close();
});

// More from one model: between two seeds, from a picture, into a hole; by program and by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TINY, images, Site } from './lab.mjs';

const site = Site.forTests();

/**
 * What the JavaScript API gives on so many workers: the last frames of several runs.
 * @param {{ address: string, workers: number }} job
 */
async function edits({ address, workers }) {
  const { Lab } = await import(`${address}pkg/lab.js`);
  const config = {
    size: 16,
    'unet.block_out_channels': [8, 16],
    'unet.norm_num_groups': 4,
    num_train_timesteps: 100,
  };
  const lab = await Lab.create({ backend: 'flex', config, workers });
  const rgb = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => (i * 37) % 256);
  const init = { rgb, size: 16 };
  const mask = Uint8Array.from({ length: 256 }, (_, i) => Number(i % 16 < 8));
  const run = async (/** @type {any} */ options) => {
    const frames = [];
    for await (const frame of lab.sample({ steps: 6, ...options })) frames.push(frame);
    const [first] = frames;
    return { frames: frames.length, total: first.total, end: [...(frames.at(-1)?.x_t ?? [])] };
  };
  const refusal = async (/** @type {any} */ options) => {
    try {
      await run(options);
      return undefined;
    } catch (error) {
      const { code, message } = /** @type {any} */ (error);
      return { code, message };
    }
  };
  const canvas = new OffscreenCanvas(40, 30);
  canvas.getContext('2d')?.fillRect(0, 0, 20, 30);
  const file = await canvas.convertToBlob();
  const ddim = { sampler: 'ddim', count: 1 };
  const results = {
    rgb: [...rgb],
    from: await run({ ...ddim, seed: 3 }),
    to: await run({ ...ddim, seed: 5 }),
    between: await run({ ...ddim, seed: 3, interpolate: { to: 5 }, count: 5 }),
    redrawn: await run({ sampler: 'ddpm', init, strength: 0.5, count: 3 }),
    ofFile: await run({ sampler: 'heun', init: file, strength: 0.5, count: 1 }),
    filled: await run({ sampler: 'ddpm', init, mask, jump_length: 2, count: 3 }),
    refusals: [
      await refusal({ ...ddim, interpolate: { to: 1 } }),
      await refusal({ mask }),
      await refusal({ init }),
      await refusal({ init, mask, strength: 0.5 }),
      await refusal({ init, strength: 2 }),
      await refusal({ init, mask: new Uint8Array(256) }),
      await refusal({ init, mask: new Uint8Array(9).fill(1) }),
      await refusal({ init, mask, sampler: 'heun' }),
    ],
    after: await run({ ...ddim, seed: 3 }),
  };
  lab.dispose();
  return results;
}

test('programs edit on one worker as on two', async () => {
  const page = await site.blank();
  const one = await page.evaluate(edits, { address: site.address, workers: 1 });
  const tile = 16 * 16 * 3;
  assert.equal(one.between.end.length, 5 * tile);
  assert.deepEqual(one.between.end.slice(0, tile), one.from.end);
  assert.deepEqual(one.between.end.slice(4 * tile), one.to.end);
  assert.equal(one.redrawn.frames, 4);
  assert.equal(one.redrawn.total, 3);
  assert.equal(one.ofFile.frames, 4);
  // Jumps at 0 and 2 of 6 steps, each two back and two on again, twice.
  assert.equal(one.filled.total, 6 + 2 * 2 * 4);
  for (const [i, value] of one.filled.end.entries()) {
    const x = Math.floor(i / 3) % 16;
    if (x >= 8) assert.equal(value, one.rgb[i % tile], `byte ${i}`);
  }
  assert.notDeepEqual(one.filled.end.slice(0, tile), one.rgb);
  for (const refusal of one.refusals) {
    assert.match(refusal?.code ?? '', /^bad-(config|image)$/);
    assert.match(refusal?.message ?? '', /\.$/);
  }
  assert.deepEqual(one.after, one.from);

  const two = await page.evaluate(edits, { address: site.address, workers: 2 });
  assert.deepEqual(two, one);
  await page.close();
});

/**
 * @param {import('./lab.mjs').LabPage} lab
 * @param {string} kind
 */
async function run(lab, kind) {
  await lab.by('edit-run').click();
  await lab
    .by('edit-canvas')
    .and(lab.page.locator(`[data-state=done][data-kind=${kind}]`))
    .waitFor({ timeout: 120_000 });
  await lab.ready();
  return Number(await lab.by('edit-canvas').getAttribute('data-frames'));
}

/**
 * RGBA of a square of a canvas, once what was asked to be drawn is drawn.
 * @param {import('./lab.mjs').LabPage} lab
 * @param {string} name
 */
function pixels(lab, name) {
  return lab.by(name).evaluate(async (element) => {
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const canvas = /** @type {HTMLCanvasElement} */ (element);
    const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data;
    return { width: canvas.width, height: canvas.height, data: [...(data ?? [])] };
  });
}

test('a visitor walks between seeds, redraws and fills in', async () => {
  const lab = await site.open({ ...TINY, backend: 'flex', sampler: 'ddpm' });
  const choose = (/** @type {string} */ kind) => lab.by(`edit-kind-${kind}`).check({ force: true });

  await lab.by('edit-from').fill('3');
  await lab.by('edit-to').fill('5');
  await lab.by('edit-between').fill('5');
  await lab.by('edit-between').blur();
  assert.equal(await run(lab, 'between'), 7);
  const walked = await pixels(lab, 'edit-canvas');
  assert.equal(walked.width, 5 * 16 + 4);
  await lab.by('edit-scrub').fill('50');
  assert.match(await lab.text('edit-place'), /image 5 of 5/);

  await choose('redraw');
  await lab.by('edit-strength').fill('0.5');
  await lab.by('edit-count').selectOption('1');
  assert.equal(await run(lab, 'redraw'), 4);

  await choose('fill');
  assert.equal(await lab.by('edit-run').isEnabled(), false);
  assert.match(await lab.text('edit-missing'), /Paint/);
  const bare = await pixels(lab, 'mask-canvas');
  // By hand …
  const box = await lab.by('mask-canvas').boundingBox();
  assert.ok(box);
  await lab.page.mouse.move(box.x + box.width * 0.2, box.y + box.height * 0.5);
  await lab.page.mouse.down();
  await lab.page.mouse.move(box.x + box.width * 0.8, box.y + box.height * 0.5, { steps: 4 });
  await lab.page.mouse.up();
  assert.notDeepEqual(await pixels(lab, 'mask-canvas'), bare);
  assert.equal(await lab.by('edit-run').isEnabled(), true);
  await lab.by('mask-clear').click();
  assert.deepEqual(await pixels(lab, 'mask-canvas'), bare);
  // … and by keyboard.
  await lab.by('mask-left').focus();
  await lab.page.keyboard.press('Enter');
  // Six steps of the link, a jump length of one: five jumps, each back and on again, twice.
  const frames = await run(lab, 'fill');
  assert.equal(frames, 1 + 6 + 5 * 2 * 2);
  await lab.by('edit-scrub').fill(String(frames - 1));
  const filled = await pixels(lab, 'edit-canvas');
  const differences = { kept: 0, filled: 0 };
  for (let i = 0; i < filled.data.length; i++) {
    const kept = Math.floor(i / 4) % 16 >= 8;
    if (filled.data[i] !== bare.data[i]) differences[kept ? 'kept' : 'filled']++;
  }
  assert.equal(differences.kept, 0);
  assert.ok(differences.filled > 50);
  // The recordings of the others are still there.
  await choose('between');
  assert.equal((await pixels(lab, 'edit-canvas')).width, walked.width);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('a picture from a file, and a file that is none', async () => {
  const lab = await site.open({ ...TINY, backend: 'flex' });
  await lab.by('edit-kind-fill').check({ force: true });
  const before = await pixels(lab, 'mask-canvas');
  await lab.by('edit-file').setInputFiles(images('wide.jpg'));
  await lab.by('edit-image').getByText('wide.jpg').waitFor();
  const chosen = await pixels(lab, 'mask-canvas');
  assert.notDeepEqual(chosen, before);
  await lab
    .by('edit-file')
    .setInputFiles({ name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
  await lab.by('message').waitFor();
  assert.match(await lab.messages(), /notes\.png/);
  assert.deepEqual(await pixels(lab, 'mask-canvas'), chosen);
  await lab.by('edit-next').click();
  assert.match(await lab.text('edit-image'), /image 1 of/);
  await lab.page.close();
});

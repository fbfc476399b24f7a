// What the page finds out about a model: the optimal loss, the bound, and copies.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OptimalLoss } from '../../web/element/optimal-loss.js';
import { Site, TINY, images } from './lab.mjs';

const folder = fileURLToPath(new URL('../../target/screenshots/', import.meta.url));

const site = Site.forTests();

before(async () => {
  await mkdir(folder, { recursive: true });
});

/**
 * Waits for a number in the page, and gives it.
 * @param {import('./lab.mjs').LabPage} lab
 * @param {string} name
 */
async function number(lab, name) {
  await lab.by(name).and(lab.page.getByText(/\d/)).waitFor();
  return Number.parseFloat(await lab.text(name));
}

/** @param {import('./lab.mjs').LabPage} lab */
async function copies(lab) {
  await lab.page.locator('[data-testid=nearest]:not(.stale)').waitFor();
  const { copies, of, text } = await lab
    .by('copy-count')
    .evaluate(({ dataset, textContent }) => ({ ...dataset, text: textContent ?? '' }));
  assert.ok(text.trim().startsWith(`${copies} of ${of} `), text);
  return { count: Number(copies), of: Number(of) };
}

test('training shows the bound, the optimal loss and the share of copies', async () => {
  const settings = { ...TINY, backend: 'flex', train_steps: 400, theme: 'light' };
  const lab = await site.open(settings);
  await lab.train();
  const optimal = await number(lab, 'optimal-loss');
  assert.ok(optimal >= 0 && optimal < (await number(lab, 'loss')), `optimal loss ${optimal}`);

  await lab.by('total-bpd').scrollIntoViewIfNeeded();
  const terms = [];
  for (const name of ['decoder-bpd', 'kl-bpd', 'prior-bpd']) terms.push(await number(lab, name));
  const total = await number(lab, 'total-bpd');
  assert.ok(
    Math.abs(terms.reduce((sum, term) => sum + term, 0) - total) < 0.03,
    `${terms} ${total}`,
  );
  // A uniform distribution over the 256 levels of a pixel costs 8 bits.
  assert.ok(total > 0 && total < 8, `total ${total}`);
  await lab.by('copies').and(lab.page.getByText(/%/)).waitFor();

  // An image that the model has never seen.
  await lab.by('bound-file').setInputFiles(images('square.png'));
  await lab.page.getByText('not in training').waitFor();
  await number(lab, 'total-bpd');
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('the ideal denoiser draws copies before any training, and says so', async () => {
  const settings = { ...TINY, backend: 'flex', steps: 30, sampler: 'ddim' };
  const lab = await site.open(settings);
  await lab.by('sample').scrollIntoViewIfNeeded();
  await lab.sample();
  const untrained = await copies(lab);
  assert.deepEqual(untrained, { count: 0, of: TINY.count });

  await lab.by('sample-ideal').check();
  await lab.ready();
  await lab.sample();
  assert.deepEqual(await copies(lab), { count: TINY.count, of: TINY.count });
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('the optimal loss is measured anew for whoever is given labels', () => {
  const images = /** @type {[]} */ ([]);
  const key = (/** @type {number | null} */ classes, /** @type {number} */ class_dropout_prob) => {
    const config = { unet: { num_class_embeds: classes }, training: { class_dropout_prob } };
    return String(OptimalLoss.key(/** @type {any} */ ({ images, config }))[1]);
  };
  assert.equal(key(3, 0.1), key(3, 0.1));
  assert.equal(new Set([key(null, 0.1), key(3, 0.1), key(4, 0.1), key(3, 0.5)]).size, 4);
});

/**
 * Measures through the API in the middle of training.
 * @param {{ address: string, backend: string, workers: number }} job
 */
async function measure({ address, backend, workers }) {
  const { Lab } = await import(`${address}pkg/lab.js`);
  const config = {
    size: 16,
    'unet.block_out_channels': [8, 16],
    'unet.norm_num_groups': 4,
    batch_size: 4,
    num_train_timesteps: 100,
  };
  const lab = await Lab.create({ backend, config, workers });
  const rgb = (/** @type {number} */ image) =>
    Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => (i * 37 * (image + 1)) % 256);
  const set = [0, 1, 2].map((image) => ({ name: `${image}`, rgb: rgb(image), size: 16 }));
  lab.setImages(set);
  const optimal = [];
  const bound = [];
  const losses = [];
  const parts = lab.elbo({ image: 1, timesteps: 10 });
  for await (const report of lab.train({ steps: 4, sliceMs: 1 })) {
    losses.push(...report.losses);
    bound.push((await parts.next()).value);
  }
  for await (const part of parts) bound.push(part);
  for await (const part of lab.optimalLoss({ timesteps: 8 })) optimal.push(part);
  const nearest = [];
  for await (const found of lab.nearest({ x_t: rgb(2), count: 1, size: 16 })) nearest.push(found);
  const outside = [];
  for await (const part of lab.elbo({ image: set[0], timesteps: 4 })) outside.push(part.total_bpd);
  const inside = [];
  for await (const part of lab.elbo({ image: 0, timesteps: 4 })) inside.push(part.total_bpd);
  const step = lab.step;
  lab.dispose();
  return { optimal, bound, losses, nearest, outside, inside, step };
}

test('measuring leaves training as it is, on one worker, on two, and on WebGPU', async () => {
  const page = await site.blank();
  const run = (/** @type {string} */ backend, /** @type {number} */ workers) =>
    page.evaluate(measure, { address: site.address, backend, workers });
  const one = await run('flex', 1);
  const two = await run('flex', 2);
  const gpu = await run('webgpu', 1);
  for (const other of [two, gpu]) {
    assert.equal(other.step, 4);
    for (const [step, loss] of one.losses.entries()) {
      assert.ok(Math.abs(other.losses[step] - loss) < 2e-4, `step ${step}`);
    }
    const totals = [one, other].map(({ bound }) => bound.at(-1)?.total_bpd);
    assert.ok(Math.abs(totals[0] / totals[1] - 1) < 1e-3, `bound ${totals}`);
    const means = [one, other].map(({ optimal }) => optimal.at(-1)?.mean);
    assert.ok(Math.abs(means[0] / means[1] - 1) < 1e-3, `optimal loss ${means}`);
    assert.deepEqual(other.nearest, one.nearest);
  }
  assert.equal(one.bound.length, 10);
  assert.equal(one.bound.at(-1)?.left, 0);
  assert.equal(
    one.bound.reduce((sum, { width }) => sum + width, 0),
    100,
  );
  assert.equal(one.optimal.length, 8);
  assert.deepEqual(one.inside, one.outside);
  const [{ index, copy, ratio }] = one.nearest;
  assert.deepEqual({ index, copy, ratio }, { index: 2, copy: true, ratio: 0 });
  await page.close();
});

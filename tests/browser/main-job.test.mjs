// The main job, end to end, on every backend: files in, training, samples out, save, reload, load.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { ALL_IMAGES, TINY, Site } from './lab.mjs';

/** The mean loss of the last ten of 30 steps is below this share of that of the first five. */
const LOSS_FACTOR = 0.8;

// The loss of ε falls from 1 whatever the images; that of v is not so plain after 30 steps.
const SETTINGS = { ...TINY, prediction_type: 'epsilon' };

const mean = (/** @type {number[]} */ values) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const site = Site.forTests();

for (const backend of ['flex', 'candle', 'webgpu']) {
  describe(backend, () => {
    test('trains on real files, samples, saves, and samples the same after a reload', async () => {
      const lab = await site.open({ ...SETTINGS, backend });
      await lab.replaceImages(ALL_IMAGES);
      assert.equal(await lab.by('thumb').count(), ALL_IMAGES.length);
      assert.equal(await lab.by('backend').inputValue(), backend);

      await lab.sample();
      const untrained = await lab.pixels();
      await lab.recordLosses();
      await lab.train();
      assert.equal(await lab.text('step'), '30');
      const losses = await lab.losses();
      assert.equal(losses.length, 30);
      assert.ok(
        mean(losses.slice(-10)) < LOSS_FACTOR * mean(losses.slice(0, 5)),
        `losses ${losses}`,
      );

      // One frame for x_T and one for each step.
      assert.equal(await lab.sample(), TINY.steps + 1);
      const sampled = await lab.pixels();
      assert.notEqual(sampled, untrained);

      const file = await lab.save();
      assert.deepEqual(lab.errors, []);
      await lab.page.close();

      const fresh = await site.open({ ...SETTINGS, backend });
      await fresh.load('model.safetensors', await readFile(file));
      await fresh.page.getByText(/Loaded model\.safetensors/).waitFor();
      await fresh.ready();
      assert.equal(await fresh.text('step'), '30');
      await fresh.sample();
      assert.equal(await fresh.pixels(), sampled);
      assert.deepEqual(fresh.errors, []);
      await fresh.page.close();
    });
  });
}

// What may happen to the lab while it is on a page: other links, other places, crashes, haste.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ALL_IMAGES, eventually, images, recordWorkers, Site, TINY } from './lab.mjs';

const SETTINGS = { ...TINY, backend: 'flex' };
const PANELS = ['data', 'forward', 'train', 'diagnostics', 'sample', 'edit', 'runs'];

const site = Site.forTests();

test('another link in the address bar begins anew, with nothing of the old one', async () => {
  const lab = await site.open({ ...SETTINGS, sampler: 'ddim' });
  assert.deepEqual(await lab.panels(), PANELS);
  await lab.page.evaluate(() => (location.hash = '#dataset=sprites&backend=flex&sample_seed=5'));
  await eventually(async () => (await lab.text('image-count')) === '256 images');
  await lab.ready();
  await eventually(async () => (await lab.panels()).length === PANELS.length);
  assert.equal(await lab.by('sample-seed').inputValue(), '5');
  assert.ok(await lab.by('sampler-dpmpp2m').isChecked());
  // The model of the set, of its own size.
  assert.equal(await lab.text('parameters'), '1.05 M');
  assert.ok((await lab.sample()) > 1);
  assert.match(lab.page.url(), /dataset=sprites/);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

/** Takes the element off its page for a moment. @param {import('./lab.mjs').LabPage} lab */
async function replaced(lab) {
  await lab.page.evaluate(async () => {
    const element = /** @type {HTMLElement} */ (document.querySelector('unnoise-lab'));
    const { parentElement } = element;
    element.remove();
    await new Promise((resolve) => setTimeout(resolve, 100));
    parentElement?.append(element);
  });
  await lab.ready();
}

test('a lab that is taken off the page and put back works again', async () => {
  const lab = await site.open(SETTINGS);
  await replaced(lab);
  await eventually(async () => (await lab.panels()).length === PANELS.length);
  assert.equal(await lab.sample(), TINY.steps + 1);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();

  // Without anything asked for, a set brings its own size and model, as it did before.
  const plain = await site.open({ backend: 'flex' });
  await replaced(plain);
  await plain.by('set-sprites').click();
  await eventually(async () => (await plain.text('image-count')) === '256 images');
  await plain.ready();
  assert.equal(await plain.text('step'), '3,000');
  assert.deepEqual(plain.errors, []);
  await plain.page.close();
});

test('the last run is resumed with its images, whatever was done before', async () => {
  const lab = await site.open(SETTINGS);
  await lab.replaceImages(ALL_IMAGES);
  await lab.train();
  await lab.sample();
  const drawn = await lab.pixels();
  await lab.page.close();

  for (const visit of ['second', 'third']) {
    const later = await site.open({ ...SETTINGS, train_steps: 100_000 });
    await later.replaceImages(images('square.png'));
    // Another run that has not come far yet is let go.
    await later.by('train').click();
    await later.by('pause').waitFor();
    await later.by('resume-run').click();
    await eventually(async () => (await later.text('step')) === '30');
    assert.equal(await later.by('thumb').count(), ALL_IMAGES.length, visit);
    await later.sample();
    assert.equal(await later.pixels(), drawn, visit);
    assert.deepEqual(later.errors, []);
    await later.page.close();
  }
});

test('after a crash the model is back', async () => {
  await site.context.addInitScript(recordWorkers);
  const lab = await site.open(SETTINGS);
  await lab.train();
  await lab.sample();
  const drawn = await lab.pixels();
  await lab.page.evaluate(() => {
    const { workers } = /** @type {any} */ (window);
    workers[0].onerror(new ErrorEvent('error', { message: 'out of memory' }));
  });
  await lab.page.getByText(/The worker crashed \(out of memory\).* model of step 30/).waitFor();
  await lab.ready();
  assert.equal(await lab.text('step'), '30');
  await lab.sample();
  assert.equal(await lab.pixels(), drawn);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

/**
 * A checkpoint whose next step overflows: its raw weights are as large as numbers get.
 * @param {Buffer} bytes
 */
function overflowing(bytes) {
  const start = 8 + Number(bytes.readBigUInt64LE());
  for (const [name, tensor] of Object.entries(JSON.parse(bytes.subarray(8, start).toString()))) {
    if (!name.startsWith('raw.')) continue;
    const [from, to] = tensor.data_offsets;
    for (let at = start + from; at < start + to; at += 4) bytes.writeFloatLE(3e38, at);
  }
  return bytes;
}

test('a run that has diverged can be begun anew', async () => {
  const lab = await site.open(SETTINGS);
  await lab.train();
  const buffer = overflowing(await readFile(await lab.save()));
  await lab.load('m.safetensors', buffer);
  await lab.page.getByText('Loaded m.safetensors').waitFor();
  await lab.ready();
  await lab.by('train').click();
  await lab.page.getByText('training has diverged').waitFor();
  await lab.by('reset').click();
  await eventually(async () => (await lab.text('step')) === '0');
  assert.equal(await lab.page.getByText('does not let the page keep').count(), 0);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('what is done in haste is done one after the other', async () => {
  const lab = await site.open(SETTINGS);
  await lab.train();
  const model = [...(await readFile(await lab.save()))];
  const counts = await lab.page.evaluate(async (bytes) => {
    const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    const { imageSet: data, lab } = session;
    const model = Uint8Array.from(bytes);
    // Two drops, each of an image.
    const canvas = new OffscreenCanvas(16, 16);
    canvas.getContext('2d');
    const file = new File([await canvas.convertToBlob()], 'black.png', { type: 'image/png' });
    const before = data.images.length;
    await data.clear();
    await Promise.all([data.add([{ path: 'a', file }]), data.add([{ path: 'b', file }])]);
    const added = data.images.length;
    // Start, pressed twice after a change of the settings.
    const twice = [session.set('batch_size', 2), session.train(), session.train()];
    await Promise.all(twice);
    const trained = lab.step;
    // A model that comes while a run is beginning.
    session.setContinues(false);
    const run = session.train();
    await session.loadModel(model, 'file');
    await run;
    return { before, added, trained, loaded: lab.step, batch: lab.config.training.batch_size };
  }, model);
  assert.ok(counts.before > 2);
  assert.deepEqual(counts, { before: counts.before, added: 2, trained: 30, loaded: 30, batch: 4 });
  await lab.ready();
  assert.equal(await lab.by('message').getByText('freed').count(), 0);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('attributes stay what the page says, and an event brings the settings', async () => {
  const lab = await site.open(SETTINGS);
  const ask = (/** @type {object} */ properties) =>
    lab.page.evaluate(async (properties) => {
      const element = /** @type {any} */ (document.querySelector('unnoise-lab'));
      const event = new Promise((resolve) =>
        element.addEventListener(
          'unnoise-settings',
          (/** @type {CustomEvent} */ { detail }) => resolve(detail),
          { once: true },
        ),
      );
      Object.assign(element, properties);
      const attributes = ['dataset', 'sampler', 'steps', 'size'].map((name) =>
        element.getAttribute(name),
      );
      return { event: await event, settings: element.settings, attributes };
    }, properties);
  const { event, settings, attributes } = await ask({ sampler: 'ddim', steps: 7 });
  assert.deepEqual(event, settings);
  assert.deepEqual(
    { ...settings, dataset: null },
    {
      mode: 'lab',
      dataset: null,
      size: 16,
      backend: 'flex',
      sampler: 'ddim',
      steps: 7,
      seed: 0,
    },
  );
  assert.deepEqual(attributes, [null, null, null, null]);
  assert.equal(await lab.by('sample-steps').inputValue(), '7');
  // What is asked for once more counts, after a visitor chose something else.
  await lab.by('sampler-heun').check({ force: true });
  assert.equal((await ask({ sampler: 'ddim' })).settings.sampler, 'ddim');
  assert.ok(await lab.by('sampler-ddim').isChecked());
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

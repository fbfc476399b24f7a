// The wasm builds: which one a browser gets, and that they compute the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TINY, images, launch, LabPage, Site } from './lab.mjs';

/** As between backends: a fused multiply-add rounds once less. */
const TOLERANCE = 2e-4;

const CONFIG = {
  size: 16,
  'unet.block_out_channels': [8, 16],
  'unet.norm_num_groups': 4,
  batch_size: 4,
  lr_warmup_steps: 5,
  num_train_timesteps: 100,
};

const site = Site.forTests();

/**
 * Ten losses, the folder of the wasm that was fetched, and what was said of compiling.
 * @param {{ backend: string, relaxed: boolean }} options
 */
async function train({ backend, relaxed }) {
  const page = await site.context.newPage();
  if (!relaxed) {
    // What a browser without relaxed SIMD says of a module that uses it.
    await page.addInitScript(() => (WebAssembly.validate = () => false));
  }
  const folders = /** @type {string[]} */ ([]);
  page.on('request', (request) => {
    const folder = /pkg\/([^/]+)\/unnoise_bg\.wasm$/.exec(request.url());
    if (folder) folders.push(folder[1]);
  });
  await page.goto(`${site.address}README.md`);
  const job = { address: site.address, backend, config: CONFIG };
  const result = await page.evaluate(async ({ address, backend, config }) => {
    const { Lab } = await import(`${address}pkg/lab.js`);
    const lab = await Lab.create({ backend, config, workers: 1 });
    const compiling = /** @type {{ done: number, total: number }[]} */ ([]);
    lab.addEventListener('compiling', (/** @type {any} */ { detail }) => compiling.push(detail));
    const rgb = Uint8ClampedArray.from({ length: 16 * 16 * 3 }, (_, i) => (i * 37) % 256);
    lab.setImages([{ rgb, size: 16 }]);
    const losses = /** @type {number[]} */ ([]);
    for await (const report of lab.train({ steps: 10 })) losses.push(...report.losses);
    return { losses, compiling, left: lab.compiling };
  }, job);
  await page.close();
  return { ...result, folders };
}

test('a browser gets the fastest build that it can run, and both compute the same', async () => {
  const relaxed = await train({ backend: 'flex', relaxed: true });
  const plain = await train({ backend: 'flex', relaxed: false });
  assert.deepEqual(relaxed.folders, ['cpu-relaxed']);
  assert.deepEqual(plain.folders, ['cpu']);
  assert.equal(plain.losses.length, 10);
  for (const [step, loss] of plain.losses.entries()) {
    assert.ok(Math.abs(loss - relaxed.losses[step]) < TOLERANCE, `step ${step}`);
  }
  assert.deepEqual(relaxed.compiling, []);
});

test("the GPU's programs are counted while they are compiled", async () => {
  const { folders, compiling, left } = await train({ backend: 'webgpu', relaxed: true });
  assert.deepEqual(folders, ['gpu']);
  assert.ok(compiling.length > 40, `${compiling.length} events`);
  assert.ok(compiling.some(({ done, total }) => done > 0 && done < total));
  for (const { done, total } of compiling) assert.ok(done <= total);
  const last = compiling[compiling.length - 1];
  assert.equal(last.done, last.total);
  assert.equal(left, undefined);
});

test('the page says that it prepares the GPU', async (t) => {
  // Of its own, since a browser keeps what it has compiled.
  const context = await launch();
  t.after(() => context.close());
  const settings = { ...TINY, backend: 'webgpu', train_steps: 2 };
  const lab = await LabPage.open(context, site.address, settings);
  await lab.addImages(images('square.png'));
  await lab.by('train').click();
  await lab.by('preparing').waitFor();
  assert.equal(await lab.by('compiling').count(), 1);
  assert.match(await lab.text('status'), /Preparing the GPU/);
  await lab.by('train').waitFor({ timeout: 240_000 });
  // What is drawn after training may have programs of its own.
  await lab.by('compiling').waitFor({ state: 'detached', timeout: 60_000 });
  assert.deepEqual(lab.errors, []);
});

// GPUs that lack what is optional, and GPUs that compute wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beforeWorkers, LabPage, Site, TINY } from './lab.mjs';
import { assertAgree, TINIEST, train } from './programs.mjs';

/** With attention, whose kernels are burn's own, and little else: kernels take long to compile. */
const CONFIG = { ...TINIEST, 'unet.block_out_channels': [8], 'unet.add_attention': true };

/** Without attention, whose networks stay f32 anyway. */
const HALF = { ...CONFIG, 'unet.add_attention': false, mixed_precision: 'fp16' };

const site = Site.forTests();

/**
 * @param {import('playwright-core').Page} page of the server's
 * @param {string} backend
 * @param {{ config?: object, steps?: number }} [options]
 */
const trainOn = (page, backend, { config = CONFIG, steps = 2 } = {}) =>
  page.evaluate(train, { address: site.address, backend, config, steps });

/**
 * An adapter that has nothing but what WebGPU guarantees, and does not say that it is an emulator,
 * so that it gets the kernels of real GPUs.
 */
function hideFeatures() {
  const { GPUAdapter, GPUAdapterInfo, GPUDevice } = /** @type {any} */ (globalThis);
  const adapter = GPUAdapter.prototype;
  Object.defineProperty(adapter, 'features', { configurable: true, get: () => new Set() });
  for (const name of ['vendor', 'architecture', 'device', 'description']) {
    Object.defineProperty(GPUAdapterInfo.prototype, name, { get: () => '' });
  }
  const { requestDevice } = adapter;
  adapter.requestDevice = function (/** @type {any} */ descriptor) {
    const asked = [...(descriptor?.requiredFeatures ?? [])];
    if (asked.length > 0) throw new TypeError(`There is no ${asked}.`);
    return requestDevice.call(this, descriptor);
  };
  GPUDevice.prototype.createQuerySet = () => {
    throw new TypeError('There is no timestamp-query.');
  };
}

/** A driver that forgets what it was asked to compute. */
function forgetDispatches() {
  const { GPUComputePassEncoder } = /** @type {any} */ (globalThis);
  GPUComputePassEncoder.prototype.dispatchWorkgroups = () => {};
}

test('a GPU without any optional feature computes what the CPU does', async (t) => {
  const page = await site.blank();
  await beforeWorkers(page, hideFeatures);
  const gpu = await trainOn(page, 'webgpu');
  const cpu = await trainOn(page, 'flex');
  await page.close();
  t.diagnostic(`tiled kernels tested in ${gpu.selfTest.milliseconds.toFixed()} ms`);
  assert.equal(gpu.backend, 'webgpu');
  assert.equal(gpu.selfTest.passed, true);
  assert.deepEqual(gpu.selfTest.failed, []);
  assertAgree(gpu.losses, cpu.losses);
  assert.equal(cpu.selfTest, undefined);
});

test('half precision is left out where the GPU lacks it', async () => {
  const page = await site.blank();
  await beforeWorkers(page, hideFeatures);
  const gpu = await trainOn(page, 'webgpu', { config: HALF, steps: 1 });
  const cpu = await trainOn(page, 'flex', { config: HALF, steps: 1 });
  await page.close();
  assert.equal(gpu.backend, 'webgpu');
  assertAgree(gpu.losses, cpu.losses);
});

test('a GPU is tested once a page', async (t) => {
  const page = await site.blank();
  const { selfTest } = await trainOn(page, 'webgpu', { steps: 0 });
  t.diagnostic(`tested in ${selfTest.milliseconds.toFixed()} ms`);
  assert.equal(selfTest.passed, true);
  // Down to the time that it took.
  assert.deepEqual((await trainOn(page, 'webgpu', { steps: 0 })).selfTest, selfTest);
  await page.close();
});

test('on a GPU that computes wrong the CPU computes', async () => {
  const page = await site.blank();
  await beforeWorkers(page, forgetDispatches);
  const { backend, losses, selfTest, backendReason } = await trainOn(page, 'webgpu');
  const cpu = await trainOn(page, 'flex');
  assert.equal(backend, 'flex');
  assert.equal(selfTest.passed, false);
  assert.equal(selfTest.failed.length, 8);
  assert.match(backendReason, /failed its test .*group norm.* \d+ ms\).* CPU computes.* update/s);
  assertAgree(losses, cpu.losses);

  const lab = new LabPage(page);
  await lab.goto(site.address, { ...TINY, backend: 'webgpu' });
  assert.equal(await lab.by('backend').inputValue(), 'flex');
  assert.match(await lab.messages(), /failed its test/);
  assert.match(await lab.text('device-facts'), /failed its test .*group norm/);
  assert.deepEqual(lab.errors, []);
  await page.close();
});

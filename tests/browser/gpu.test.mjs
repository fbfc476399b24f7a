// GPUs that lack what is optional.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beforeWorkers, Site } from './lab.mjs';
import { assertAgree, TINIEST, train } from './programs.mjs';

/** With attention, whose kernels are burn's own, and little else: kernels take long to compile. */
const CONFIG = { ...TINIEST, 'unet.block_out_channels': [8], 'unet.add_attention': true };

const site = Site.forTests();

/**
 * @param {import('playwright-core').Page} page of the server's
 * @param {string} backend
 */
const trainOn = (page, backend) =>
  page.evaluate(train, { address: site.address, backend, config: CONFIG, steps: 2 });

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

test('a GPU without any optional feature computes what the CPU does', async () => {
  const page = await site.blank();
  await beforeWorkers(page, hideFeatures);
  const gpu = await trainOn(page, 'webgpu');
  const cpu = await trainOn(page, 'flex');
  await page.close();
  assert.equal(gpu.backend, 'webgpu');
  assertAgree(gpu.losses, cpu.losses);
});

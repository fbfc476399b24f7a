// A GPU pays for every dispatch and every upload, however small: a step must not take more of them
// than it has to.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Site } from './lab.mjs';
import { computeNothing } from './programs.mjs';

const LIMITS = { training: 148, denoising: 57, uploads: 1 };

const site = Site.forTests();
/** @type {import('playwright-core').Page} */
let page;

before(async () => {
  page = await site.blank();
  await page.evaluate(computeNothing);
});

/**
 * The dispatches of a training step and of a denoising step of the default network, and the uploads
 * of the former.
 * @param {string} address
 */
async function count(address) {
  let dispatches = 0;
  let uploads = 0;
  const UNIFORM = 0x40;
  const queue = /** @type {any} */ (globalThis).GPUQueue.prototype;
  const { writeBuffer } = queue;
  queue.writeBuffer = function (/** @type {any[]} */ ...args) {
    // Sizes that burn gives a launch of its own are parameters of the launch.
    if (!(args[0].usage & UNIFORM)) uploads++;
    return writeBuffer.apply(this, args);
  };
  const encoder = /** @type {any} */ (globalThis).GPUComputePassEncoder.prototype;
  for (const name of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect']) {
    const original = encoder[name];
    encoder[name] = function (/** @type {number[]} */ ...args) {
      dispatches++;
      return original.apply(this, args);
    };
  }
  const { default: init, Engine } = await import(`${address}pkg/gpu/unnoise.js`);
  await init();
  // The number of dispatches does not depend on the batch.
  const engine = await Engine.create('webgpu', Engine.defaultConfig(32, 2));
  engine.setImages(new Uint8Array(2 * 32 * 32 * 3).fill(99), 2, 32);
  const counted = async (/** @type {() => Promise<unknown>} */ run) => {
    const start = dispatches;
    await run();
    return dispatches - start;
  };
  // The first steps also prepare what the others find: the second has one buffer for all gradients.
  const training = () => engine.train(0, 1);
  await training();
  await training();
  const uploadsBefore = uploads;
  const inTraining = await counted(training);
  const inUploads = uploads - uploadsBefore;
  const sampling = engine.sample(JSON.stringify({ sampler: 'ddim', steps: 10, count: 2 }));
  const denoising = () => sampling.next();
  // x_T is a frame, but no step.
  await denoising();
  await denoising();
  return { training: inTraining, denoising: await counted(denoising), uploads: inUploads };
}

test('steps of the default network take few dispatches', async (t) => {
  const { training, denoising, uploads } = await page.evaluate(count, site.address);
  t.diagnostic(`${training} dispatches a training step, ${denoising} a denoising step`);
  t.diagnostic(`${uploads} uploads a training step`);
  assert.ok(training <= LIMITS.training, `${training} dispatches a training step`);
  assert.ok(denoising <= LIMITS.denoising, `${denoising} dispatches a denoising step`);
  assert.ok(uploads <= LIMITS.uploads, `${uploads} uploads a training step`);
});

// Whoever trains for an hour must not run out of memory: once the queue has its length no more is
// taken.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Site } from './lab.mjs';
import { computeNothing } from './programs.mjs';

/** More show a smaller leak; `docs/benchmarks.md` says what 5,000 showed. */
const STEPS = Number(process.env.MEMORY_STEPS ?? 300);

const site = Site.forTests();

/**
 * Bytes that a small network holds after the first steps and after `steps` more.
 * @param {{ address: string, family: string, backend: string, steps: number }} job
 */
async function measure({ address, family, backend, steps }) {
  const { GPUDevice, GPUBuffer } = /** @type {any} */ (globalThis);
  let gpuBytes = 0;
  /** @type {WeakMap<object, number>} */
  const alive = new WeakMap();
  if (GPUDevice) {
    const { createBuffer } = GPUDevice.prototype;
    GPUDevice.prototype.createBuffer = function (/** @type {any} */ descriptor) {
      const buffer = createBuffer.call(this, descriptor);
      alive.set(buffer, buffer.size);
      gpuBytes += buffer.size;
      return buffer;
    };
    const { destroy } = GPUBuffer.prototype;
    GPUBuffer.prototype.destroy = function () {
      gpuBytes -= alive.get(this) ?? 0;
      alive.delete(this);
      destroy.call(this);
    };
  }
  const { default: init, Engine } = await import(`${address}pkg/${family}/unnoise.js`);
  const { memory } = await init();
  const config = JSON.parse(Engine.defaultConfig(8, 4));
  config.unet.block_out_channels = [8, 16];
  config.unet.down_block_types = ['DownBlock2D', 'DownBlock2D'];
  config.unet.up_block_types = ['UpBlock2D', 'UpBlock2D'];
  config.unet.norm_num_groups = 4;
  config.training.batch_size = 2;
  const engine = await Engine.create(backend, JSON.stringify(config));
  engine.setImages(new Uint8Array(4 * 8 * 8 * 3).fill(99), 4, 8);
  const bytes = () => ({ wasm: memory.buffer.byteLength, gpu: gpuBytes });
  const train = async (/** @type {number} */ count) => {
    const end = engine.step() + count;
    while (engine.step() < end) await engine.train(1000, end - engine.step());
  };
  // How many steps are queued at a time is found out by and by, and with it how many buffers are in
  // use.
  await train(700);
  const early = bytes();
  await train(steps);
  return { early, late: bytes() };
}

for (const [family, backend] of [
  ['cpu-relaxed', 'flex'],
  ['gpu', 'webgpu'],
]) {
  test(`memory stays what it is on ${backend}`, async (t) => {
    const page = await site.blank();
    if (backend === 'webgpu') await page.evaluate(computeNothing);
    const job = { address: site.address, family, backend, steps: STEPS };
    const { early, late } = await page.evaluate(measure, job);
    t.diagnostic(`${STEPS} steps: ${JSON.stringify(early)} to ${JSON.stringify(late)}`);
    assert.ok(early.wasm > 0);
    assert.ok(backend === 'flex' || early.gpu > 0);
    assert.equal(late.wasm, early.wasm);
    // A step that kept a single buffer would take a tenth more by now.
    assert.ok(late.gpu <= 1.05 * early.gpu, `${early.gpu} bytes of buffers became ${late.gpu}`);
  });
}

/** Of what is said before training. */
const TOLERANCE = 0.15;

for (const [size, widths, batch] of /** @type {[number, number[], number][]} */ ([
  [16, [16, 32, 32], 1],
  [16, [16, 32, 32], 32],
  [32, [32, 64, 64], 4],
  [64, [16, 32, 32], 4],
])) {
  test(`training takes as much memory as is said, ${size} × ${size}, ${widths}, batch ${batch}`, async (t) => {
    /** @type {any} */ (globalThis).self ??= globalThis;
    const folder = new URL('../../pkg/cpu/', import.meta.url);
    // Memory of WebAssembly only grows: each has its own.
    const { initSync, Engine } = await import(`${folder}unnoise.js?${size}-${batch}`);
    const { memory } = initSync({ module: await readFile(new URL('unnoise_bg.wasm', folder)) });
    const config = JSON.parse(Engine.defaultConfig(size, 4));
    config.unet.block_out_channels = widths;
    config.training.batch_size = batch;
    const before = memory.buffer.byteLength;
    const engine = await Engine.create('flex', JSON.stringify(config));
    engine.setImages(new Uint8Array(4 * size * size * 3).fill(99), 4, size);
    for (let step = 0; step < 2; step++) await engine.train(0, 1);
    const measured = memory.buffer.byteLength - before;
    const said = Engine.memory(JSON.stringify(config));
    t.diagnostic(`${measured} bytes, and ${said} were said`);
    assert.ok(Math.abs(said / measured - 1) < TOLERANCE, `${measured}, not ${said}`);
  });
}

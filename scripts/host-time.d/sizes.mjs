// sizes.mjs DAWN PKG: what training steps of many sizes take of WebGPU, on a device of Dawn that
// does nothing and has the limits that WebGPU guarantees: bytes of buffers, the largest binding,
// the most workgroups of a dimension, launches; or why there is none. Prints a JSON object per
// line.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { becomeWorker } from '../gpu-check.d/worker.mjs';

const WIDTHS = [
  [32, 64, 64],
  [64, 128, 128],
  [128, 256, 256],
  [256, 256, 256],
];
const jobs = [32, 64, 128].flatMap((size) =>
  WIDTHS.flatMap((widths) => [16, 64, 256].map((batch) => ({ size, widths, batch }))),
);

const [dawn, pkg] = process.argv.slice(2);
becomeWorker(dawn, ['backend=null']);

/**
 * Replaces a method: Dawn's device that does nothing has 512 MiB, so buffers are made small and never used.
 * Those that are read by the host stay as they are.
 */
function replace(prototype, method, run) {
  const original = prototype[method];
  prototype[method] = function (...args) {
    return run(original.bind(this), ...args);
  };
}
const MAP_READ = 1;
let [buffers, binding, workgroups, launches] = [0, 0, 0, 0];
const { GPUDevice, GPUQueue, GPUCommandEncoder, GPUComputePassEncoder } = globalThis;
replace(GPUDevice.prototype, 'createBuffer', (create, descriptor) => {
  buffers += descriptor.size;
  return create(descriptor.usage & MAP_READ ? descriptor : { ...descriptor, size: 4 });
});
replace(GPUDevice.prototype, 'createBindGroup', (_, { entries }) => {
  binding = Math.max(binding, ...entries.map(({ resource }) => resource.size));
  return {};
});
replace(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', (_, ...counts) => {
  launches++;
  workgroups = Math.max(workgroups, ...counts);
});
replace(GPUComputePassEncoder.prototype, 'setBindGroup', () => {});
replace(GPUQueue.prototype, 'writeBuffer', () => {});
replace(GPUCommandEncoder.prototype, 'copyBufferToBuffer', () => {});

const { default: init, Engine } = await import(pathToFileURL(`${pkg}/unnoise.js`).href);
await init({ module_or_path: readFileSync(`${pkg}/unnoise_bg.wasm`) });
for (const { size, widths, batch } of jobs) {
  const config = JSON.parse(Engine.defaultConfig(size, 16));
  config.training.batch_size = batch;
  // Of three levels, as the default has.
  config.unet.block_out_channels = widths;
  const row = { size, widths, batch };
  try {
    // A new model gives back what the last one had.
    [buffers, binding, workgroups] = [0, 0, 0];
    const engine = await Engine.create('webgpu', JSON.stringify(config));
    engine.setImages(new Uint8Array(16 * size * size * 3), 16, size);
    await engine.train(0, 1);
    launches = 0;
    await engine.train(0, 1);
    Object.assign(row, { buffers, binding, workgroups, launches });
    engine.free();
  } catch (error) {
    row.refused = String(error?.message ?? error);
  }
  console.log(JSON.stringify(row));
}
// Dawn keeps a thread of its own.
process.exit(0);

// Trains and denoises in Node through Dawn, which is Chrome's WebGPU: the compiler and the API that
// visitors have, without a browser.
//
//     node dawn.mjs WORK PKG JOBS       JOBS is JSON: [{ batch, precision, steps }]
//
// Prints a JSON object per line.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { becomeWorker } from './worker.mjs';

const SIZE = 32;
const [work, pkg, jobs] = process.argv.slice(2);
becomeWorker(`${work}/dawn.node`);

const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
const info = adapter?.info;
const name = info && [info.vendor, info.architecture, info.description].filter(Boolean).join(' ');

let dispatches = 0;
for (const method of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect']) {
  const prototype = globalThis.GPUComputePassEncoder.prototype;
  const original = prototype[method];
  prototype[method] = function (...args) {
    dispatches++;
    return original.apply(this, args);
  };
}

const { default: init, Engine } = await import(pathToFileURL(`${pkg}/unnoise.js`).href);
await init({ module_or_path: readFileSync(`${work}/unnoise_bg.wasm`) });

const milliseconds = async (run) => {
  const start = performance.now();
  const result = await run();
  return [performance.now() - start, result];
};
const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

for (const { batch, precision, steps } of JSON.parse(jobs)) {
  const config = JSON.parse(Engine.defaultConfig(SIZE, 16));
  config.training.batch_size = batch;
  config.training.mixed_precision = precision;
  const engine = await Engine.create('webgpu', JSON.stringify(config));
  const bytes = Uint8Array.from({ length: 16 * SIZE * SIZE * 3 }, (_, i) => (i * 37) % 256);
  engine.setImages(bytes, 16, SIZE);
  const [first] = await milliseconds(() => engine.train(0, 1));
  const before = dispatches;
  const losses = [(await engine.train(0, 1)).losses].flatMap((each) => [...each]);
  const inTraining = dispatches - before;
  // Enough for the engine to have learnt how many steps to queue.
  await engine.train(1e6, steps);
  const cpu = process.cpuUsage();
  const [training] = await milliseconds(() => engine.train(1e6, steps));
  const { user, system } = process.cpuUsage(cpu);
  const sampling = engine.sample(JSON.stringify({ sampler: 'ddim', steps: 1000, count: batch }));
  await sampling.next();
  await sampling.next();
  const start = dispatches;
  await sampling.next();
  const inDenoising = dispatches - start;
  const denoising = [];
  for (let i = 0; i < steps; i++) denoising.push((await milliseconds(() => sampling.next()))[0]);
  sampling.free();
  engine.free();
  console.log(
    JSON.stringify({
      adapter: name,
      batch,
      precision,
      first_ms: first,
      training_ms: training / steps,
      training_cpu_ms: (user + system) / 1000 / steps,
      denoising_ms: median(denoising),
      dispatches: { training: inTraining, denoising: inDenoising },
      losses,
    }),
  );
}
// Dawn keeps a thread of its own.
process.exit(0);

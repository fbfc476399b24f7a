#!/usr/bin/env node
/* global Worker */
// Times training and denoising steps of the default configuration in Chromium.
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { launch, serve } from '../tests/browser/lab.mjs';

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: '32' },
    steps: { type: 'string', default: '5' },
    'skip-plain': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log('usage: scripts/bench [--size 32] [--steps 5] [--skip-plain]');
  process.exit(0);
}

/** The builds to compare: folder under pkg/, backend, timed training and denoising steps. */
const SUBJECTS = [
  { name: 'flex', build: 'cpu', backend: 'flex', steps: Number(options.steps) },
  { name: 'candle', build: 'cpu', backend: 'candle', steps: Number(options.steps) },
  { name: 'WebGPU, our kernels', build: 'gpu', backend: 'webgpu', steps: Number(options.steps) },
  { name: 'WebGPU, plain burn', build: 'plain', backend: 'webgpu', steps: 1 },
];

const median = (/** @type {number[]} */ values) =>
  values.toSorted((a, b) => a - b)[values.length >> 1];

/**
 * Runs in a worker of the page, as the real page does.
 * @param {{ address: string, build: string, backend: string, size: number, steps: number }} job
 */
async function measure({ address, build, backend, size, steps }) {
  const source = `
    const job = ${JSON.stringify({ address, build, backend, size, steps })};
    let dispatches = 0;
    if (self.GPUComputePassEncoder) {
      for (const name of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect']) {
        const original = GPUComputePassEncoder.prototype[name];
        GPUComputePassEncoder.prototype[name] = function (...sizes) {
          dispatches++;
          return original.apply(this, sizes);
        };
      }
    }
    const timed = async (run) => {
      const [before, start] = [dispatches, performance.now()];
      await run();
      return { milliseconds: performance.now() - start, dispatches: dispatches - before };
    };
    const { default: init, Engine } = await import(job.address + 'pkg/' + job.build + '/unnoise.js');
    await init();
    const engine = await Engine.create(job.backend, Engine.defaultConfig(job.size, 16));
    const bytes = Uint8Array.from({ length: 16 * job.size ** 2 * 3 }, (_, i) => (i * 37) % 256);
    engine.setImages(bytes, 16, job.size);
    const first = await timed(() => engine.train(0, 1));
    const training = [];
    for (let i = 0; i < job.steps; i++) training.push(await timed(() => engine.train(0, 1)));
    const sampling = engine.sample(JSON.stringify({ sampler: 'ddim', steps: 1000, count: 16 }));
    await sampling.next();
    await sampling.next();
    const denoising = [];
    for (let i = 0; i < job.steps; i++) denoising.push(await timed(() => sampling.next()));
    postMessage({ first, training, denoising });
  `;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })), {
    type: 'module',
  });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
}

const server = await serve();
const context = await launch();
const page = await context.newPage();
await page.goto(`${server.address}README.md`);

/** @type {Record<string, unknown>[]} */
const rows = [];
for (const { name, build, backend, steps } of SUBJECTS) {
  if (options['skip-plain'] && build === 'plain') continue;
  const job = { address: server.address, build, backend, size: Number(options.size), steps };
  const { first, training, denoising } = /** @type {any} */ (await page.evaluate(measure, job));
  const of = (/** @type {any[]} */ runs) => median(runs.map(({ milliseconds }) => milliseconds));
  rows.push({
    name,
    'first step, ms': Math.round(first.milliseconds),
    'training step, ms': Math.round(of(training)),
    'denoising step, ms': Math.round(of(denoising)),
    'dispatches a training step': training[0].dispatches,
    'dispatches a denoising step': denoising[0].dispatches,
  });
  console.table(rows.slice(-1));
}
console.table(rows);
const adapter = await page.evaluate(async () => {
  const gpu = /** @type {any} */ (navigator).gpu;
  const { vendor, architecture, description } = (await gpu?.requestAdapter())?.info ?? {};
  return [vendor, architecture, description].filter(Boolean).join(' ');
});
const cpu = cpus();
const machine = { cpu: cpu[0].model, cores: cpu.length, adapter };
console.log(machine);
await mkdir('target', { recursive: true });
await writeFile(
  'target/bench.json',
  JSON.stringify({ machine, size: options.size, rows }, null, 2),
);
await context.close();
server.stop();

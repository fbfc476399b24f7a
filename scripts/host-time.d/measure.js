// Times what steps cost the host, and counts what they ask of WebGPU. Runs in Node and in browsers.

const SIZE = 32;
const BATCH = 16;
/** Calls of every method of WebGPU while it runs, by class and name. */
async function count(run) {
  const counts = {};
  const originals = [];
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    const prototype = /^GPU/.test(name) && globalThis[name]?.prototype;
    if (!prototype) continue;
    const members = Object.getOwnPropertyDescriptors(prototype);
    for (const [method, { value, writable }] of Object.entries(members)) {
      if (typeof value !== 'function' || !writable || method === 'constructor') continue;
      originals.push([prototype, method, value]);
      prototype[method] = function (...args) {
        const key = `${name.slice(3)}.${method}`;
        counts[key] = (counts[key] ?? 0) + 1;
        return value.apply(this, args);
      };
    }
  }
  await run();
  for (const [prototype, method, value] of originals) prototype[method] = value;
  return counts;
}

/** Leaves the host's part of a dispatch and takes the device's: no workgroup is to run. */
export function dispatchNothing() {
  const prototype = globalThis.GPUComputePassEncoder.prototype;
  const { dispatchWorkgroups } = prototype;
  prototype.dispatchWorkgroups = function () {
    return dispatchWorkgroups.call(this, 0, 0, 0);
  };
}

const sorted = (numbers) => numbers.toSorted((a, b) => a - b);

/**
 * Milliseconds a step:
 * - `queueing`: from the call until the device is asked for its losses or images, where the host
 *   has nothing left to do: the median, and the least, for machines that do other things too,
 * - `whole`: the same and the answer.
 * @param {any} Engine of the wasm
 * @param {number} rounds
 */
export async function measure(Engine, rounds) {
  const config = JSON.parse(Engine.defaultConfig(SIZE, BATCH));
  config.training.batch_size = BATCH;
  const engine = await Engine.create('webgpu', JSON.stringify(config));
  const bytes = Uint8Array.from({ length: BATCH * SIZE * SIZE * 3 }, (_, i) => (i * 37) % 256);
  engine.setImages(bytes, BATCH, SIZE);

  let asked = 0;
  const { mapAsync } = globalThis.GPUBuffer.prototype;
  globalThis.GPUBuffer.prototype.mapAsync = function (...args) {
    asked = performance.now();
    return mapAsync.apply(this, args);
  };
  const timed = async (run) => {
    const [queueing, whole] = [[], []];
    // The first rounds compile, allocate, and meet the buffers that later ones are given.
    for (let round = -40; round < rounds; round++) {
      const start = performance.now();
      await run();
      if (round < 0) continue;
      queueing.push(asked - start);
      whole.push(performance.now() - start);
    }
    const [median, all] = [rounds >> 1, sorted(queueing)];
    return { queueing: all[median], least: all[0], whole: sorted(whole)[median] };
  };

  const train = () => engine.train(0, 1);
  const training = await timed(train);
  const inTraining = await count(train);
  const sampling = engine.sample(JSON.stringify({ sampler: 'ddim', steps: 1000, count: BATCH }));
  const next = () => sampling.next();
  const denoising = await timed(next);
  const inDenoising = await count(next);
  return {
    training: { ...training, calls: inTraining },
    denoising: { ...denoising, calls: inDenoising },
  };
}

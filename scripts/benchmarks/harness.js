// Runs in a worker of an empty page: times one contender and reports every step as it is taken, so
// that a time limit costs no more than what was not yet measured.

/**
 * @typedef {object} Contender
 * @property {() => Promise<number>} train takes a step of Adam on the next batch; gives its loss
 * @property {() => Promise<unknown>} denoise predicts the noise of a batch and takes a step with it
 */

let dispatches = 0;
let bufferBytes = 0;
let peakBufferBytes = 0;
/** @type {Set<WebAssembly.Memory>} */
const memories = new Set();

/** @param {Record<string, unknown>} exported */
function keepMemories(exported) {
  for (const value of Object.values(exported)) {
    if (value instanceof WebAssembly.Memory) memories.add(value);
  }
}

/**
 * Replaces a method by one that calls `after` when it has returned.
 * @param {any} owner
 * @param {string} name
 * @param {(self: any, result: any) => void} after
 */
function watch(owner, name, after) {
  const original = owner[name];
  owner[name] = function (/** @type {any[]} */ ...args) {
    const result = original.apply(this, args);
    after(this, result);
    return result;
  };
}

/** Counts GPU dispatches and the memory of GPU buffers and WebAssembly from here on. */
function instrument() {
  const scope = /** @type {any} */ (globalThis);
  if (scope.GPUDevice) {
    for (const name of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect']) {
      watch(scope.GPUComputePassEncoder.prototype, name, () => dispatches++);
    }
    /** @type {WeakMap<object, number>} */
    const alive = new WeakMap();
    const collected = new FinalizationRegistry((/** @type {number} */ size) => {
      bufferBytes -= size;
    });
    watch(scope.GPUDevice.prototype, 'createBuffer', (_, buffer) => {
      alive.set(buffer, buffer.size);
      collected.register(buffer, buffer.size, buffer);
      bufferBytes += buffer.size;
      peakBufferBytes = Math.max(peakBufferBytes, bufferBytes);
    });
    watch(scope.GPUBuffer.prototype, 'destroy', (buffer) => {
      bufferBytes -= alive.get(buffer) ?? 0;
      alive.delete(buffer);
      collected.unregister(buffer);
    });
  }
  const { Memory } = WebAssembly;
  WebAssembly.Memory = /** @type {any} */ (
    new Proxy(Memory, {
      construct(target, args) {
        const memory = new target(.../** @type {[any]} */ (args));
        memories.add(memory);
        return memory;
      },
    })
  );
  for (const name of ['instantiate', 'instantiateStreaming']) {
    watch(WebAssembly, name, (_, result) =>
      result.then(
        (/** @type {any} */ made) => keepMemories((made.instance ?? made).exports),
        () => {},
      ),
    );
  }
  WebAssembly.Instance = /** @type {any} */ (
    new Proxy(WebAssembly.Instance, {
      construct(target, args) {
        const instance = new target(.../** @type {[any]} */ (args));
        keepMemories(instance.exports);
        return instance;
      },
    })
  );
}

/** WebAssembly's memory never shrinks: its size is its peak. */
const wasmBytes = () => [...memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0);

/**
 * @param {() => Promise<unknown>} run
 * @param {'training' | 'denoising'} kind
 */
async function timed(run, kind) {
  const [before, start] = [dispatches, performance.now()];
  const loss = await run();
  const ms = performance.now() - start;
  const memory = { wasmBytes: wasmBytes(), gpuBytes: peakBufferBytes };
  postMessage({ kind, ms, loss, dispatches: dispatches - before, ...memory });
}

instrument();
addEventListener('message', async ({ data: job }) => {
  try {
    const { create } = await import(job.module);
    /** @type {Contender} */
    const contender = await create(job);
    postMessage({ kind: 'ready' });
    for (let i = 0; i < job.steps; i++) await timed(() => contender.train(), 'training');
    for (let i = 0; i < job.denoisingSteps; i++)
      await timed(() => contender.denoise(), 'denoising');
    postMessage({ kind: 'done' });
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    postMessage({ kind: 'failed', reason: text });
  }
});

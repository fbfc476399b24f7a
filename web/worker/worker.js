/** Owns the wasm instance. All computing happens here, so that the page never waits. */

import { LabError, wireError } from '../lib/errors.js';
import { indexColours } from '../lib/gif-colours.js';
import { SerialQueue } from '../lib/serial-queue.js';
import { exportRun, importRun } from '../store/run-files.js';
import { RunStore } from '../store/runs.js';
import { holdLife } from './life.js';
import { watchCompiling } from './compiling.js';
import { toCheckpoint, zip } from './diffusers.js';
import { ShardedEngine } from './sharded.js';
import { claimTimestampQuery } from './timestamp-query.js';
import { lossBehind, watchDevices } from './watch-devices.js';
import { loadedWasm, loadWasm } from './wasm.js';

/**
 * @import { Args, Cancel, EngineState, MethodName, Reply, Request, Result } from './protocol.js'
 * @import { Engine, Measurement, Plane } from './bindings.js'
 * @import { BackendName } from '../lib/backend.js'
 */

/** @typedef {Engine | ShardedEngine | Measurement<unknown> | Plane} WorkerObject */

/** @type {Map<number, WorkerObject>} */
const objects = new Map();
let lastObject = 0;

/** The requests of each object. @type {Map<number, SerialQueue>} */
const queues = new Map();

/** Requests that have not begun and may be cancelled. @type {Set<number>} */
const waiting = new Set();

/** @param {WorkerObject} object */
function register(object) {
  objects.set(++lastObject, object);
  return lastObject;
}

/** @param {number} target */
function find(target) {
  const object = objects.get(target);
  if (!object) throw new LabError('internal', 'This object was already freed.');
  return object;
}

const engine = (/** @type {number} */ target) => /** @type {Engine} */ (find(target));
const plane = (/** @type {number} */ target) => /** @type {Plane} */ (find(target));
const stream = (/** @type {number} */ target) => /** @type {Measurement<unknown>} */ (find(target));

/** @param {BackendName} backend */
async function planeClass(backend) {
  const { Plane } = await loadedWasm(backend).bindings;
  if (!Plane) throw new Error('This build has no plane.');
  return Plane;
}

/**
 * @param {Engine | ShardedEngine} engine
 * @returns {EngineState}
 */
const stateOf = (engine) => ({
  config: engine.config(),
  parameterCount: engine.parameterCount(),
  step: engine.step(),
});

/**
 * @template {MethodName} M
 * @typedef {(target: number, args: Args<M>) => Result<M> | Promise<Result<M>>} Handler
 */

/** @type {{ [M in MethodName]: Handler<M> }} */
const methods = {
  loadWasm: (_, { backend, build }) => loadWasm(backend, build),
  async selfTest() {
    const { selfTest } = await loadedWasm('webgpu').bindings;
    if (!selfTest) throw new Error('This build has no GPU to test.');
    return selfTest();
  },
  async defaultConfig(_, { backend, size, images, timesteps, crops }) {
    const { Engine } = await loadedWasm(backend).bindings;
    return Engine.defaultConfig(size, images, timesteps, crops);
  },
  async create(_, { backend, config, workers = 1 }) {
    const { Engine } = await loadedWasm(backend).bindings;
    const alone = await Engine.create(backend, config);
    const created =
      workers > 1 ? new ShardedEngine(alone, { backend, workers, lost: postLost }) : alone;
    return { engine: register(created), state: stateOf(created) };
  },
  setImages: (target, { bytes, count, size, labels }) =>
    engine(target).setImages(bytes, count, size, labels),
  setPictures: (target, { bytes, shapes }) => engine(target).setPictures(bytes, shapes),
  schedule: (target) => engine(target).schedule(),
  noisy: (target, { index, t, seed }) => engine(target).noisy(index, t, seed),
  train: (target, { milliseconds, maxSteps }) => engine(target).train(milliseconds, maxSteps),
  gradients: (target, { first, count }) => engine(target).gradients(first, count),
  apply: (target, { grads }) => engine(target).apply(grads),
  warmUp: (target) => engine(target).warmUp(),
  async reset(target) {
    await engine(target).resetTraining();
    return stateOf(engine(target));
  },
  async sample(target, { init, mask, ...options }) {
    const sampling = await engine(target).sample(JSON.stringify(options), init, mask);
    const { total, count, height, width } = sampling;
    const size = Math.max(height, width);
    return { sampling: register(sampling), total, count, size, height, width };
  },
  elbo: (target, { rgb, ...options }) =>
    register(engine(target).elbo(JSON.stringify(options), rgb)),
  optimalLoss: (target, { timesteps }) => register(engine(target).floor(timesteps)),
  nearest: (target, { rgb }) => engine(target).nearest(rgb),
  next: (target) => stream(target).next(),
  save: (target, { half }) => engine(target).save(half),
  exportDiffusers: async (target, { trainingState }) =>
    zip(await engine(target).exportDiffusers(trainingState)),
  async load(target, { bytes, backend }) {
    await engine(target).load(await toCheckpoint(bytes, backend));
    return stateOf(engine(target));
  },
  // Written from here, because tens of megabytes would stall the page on their way through it.
  async checkpoint(target, { keep }) {
    const bytes = await engine(target).save(false);
    const state = { bytes, step: engine(target).step() };
    if (!keep) return state;
    const { database, ...run } = keep;
    try {
      return { ...state, saved: await new RunStore(database).save({ ...run, ...state }) };
    } catch (error) {
      return { ...state, refused: wireError(error) };
    }
  },
  exportRun: (_, { database, id }) => exportRun(database, id),
  importRun: (_, { database, file }) => importRun(database, file),
  indexColours: (_, { rgba }) => indexColours(rgba),
  async planeCreate(_, { backend, config }) {
    const created = (await planeClass(backend)).create(JSON.stringify(config));
    return { plane: register(created), trainingSet: created.trainingSet() };
  },
  planeForward: (target, { count, times, seed }) => plane(target).forward(count, times, seed),
  planeRun: (target, { options }) => plane(target).run(JSON.stringify(options)),
  planeClaim2: (target, { options }) => plane(target).claim2(JSON.stringify(options)),
  planeClaim4: (target, { options }) => plane(target).claim4(JSON.stringify(options)),
  planeField: (target, { options }) => plane(target).field(JSON.stringify(options)),
  planeTrain: (target, { milliseconds, maxSteps }) => plane(target).train(milliseconds, maxSteps),
  async darkPixels(_, { backend, rgb, width, height, count }) {
    return (await planeClass(backend)).darkPixels(rgb, width, height, count);
  },
  free(target) {
    find(target).free();
    objects.delete(target);
    queues.delete(target);
  },
};

/**
 * @template {MethodName} M
 * @param {Request<M>} request
 */
async function answer({ id, method, target, args }) {
  if (!waiting.delete(id)) return;
  try {
    const value = await methods[method](target, args);
    post({ id, ok: true, value }, transferables(value));
  } catch (error) {
    const failure = wireError(error);
    if (error instanceof WebAssembly.RuntimeError) fatal(error);
    // The core reports an error of the GPU once, to whoever reads next, and what it computes after
    // that is wrong.
    else if (failure.code === 'device-lost') post({ fatal: failure });
    else post({ id, ok: false, error: failure });
  }
}

/**
 * Typed arrays are moved, not copied: every one was made for this reply alone.
 * @param {unknown} value
 */
function transferables(value) {
  const candidates = value && typeof value === 'object' ? [value, ...Object.values(value)] : [];
  const views = candidates.filter((item) => ArrayBuffer.isView(item));
  return [...new Set(views.map(({ buffer }) => /** @type {ArrayBuffer} */ (buffer)))];
}

/**
 * @param {Reply} reply
 * @param {Transferable[]} [transfer]
 */
const post = (reply, transfer = []) => self.postMessage(reply, { transfer });

/** @type {ConstructorParameters<typeof ShardedEngine>[1]['lost']} */
const postLost = (error, workers) => post({ lost: error, workers });

claimTimestampQuery();
watchDevices((message) => post({ fatal: { code: 'device-lost', message } }));
watchCompiling((compiling) => post({ compiling }));
holdLife((life) => post({ life }));

/**
 * The text of the latest Rust panic. The panic hook prints it, and the trap that follows says only
 * "unreachable".
 * @type {string | undefined}
 */
let panic;
const { error: printError } = console;
console.error = (...args) => {
  const text = String(args[0]);
  if (text.includes('panicked at')) panic = text.split('\n').slice(0, 2).join(' ');
  printError.apply(console, args);
};

/** @param {unknown} error */
function fatal(error) {
  const message = panic ?? wireError(error).message;
  const loss = lossBehind(message);
  const failure = loss ? { code: 'device-lost', message: loss } : { code: 'internal', message };
  post({ fatal: failure });
}

// A panic inside a future surfaces here, and the promise that waits for it never settles.
self.addEventListener('error', (event) => fatal(event.error ?? event.message));
self.addEventListener('unhandledrejection', (event) => fatal(event.reason));

/**
 * @typedef {Request<MethodName> | Cancel} Message
 */

self.addEventListener('message', (/** @type {MessageEvent<Message>} */ { data }) => {
  if ('cancel' in data) {
    waiting.delete(data.cancel);
    return;
  }
  waiting.add(data.id);
  // The module itself has no state to protect: its requests need not wait for one another. Nor is
  // there anything to wait for where the object is gone.
  if (!objects.has(data.target)) {
    answer(data);
    return;
  }
  const queue = queues.get(data.target) ?? new SerialQueue();
  queues.set(data.target, queue);
  queue.run(() => answer(data));
});

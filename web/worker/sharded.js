import { concat } from '../lib/bytes.js';
import { wireError } from '../lib/errors.js';
import { trustedScript } from '../lib/trusted-types.js';
import { WorkerClient } from '../lib/worker-client.js';
import { loadedWasm } from './wasm.js';

/**
 * @import { BackendName } from '../lib/backend.js'
 * @import { Config } from '../lib/config.js'
 * @import { Args, FramePart, MethodName, PackedImages, PackedPictures } from './protocol.js'
 * @import { SampleArgs } from './protocol.js'
 * @import { Shard, Stream, WireError } from './protocol.js'
 * @import { Engine, Sampling } from './bindings.js'
 */

/**
 * One model on several workers, each with a wasm instance of its own: no shared memory, so any
 * static host will do.
 *
 * Every helper holds a replica of the model. In a training step each computes the gradients of its
 * shard of the batch; the first worker adds them up in a fixed order and all take the same step
 * with the sum, so replicas stay equal bit for bit and only gradients travel. Sampling divides the
 * images.
 *
 * @typedef {{ client: WorkerClient, target: number }} Replica a helper and its engine's number
 *   there
 */

/**
 * How long a helper may take to have a model, in milliseconds: it needs one second, seldom more.
 */
const START_LIMIT_MS = 15_000;

/**
 * `total` items divided as evenly as possible, at least one each.
 * @param {number} total
 * @param {number} workers
 * @returns {Shard[]}
 */
export function divide(total, workers) {
  const shards = Math.max(1, Math.min(total, workers));
  const start = (/** @type {number} */ index) => Math.floor((index * total) / shards);
  return Array.from({ length: shards }, (_, index) => ({
    first: start(index),
    count: start(index + 1) - start(index),
  }));
}

/** What the public of `Engine` is, over several workers. */
export class ShardedEngine {
  /** @type {Replica[] | undefined} */
  #replicas;
  /** Whether the helpers' models and images are those of ours. */
  #current = false;
  /** @type {PackedImages | undefined} */
  #images;
  /** In place of images. @type {PackedPictures | undefined} */
  #pictures;

  /**
   * @param {Engine} engine
   * @param {object} options
   * @param {BackendName} options.backend
   * @param {number} options.workers how many to compute on, this one included
   * @param {(error: WireError, left: number) => void} options.lost called for every helper that
   *   fails
   */
  constructor(engine, { backend, workers, lost }) {
    this.engine = engine;
    this.backend = backend;
    // Older browsers start no workers from a worker.
    this.workers = typeof Worker === 'undefined' ? 1 : workers;
    this.lost = lost;
  }

  config = () => this.engine.config();
  parameterCount = () => this.engine.parameterCount();
  step = () => this.engine.step();
  schedule = () => this.engine.schedule();
  noisy = (/** @type {[number, number, number]} */ ...args) => this.engine.noisy(...args);
  warmUp = () => this.engine.warmUp();
  // Measurements are small and go on between steps: the first worker alone takes them.
  elbo = (/** @type {[string, Uint8Array?]} */ ...args) => this.engine.elbo(...args);
  floor = (/** @type {number} */ timesteps) => this.engine.floor(timesteps);
  nearest = (/** @type {Uint8Array} */ rgb) => this.engine.nearest(rgb);
  save = (/** @type {boolean} */ half) => this.engine.save(half);
  exportDiffusers = (/** @type {boolean} */ trainingState) =>
    this.engine.exportDiffusers(trainingState);

  /**
   * @param {Uint8Array} bytes
   * @param {number} count
   * @param {number} size
   * @param {Uint32Array} [labels]
   */
  setImages(bytes, count, size, labels) {
    this.engine.setImages(bytes, count, size, labels);
    this.#images = { bytes, count, size, labels };
    this.#pictures = undefined;
    this.#current = false;
  }

  /**
   * @param {Uint8Array} bytes
   * @param {Uint32Array} shapes
   */
  setPictures(bytes, shapes) {
    this.engine.setPictures(bytes, shapes);
    this.#pictures = { bytes, shapes };
    this.#images = undefined;
    this.#current = false;
  }

  async resetTraining() {
    this.#current = false;
    await this.engine.resetTraining();
  }

  /** @param {Uint8Array} bytes */
  async load(bytes) {
    this.#current = false;
    await this.engine.load(bytes);
  }

  /**
   * @param {number} milliseconds
   * @param {number} maxSteps
   */
  async train(milliseconds, maxSteps) {
    await this.#synchronise();
    const start = performance.now();
    /** @type {number[]} */
    const losses = [];
    do {
      losses.push(await this.#trainStep());
    } while (performance.now() - start < milliseconds && losses.length < maxSteps);
    return {
      step: this.engine.step(),
      losses: Float32Array.from(losses),
      milliseconds: performance.now() - start,
    };
  }

  async #trainStep() {
    /** @type {Config} */
    const config = JSON.parse(this.engine.config());
    const { batch_size } = config.training;
    // A step that a helper did not live to finish has changed nothing: it is taken again.
    while (true) {
      const [own, ...others] = divide(batch_size, this.workers);
      const replicas = this.#ready.slice(0, others.length);
      const requests = replicas.map((replica, index) =>
        this.#ask(replica, 'gradients', others[index]),
      );
      // So that no failure goes unheard while we are busy with our own shard.
      const answers = Promise.allSettled(requests);
      const sum = await this.engine.gradients(own.first, own.count);
      const settled = await answers;
      const failure = settled.find((answer) => answer.status === 'rejected');
      if (failure) {
        // Of a living helper it is an error of the work itself.
        if (replicas.every(({ client }) => !client.failure)) throw failure.reason;
        continue;
      }
      const parts = settled.flatMap((answer) => ('value' in answer ? answer.value : []));
      for (const { loss, grads } of parts) {
        sum.loss += loss;
        add(sum.grads, grads);
      }
      for (const [index, replica] of this.#ready.entries()) {
        // A helper's own memory goes back to it, filled with the sum.
        const grads = parts[index]?.grads ?? new Float32Array(sum.grads.length);
        grads.set(sum.grads);
        const applied = this.#ask(replica, 'apply', { grads }, [grads.buffer]);
        // Errors here are those of a replica only, which is then no replica any more.
        applied.catch((error) => this.#drop(replica, error));
      }
      this.engine.apply(sum.grads);
      return sum.loss;
    }
  }

  /**
   * @param {string} optionsJson
   * @param {Uint8Array} [init] an image to be changed
   * @param {Uint8Array} [mask]
   * @returns {Promise<Sampling>}
   */
  async sample(optionsJson, init, mask) {
    /** @type {SampleArgs} */
    const options = JSON.parse(optionsJson);
    // What is wrong with the options is found out before anything is divided.
    const whole = this.engine.sample(optionsJson, init, mask);
    const { total, count, height, width } = whole;
    // Where an image stands between two seeds depends on how many there are in all.
    if (options.interpolate) options.interpolate = { total: count, ...options.interpolate };
    if (count < 2) return whole;
    whole.free();
    await this.#synchronise();
    const shards = divide(count, this.workers);
    const parts = shards.map(async (shard, index) => {
      const args = { ...options, ...shard };
      const local = this.engine.sample(JSON.stringify(args), init, mask);
      const replica = this.#ready[index - 1];
      if (!replica) return { local };
      try {
        const { sampling } = await this.#ask(replica, 'sample', { ...args, init, mask });
        return { local, remote: { client: replica.client, stream: sampling } };
      } catch {
        return { local };
      }
    });
    return new ShardedSampling(await Promise.all(parts), { total, count, height, width });
  }

  free() {
    for (const { client, target } of this.#ready) client.call('free', target, {}).catch(() => {});
    this.#replicas = [];
    this.engine.free();
  }

  get #ready() {
    return this.#replicas ?? [];
  }

  /** Gives the helpers our model and images, starting them if need be. */
  async #synchronise() {
    if (this.#current) return;
    const config = this.engine.config();
    this.#replicas ??= await this.#start(config);
    const bytes = this.#ready.length > 0 ? await this.engine.save(false) : undefined;
    const images = this.#images;
    const pictures = this.#pictures;
    await Promise.all(
      this.#ready.map(async (replica) => {
        try {
          if (bytes) await this.#ask(replica, 'load', { bytes, backend: this.backend });
          if (images) await this.#ask(replica, 'setImages', images);
          if (pictures) await this.#ask(replica, 'setPictures', pictures);
        } catch (error) {
          this.#drop(replica, error);
        }
      }),
    );
    this.#current = true;
  }

  /**
   * @param {string} config
   * @returns {Promise<Replica[]>}
   */
  async #start(config) {
    const started = await Promise.all(
      helpers(this.workers - 1).map(async (client) => {
        try {
          return await this.#replica(client, config);
        } catch (error) {
          this.#reportLost(error, this.workers - 1);
          return undefined;
        }
      }),
    );
    const replicas = started.filter((replica) => replica !== undefined);
    this.workers = 1 + replicas.length;
    return replicas;
  }

  /**
   * @param {WorkerClient} client
   * @param {string} config
   * @returns {Promise<Replica>}
   */
  async #replica(client, config) {
    const { backend } = this;
    // The first step waits for all helpers, and so may not wait for one for ever.
    const limit = setTimeout(() => client.giveUp(), START_LIMIT_MS);
    try {
      await client.call('loadWasm', 0, { backend, build: loadedWasm(backend).build });
      const { engine } = await client.call('create', 0, { backend, config });
      return { client, target: engine };
    } finally {
      clearTimeout(limit);
    }
  }

  /**
   * @template {MethodName} M
   * @param {Replica} replica
   * @param {M} method
   * @param {Args<M>} args
   * @param {Transferable[]} [transfer]
   */
  async #ask(replica, method, args, transfer) {
    try {
      return await replica.client.call(method, replica.target, args, { transfer });
    } catch (error) {
      if (replica.client.failure) this.#drop(replica, error);
      throw error;
    }
  }

  /**
   * @param {Replica} replica
   * @param {unknown} error
   */
  #drop(replica, error) {
    if (!this.#ready.includes(replica)) return;
    this.#replicas = this.#ready.filter((other) => other !== replica);
    this.workers = 1 + this.#ready.length;
    this.#reportLost(error, this.workers);
  }

  /**
   * @param {unknown} error
   * @param {number} left
   */
  #reportLost(error, left) {
    this.lost(wireError(error), left);
  }
}

/**
 * One sampling run in shards. Each also exists here, not yet begun, so that it can be caught up
 * with should its helper fail.
 *
 * @typedef {{ client: WorkerClient, stream: Stream<FramePart> }} Remote
 * @typedef {{ local: Sampling, remote?: Remote }} Part
 */
class ShardedSampling {
  #taken = 0;

  /**
   * @param {Part[]} parts
   * @param {Pick<Sampling, 'total' | 'count' | 'height' | 'width'>} shape
   */
  constructor(parts, { total, count, height, width }) {
    this.parts = parts;
    this.total = total;
    this.count = count;
    this.height = height;
    this.width = width;
  }

  async next() {
    const taken = this.#taken++;
    // Helpers begin before this worker is busy with its own shard.
    const remote = this.parts.map(({ remote }) => remote?.client.next(remote.stream));
    const answers = Promise.allSettled(remote);
    const own = this.parts.map(({ local, remote }) => (remote ? undefined : local.next()));
    const local = await Promise.all(own);
    const frames = [];
    for (const [index, answer] of (await answers).entries()) {
      const part = this.parts[index];
      if (answer.status === 'rejected') {
        part.remote = undefined;
        for (let step = 0; step < taken; step++) await part.local.next();
        frames.push(await part.local.next());
      } else {
        frames.push(part.remote ? answer.value : local[index]);
      }
    }
    // All come to their end with the same step.
    if (!frames.every((frame) => frame !== undefined)) return undefined;
    const [first] = frames;
    return {
      index: first.index,
      t: first.t,
      x_t: concat(frames.map(({ x_t }) => x_t)),
      pred_x0: first.pred_x0 && concat(frames.flatMap(({ pred_x0 }) => pred_x0 ?? [])),
    };
  }

  free() {
    for (const { local, remote } of this.parts) {
      local.free();
      remote?.client.call('free', remote.stream, {}).catch(() => {});
    }
  }
}

/**
 * The helpers of this worker, shared by all its engines.
 * @type {WorkerClient[]}
 */
const pool = [];

/** Another worker of the script that runs here, wherever it came from. */
const spawn = () => new Worker(trustedScript(self.location.href), { type: 'module' });

/** @param {number} count */
function helpers(count) {
  for (const [index, client] of pool.entries())
    if (client.failure) pool[index] = new WorkerClient(spawn());
  while (pool.length < count) pool.push(new WorkerClient(spawn()));
  return pool.slice(0, count);
}

/**
 * @param {Float32Array} total
 * @param {Float32Array} part
 */
function add(total, part) {
  for (let i = 0; i < total.length; i++) total[i] += part[i];
}

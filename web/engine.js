import { chooseBackend, CPU_BACKEND, cpuChoice, workerCount } from './lib/backend.js';
import { LabError } from './lib/errors.js';
import { failedTest, selfTest } from './lib/self-test.js';
import { compileWasm } from './lib/wasm-module.js';
import { acquireWorker, releaseWorker } from './lib/worker-pool.js';

/**
 * @import { BackendChoice, BackendName } from './lib/backend.js'
 * @import { Config } from './lib/config.js'
 * @import { MasterImage } from './lib/decode-images.js'
 * @import { Args, Compiling, EngineState, Lost, MethodName, SelfTest } from './worker/protocol.js'
 */

/**
 * The engine of a lab: the object of a worker that holds the model, and what the page knows of it.
 *
 * Dispatches `crash` when the worker died, `lost` when one of that worker's helpers did, and
 * `compiling` as the GPU's programs are compiled.
 */

export class Engine extends EventTarget {
  #client = acquireWorker();
  /** Its number in the worker; 0 before there is one. */
  #number = 0;
  #requestedWorkers;
  #listening = new AbortController();
  #disposed = false;
  #suspended = false;
  choice = cpuChoice(CPU_BACKEND);
  workers = 1;
  /** Of the GPU, if it was to be used. @type {SelfTest | undefined} */
  selfTest;
  compiling = { done: 0, total: 0 };
  config = /** @type {Config} */ ({});
  parameterCount = 0;
  step = 0;
  /**
   * Those that it has.
   * @type {readonly MasterImage[] | undefined}
   */
  images;

  /** @param {number} [workers] how many to compute on, where that is the CPU */
  constructor(workers) {
    super();
    this.#requestedWorkers = workers;
    this.#listen();
  }

  /** Whether the worker died and nobody gave the engine another one. */
  get crashed() {
    return this.#client.failure !== undefined && !this.#disposed && !this.#suspended;
  }

  /** Whether it has no worker, and waits for `restart`. */
  get suspended() {
    return this.#suspended;
  }

  /** Where requests go whose answers are streams: those belong to the worker of the moment. */
  get address() {
    if (this.#suspended) throw suspended();
    return { client: this.#client, engine: this.#number };
  }

  /**
   * Makes the first model of a worker, on the CPU where the GPU fails: an adapter can look usable
   * and still fail. A GPU that was asked for by name is replaced only where it cannot work at all.
   *
   * @param {BackendChoice | BackendName | 'auto'} backend
   * @param {() => Promise<void>} create
   */
  async start(backend, create) {
    const choice = typeof backend === 'string' ? await chooseBackend(backend) : backend;
    try {
      await this.#choose(choice);
      await create();
    } catch (error) {
      const failure = LabError.from(error);
      const { code, message } = failure;
      // Whoever asks for too much is told so, and not given something slower.
      const replaced =
        backend === 'auto'
          ? !['bad-config', 'too-large'].includes(code)
          : ['no-webgpu', 'bad-gpu'].includes(code);
      if (choice.backend !== 'webgpu' || !replaced) throw failure;
      this.restart();
      await this.#choose(cpuChoice(CPU_BACKEND, message));
      await create();
    }
  }

  /** Throws `bad-gpu` where the GPU computes wrong. @param {BackendChoice} choice */
  async #choose(choice) {
    this.choice = choice;
    const { backend } = choice;
    await this.#client.call('loadWasm', 0, { backend, build: await compileWasm(backend) });
    if (backend !== 'webgpu') return;
    this.selfTest = await selfTest(this.#client);
    if (!this.selfTest.passed) throw failedTest(this.selfTest);
  }

  /**
   * @param {Omit<import('./worker/protocol.js').DefaultsOf, 'backend'>} args what the defaults depend
   *   on
   */
  async defaultConfig(args) {
    if (this.#suspended) throw suspended();
    return this.#client.call('defaultConfig', 0, { backend: this.choice.backend, ...args });
  }

  /** A run of the browser's storage as one file. @param {Args<'exportRun'>} args */
  async exportRun(args) {
    if (this.#suspended) throw suspended();
    return this.#client.call('exportRun', 0, args);
  }

  /** @param {Args<'importRun'>} args */
  async importRun(args) {
    if (this.#suspended) throw suspended();
    return this.#client.call('importRun', 0, args);
  }

  /** @param {Args<'indexColours'>} args */
  async indexColours(args) {
    if (this.#suspended) throw suspended();
    return this.#client.call('indexColours', 0, args);
  }

  /** A fresh model, in place of the one before. @param {Config} config */
  async create(config) {
    const { backend } = this.choice;
    const workers = workerCount(backend, this.#requestedWorkers);
    const args = { backend, config: JSON.stringify(config), workers };
    const client = this.#client;
    const previous = this.#number;
    const { engine, state } = await client.call('create', 0, args);
    if (this.#disposed) {
      client.call('free', engine, {}).catch(() => {});
      throw disposed();
    }
    this.#number = engine;
    this.workers = workers;
    this.images = undefined;
    this.adopt(state);
    if (previous) await client.call('free', previous, {});
  }

  /** @param {EngineState} state after a request that changes the model */
  adopt({ config, parameterCount, step }) {
    Object.assign(this, { config: JSON.parse(config), parameterCount, step });
  }

  /**
   * @template {MethodName} M
   * @param {M} method
   * @param {Args<M>} args
   * @param {{ transfer?: Transferable[] }} [options]
   */
  async call(method, args, options) {
    if (this.#suspended) throw suspended();
    return this.#client.call(method, this.#number, args, options);
  }

  /** Another worker, which has no model yet. */
  restart() {
    if (this.#disposed) throw disposed();
    // A worker that others use may have a GPU that was lost.
    const fresh = !this.#suspended;
    if (fresh) this.#letGo();
    this.#suspended = false;
    this.#client = acquireWorker({ fresh });
    this.#listen();
  }

  /**
   * Frees the model and leaves the worker to whoever comes next, until `restart`. What is under way
   * ends with `aborted`.
   */
  suspend() {
    if (this.#disposed || this.#suspended) return;
    this.#letGo({ keep: true });
    this.#suspended = true;
    this.images = undefined;
  }

  /** Frees the model and leaves the worker. What is under way ends with `aborted`. */
  dispose() {
    if (this.#disposed) return;
    this.#disposed = true;
    if (!this.#suspended) this.#letGo();
  }

  #listen() {
    const client = this.#client;
    const { signal } = (this.#listening = new AbortController());
    const tell = (/** @type {string} */ type, /** @type {unknown} */ detail) =>
      this.dispatchEvent(new CustomEvent(type, { detail }));
    client.addEventListener('crash', () => tell('crash', client.failure), { signal });
    const lost = (/** @type {Event} */ event) => {
      const { detail } = /** @type {CustomEvent<Lost>} */ (event);
      this.workers = Math.min(this.workers, detail.workers);
      tell('lost', LabError.from(detail.lost));
    };
    client.addEventListener('lost', lost, { signal });
    const compiling = (/** @type {Event} */ event) => {
      this.compiling = /** @type {CustomEvent<Compiling>} */ (event).detail;
      tell('compiling', this.compiling);
    };
    client.addEventListener('compiling', compiling, { signal });
  }

  /** @param {{ keep?: boolean }} [how] see `releaseWorker` */
  #letGo(how) {
    this.#listening.abort();
    this.compiling = { done: 0, total: 0 };
    if (this.#number && !this.#client.failure) this.call('free', {}).catch(() => {});
    releaseWorker(this.#client, how);
    this.#number = 0;
  }
}

const disposed = () => new LabError('aborted', 'This lab was disposed of.');
const suspended = () => new LabError('aborted', 'This lab is suspended; resume it first.');

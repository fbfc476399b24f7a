// What a page and its workers hold, measured from outside after a collection of garbage.
import { beforeWorkers } from '../../tests/browser/lab.mjs';

/** Runs first in every worker: `held` has what it holds beside its JavaScript heap. */
export function recordHeld() {
  /** @type {WebAssembly.Memory[]} */
  const memories = [];
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (...args) => {
    const made = await instantiate(...args);
    memories.push((made.instance ?? made).exports.memory);
    return made;
  };
  const gpu = { buffers: 0, bytes: 0 };
  const { GPUDevice, GPUBuffer } = globalThis;
  if (GPUDevice) {
    /** @type {WeakMap<object, { size: number, gone: boolean }>} */
    const known = new WeakMap();
    const drop = (record) => {
      if (!record || record.gone) return;
      record.gone = true;
      gpu.buffers -= 1;
      gpu.bytes -= record.size;
    };
    const collected = new FinalizationRegistry(drop);
    const { createBuffer } = GPUDevice.prototype;
    GPUDevice.prototype.createBuffer = function (descriptor) {
      const buffer = createBuffer.call(this, descriptor);
      const record = { size: buffer.size, gone: false };
      known.set(buffer, record);
      collected.register(buffer, record);
      gpu.buffers += 1;
      gpu.bytes += buffer.size;
      return buffer;
    };
    const { destroy } = GPUBuffer.prototype;
    GPUBuffer.prototype.destroy = function () {
      drop(known.get(this));
      destroy.call(this);
    };
  }
  globalThis.held = () => ({
    wasm: memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0),
    gpu: { ...gpu },
  });
}

/**
 * One number for each thing that may grow. Heaps of workers count as well.
 * @typedef {{ heap: number, arrays: number, wasm: number, buffers: number, bufferBytes: number,
 *   storage: number, nodes: number, listeners: number, workers: number }} Sizes
 */

export class Gauges {
  #page;
  #session;
  /** Sessions with the page's workers, by their names in the protocol. */
  #workers = new Set();
  /** @type {Map<number, (result: any) => void>} */
  #waiting = new Map();
  #lastId = 0;

  /** @param {import('playwright-core').Page} page that has no worker yet */
  static async of(page) {
    await beforeWorkers(page, recordHeld);
    const gauges = new Gauges(page, await page.context().newCDPSession(page));
    await gauges.#attach();
    return gauges;
  }

  /**
   * @param {import('playwright-core').Page} page
   * @param {import('playwright-core').CDPSession} session
   */
  constructor(page, session) {
    this.#page = page;
    this.#session = session;
  }

  async #attach() {
    const session = this.#session;
    session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      if (targetInfo.type === 'worker') this.#workers.add(sessionId);
    });
    session.on('Target.detachedFromTarget', ({ sessionId }) => this.#workers.delete(sessionId));
    session.on('Target.receivedMessageFromTarget', ({ message }) => {
      const { id, result } = JSON.parse(message);
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    });
    const how = { autoAttach: true, waitForDebuggerOnStart: false, flatten: false };
    await session.send('Target.setAutoAttach', how);
  }

  /**
   * Asks a worker; undefined where it is gone, or does not answer.
   * @param {string} sessionId
   * @param {string} method
   * @param {object} [params]
   * @returns {Promise<any>}
   */
  #ask(sessionId, method, params = {}) {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      setTimeout(() => resolve(undefined), 5000);
      const message = JSON.stringify({ id, method, params });
      this.#session
        .send('Target.sendMessageToTarget', { sessionId, message })
        .catch(() => resolve(undefined));
    });
  }

  /** @returns {Promise<Sizes>} */
  async read() {
    const page = this.#session;
    const workers = [...this.#workers];
    // Finalizers run in a task of their own, and may let go of more.
    for (let round = 0; round < 2; round++) {
      await page.send('HeapProfiler.collectGarbage');
      for (const worker of workers) await this.#ask(worker, 'HeapProfiler.collectGarbage');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const heaps = [await page.send('Runtime.getHeapUsage')];
    const held = [];
    for (const worker of workers) {
      heaps.push(await this.#ask(worker, 'Runtime.getHeapUsage'));
      const expression = 'self.held?.()';
      const answer = await this.#ask(worker, 'Runtime.evaluate', {
        expression,
        returnByValue: true,
      });
      held.push(answer?.result?.value);
    }
    const counters = await page.send('Memory.getDOMCounters');
    const storage = await this.#page.evaluate(async () => {
      const { usageDetails, usage } = /** @type {any} */ (await navigator.storage.estimate());
      return usageDetails?.indexedDB ?? usage;
    });
    const sum = (list, of) => list.reduce((all, one) => all + (one ? of(one) : 0), 0);
    return {
      heap: sum(heaps, ({ usedSize, embedderHeapUsedSize = 0 }) => usedSize + embedderHeapUsedSize),
      arrays: sum(heaps, ({ backingStorageSize = 0 }) => backingStorageSize),
      wasm: sum(held, ({ wasm }) => wasm),
      buffers: sum(held, ({ gpu }) => gpu.buffers),
      bufferBytes: sum(held, ({ gpu }) => gpu.bytes),
      storage,
      nodes: counters.nodes,
      listeners: counters.jsEventListeners,
      workers: this.#page.workers().length,
    };
  }
}

import { LabError } from './errors.js';

/** @import { Args, MethodName, Reply, Result, Stream, WireError } from '../worker/protocol.js' */

/**
 * One worker and the requests that wait for it.
 *
 * @typedef {{ resolve: (value: unknown) => void, reject: (error: LabError) => void }} Waiting
 */

export class WorkerClient extends EventTarget {
  /** How many labs use this worker. */
  users = 0;
  /** Why the worker can no longer be used, once it cannot. */
  /** @type {LabError | undefined} */
  failure;
  #worker = spawn();
  #lastId = 0;
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();

  constructor() {
    super();
    this.#worker.onmessage = ({ data }) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail({
        code: 'internal',
        message: event.message || 'The worker could not be started.',
      });
    };
  }

  /**
   * @template {MethodName} M
   * @param {M} method
   * @param {number} target
   * @param {Args<M>} args
   * @param {{ signal?: AbortSignal, transfer?: Transferable[] }} [options]
   * @returns {Promise<Result<M>>}
   */
  call(method, target, args, { signal, transfer = [] } = {}) {
    if (this.failure) return Promise.reject(this.failure);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#worker.postMessage({ cancel: id });
        this.#waiting.delete(id);
        reject(new LabError('aborted', 'Stopped.', { cause: signal?.reason }));
      };
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      const settled = () => signal?.removeEventListener('abort', abort);
      this.#waiting.set(id, {
        resolve: (value) => (settled(), resolve(/** @type {Result<M>} */ (value))),
        reject: (error) => (settled(), reject(error)),
      });
      this.#worker.postMessage({ id, method, target, args }, transfer);
    });
  }

  /**
   * The next part of a stream; nothing after the last.
   * @template Part
   * @param {Stream<Part>} stream
   * @param {AbortSignal} [signal]
   */
  next(stream, signal) {
    const part = this.call('next', stream, {}, { signal });
    return /** @type {Promise<Part | undefined>} */ (part);
  }

  /** @param {Reply} reply */
  #receive(reply) {
    if ('fatal' in reply) return this.#fail(reply.fatal);
    if ('lost' in reply) return this.dispatchEvent(new CustomEvent('lost', { detail: reply }));
    if ('compiling' in reply) {
      return this.dispatchEvent(new CustomEvent('compiling', { detail: reply.compiling }));
    }
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.ok) waiting?.resolve(reply.value);
    else waiting?.reject(LabError.from(reply.error));
  }

  /** @param {WireError} error */
  #fail(error) {
    if (this.failure) return;
    this.failure = new LabError(error.code, error.message);
    this.terminate();
    this.dispatchEvent(new Event('crash'));
  }

  /** Ends a worker that does not answer. */
  giveUp() {
    this.#fail({ code: 'internal', message: 'The worker did not answer in time.' });
  }

  terminate() {
    this.#worker.terminate();
    this.failure ??= new LabError('aborted', 'The worker was closed.');
    for (const { reject } of this.#waiting.values()) reject(this.failure);
    this.#waiting.clear();
  }
}

/**
 * From a content delivery network the script is of another origin, where no worker may be started
 * directly; a local script that imports it may.
 */
function spawn() {
  const url = new URL('./worker.js', import.meta.url);
  if (url.origin === globalThis.location?.origin || url.protocol === 'file:') {
    return new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  }
  const script = new Blob([`import ${JSON.stringify(url.href)};`], { type: 'text/javascript' });
  return new Worker(URL.createObjectURL(script), { type: 'module' });
}

/**
 * The workers of all labs on the page. One core is left to the page; two workers at least, so that
 * the forward process answers at once while another lab trains.
 */
const MAX_WORKERS = Math.max(2, Math.min(4, (globalThis.navigator?.hardwareConcurrency ?? 2) - 1));

/** @type {Set<WorkerClient>} */
const pool = new Set();

/** @returns {WorkerClient} */
export function acquireWorker() {
  for (const client of pool) if (client.failure) pool.delete(client);
  let client = [...pool].sort((a, b) => a.users - b.users)[0];
  if (!client || (client.users > 0 && pool.size < MAX_WORKERS)) {
    client = new WorkerClient();
    pool.add(client);
  }
  client.users++;
  return client;
}

/** @param {WorkerClient} client */
export function releaseWorker(client) {
  client.users--;
  if (client.users > 0) return;
  client.terminate();
  pool.delete(client);
}

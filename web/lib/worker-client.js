import { LabError } from './errors.js';
import { msg } from './localize.js';

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
  #worker;
  #lastId = 0;
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();

  /** @param {Worker} worker that nobody else talks to */
  constructor(worker) {
    super();
    this.#worker = worker;
    this.#worker.onmessage = ({ data }) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail({
        code: 'internal',
        message: event.message || msg('The worker could not be started.'),
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
    if ('life' in reply) return this.#watch(reply.life);
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

  #watching = new AbortController();

  /**
   * A worker that the browser ends says nothing: its lock is free then.
   * @param {string} life
   */
  #watch(life) {
    const { signal } = this.#watching;
    const ended = () =>
      this.#fail({ code: 'internal', message: msg('The browser ended the worker.') });
    navigator.locks.request(life, { signal }, ended).catch(() => {});
  }

  /** Ends a worker that does not answer. */
  giveUp() {
    this.#fail({ code: 'internal', message: msg('The worker did not answer in time.') });
  }

  terminate() {
    this.#watching.abort();
    this.#worker.terminate();
    this.failure ??= new LabError('aborted', msg('The worker was closed.'));
    for (const { reject } of this.#waiting.values()) reject(this.failure);
    this.#waiting.clear();
  }
}

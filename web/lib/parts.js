import { throwIfAborted } from './errors.js';

/**
 * What an object of the worker gives, part by part. It is freed at the end, however that comes.
 *
 * @param {import('./worker-client.js').WorkerClient} client
 * @param {number} target
 * @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<any, void, void>}
 */
export async function* parts(client, target, signal) {
  try {
    while (true) {
      throwIfAborted(signal);
      const part = await client.call('next', target, undefined, { signal });
      if (!part) return;
      yield part;
    }
  } finally {
    if (!client.failure) client.call('free', target).catch(() => {});
  }
}

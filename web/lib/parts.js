import { throwIfAborted } from './errors.js';

/**
 * What an object of the worker gives, part by part. It is freed at the end, however that comes.
 *
 * @template Part
 * @param {import('./worker-client.js').WorkerClient} client
 * @param {import('../worker/protocol.js').Stream<Part>} stream
 * @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<Part, void, void>}
 */
export async function* parts(client, stream, signal) {
  try {
    while (true) {
      throwIfAborted(signal);
      const part = await client.next(stream, signal);
      if (!part) return;
      yield part;
    }
  } finally {
    if (!client.failure) client.call('free', stream, {}).catch(() => {});
  }
}

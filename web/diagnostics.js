import { squareOf } from './lib/channels.js';
import { throwIfAborted } from './lib/errors.js';
import { parts } from './lib/parts.js';

/**
 * What can be found out about a model in training. Each comes in parts, so that the worker trains
 * in between.
 *
 * @import { MasterImage } from './lib/decode-images.js'
 * @import { BoundPart, OptimalLossPart, Nearest } from './worker/protocol.js'
 *
 * @typedef {object} Model an engine that has its images
 * @property {import('./lib/worker-client.js').WorkerClient} client
 * @property {number} engine
 * @property {number} size
 * @property {number} channels
 *
 * @typedef {object} ElboOptions
 * @property {number | MasterImage} [image] a training image, or any other
 * @property {number} [timesteps] how many to estimate from, at least 2
 * @property {import('./worker/protocol.js').Weights} [weights]
 * @property {AbortSignal} [signal]
 *
 * @typedef {object} OptimalLossOptions
 * @property {number} [timesteps] how many to estimate from
 * @property {AbortSignal} [signal]
 */

/**
 * @param {Model} model
 * @param {ElboOptions} [options]
 * @returns {AsyncGenerator<BoundPart, void, void>}
 */
export async function* elbo(
  { client, engine, size, channels },
  { image = 0, timesteps = 32, weights = 'ema', signal } = {},
) {
  const subject =
    typeof image === 'number' ? { index: image } : { rgb: squareOf(image, size, channels) };
  const target = await client.call('elbo', engine, { timesteps, weights, ...subject });
  yield* parts(client, target, signal);
}

/**
 * @param {Model} model
 * @param {OptimalLossOptions} [options]
 * @returns {AsyncGenerator<OptimalLossPart, void, void>}
 */
export async function* optimalLoss({ client, engine }, { timesteps = 64, signal } = {}) {
  yield* parts(client, await client.call('optimalLoss', engine, { timesteps }), signal);
}

/**
 * @param {Model} model
 * @param {{ x_t: Uint8Array, count: number }} frame
 * @param {{ signal?: AbortSignal }} [options]
 * @returns {AsyncGenerator<Nearest, void, void>}
 */
export async function* nearest({ client, engine }, { x_t, count }, { signal } = {}) {
  const tile = x_t.length / count;
  for (let start = 0; start < count * tile; start += tile) {
    throwIfAborted(signal);
    const rgb = x_t.slice(start, start + tile);
    yield await client.call('nearest', engine, { rgb }, { transfer: [rgb.buffer] });
  }
}

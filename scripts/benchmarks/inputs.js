// What every contender written in JavaScript starts from: the weights of a bundled model and the
// batches that Unnoise's own first steps see, both written by `inputs.mjs`.
import { tensors } from './safetensors.js';

export const BATCH = 16;
export const SIZE = 32;
export const LEARNING_RATE = 1e-3;

/** @param {string} address of the folder that holds the files */
export async function loadInputs(address) {
  const load = async (/** @type {string} */ name) =>
    (await fetch(new URL(name, address))).arrayBuffer();
  const weights = Object.fromEntries(
    Object.entries(tensors(await load('model.safetensors'))).map(([name, tensor]) => [
      name.replace(/^ema\./, ''),
      tensor,
    ]),
  );
  const file = tensors(await load('batches.safetensors'));
  const batches = [0, 1, 2].map((i) => ({
    x_t: file[`x_t.${i}`].values,
    target: file[`target.${i}`].values,
    embedding: timestepEmbedding(file[`timesteps.${i}`].values, 32),
  }));
  return { weights, batches };
}

/**
 * Values `[n, c, h, w]` as `[n, h, w, c]`.
 * @param {Float32Array} values
 * @param {number} channels
 */
export function channelsLast(values, channels) {
  const area = SIZE * SIZE;
  const result = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const image = Math.floor(i / (channels * area));
    const channel = Math.floor(i / area) % channels;
    result[(image * area + (i % area)) * channels + channel] = values[i];
  }
  return result;
}

/**
 * A convolution's weights `[out, in, k, k]` as `[k, k, in, out]`.
 * @param {import('./safetensors.js').Tensor} tensor
 */
export function filterLast({ shape: [outputs, inputs, k], values }) {
  const taps = k * k;
  const result = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const tap = i % taps;
    const input = Math.floor(i / taps) % inputs;
    const output = Math.floor(i / (taps * inputs));
    result[(tap * inputs + input) * outputs + output] = values[i];
  }
  return result;
}

/**
 * As diffusers' `get_timestep_embedding` with `flip_sin_to_cos` and no frequency shift, in single
 * precision like it: `[n, size]`.
 * @param {ArrayLike<number>} timesteps
 * @param {number} size
 */
export function timestepEmbedding(timesteps, size) {
  const half = size / 2;
  const result = new Float32Array(timesteps.length * size);
  for (let n = 0; n < timesteps.length; n++) {
    for (let i = 0; i < half; i++) {
      const exponent = Math.fround((-Math.fround(Math.log(10000)) * i) / half);
      const angle = Math.fround(timesteps[n] * Math.fround(Math.exp(exponent)));
      result[n * size + i] = Math.cos(angle);
      result[n * size + half + i] = Math.sin(angle);
    }
  }
  return result;
}

// TensorFlow.js: WebAssembly, plain JavaScript, or WebGPU.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-backend-webgpu';
import { BATCH, channelsLast, filterLast, LEARNING_RATE, loadInputs, SIZE } from '../inputs.js';
import { unet } from './unet.js';

const GROUPS = 8;

/** @typedef {import('@tensorflow/tfjs-core').Tensor} Tensor */

/**
 * The gradient of a convolution by its filter, from operations that the WebAssembly backend has
 * (it lacks Conv2DBackpropFilter, so that stock TensorFlow.js cannot train there): for each tap of
 * the kernel the product of the input under it, transposed, with the gradient. Both operands
 * untransposed is the one form that its XNNPACK product takes.
 * @param {any} x `[n, h, w, in]`
 * @param {any} dy `[n, h, w, out]`
 * @param {number} k
 * @param {number} stride
 */
function filterGradient(x, dy, k, stride) {
  const [, , , inputs] = x.shape;
  const [n, height, width, outputs] = dy.shape;
  const pixels = n * height * width;
  const gradient = dy.reshape([pixels, outputs]);
  const margin = (k - 1) / 2;
  // Channels outermost: then what lies under a tap is a slice, transposed already.
  const planes = x.transpose([3, 0, 1, 2]);
  const padded = margin
    ? planes.pad([
        [0, 0],
        [0, 0],
        [margin, margin],
        [margin, margin],
      ])
    : planes;
  const taps = [];
  for (let row = 0; row < k; row++) {
    for (let column = 0; column < k; column++) {
      const end = [inputs, n, row + height * stride, column + width * stride];
      const under =
        stride === 1
          ? padded.slice([0, 0, row, column], [inputs, n, height, width])
          : tf.stridedSlice(
              padded,
              [0, 0, row, column],
              end.map((to, axis) => Math.min(to, padded.shape[axis])),
              [1, 1, stride, stride],
            );
      taps.push(tf.matMul(under.reshape([inputs, pixels]), gradient));
    }
  }
  return tf.stack(taps).reshape([k, k, inputs, outputs]);
}

/**
 * @param {{ variant: 'wasm' | 'cpu' | 'webgpu', inputs: string, assets: string }} job
 * @returns {Promise<import('../harness.js').Contender>}
 */
export async function create({ variant, inputs, assets }) {
  setWasmPaths(assets);
  if (!(await tf.setBackend(variant))) throw new Error(`TensorFlow.js has no ${variant} here`);
  await tf.ready();
  const { weights, batches } = await loadInputs(inputs);

  /** @type {Record<string, any>} */
  const parameters = {};
  for (const [name, tensor] of Object.entries(weights)) {
    const { shape, values } = tensor;
    const value =
      shape.length === 4
        ? tf.tensor(filterLast(tensor), [shape[2], shape[3], shape[1], shape[0]])
        : shape.length === 2
          ? tf.tensor(values, /** @type {[number, number]} */ (shape)).transpose()
          : tf.tensor(values, shape);
    parameters[name] = tf.variable(value, true, name);
  }

  const convolution = (/** @type {any} */ x, /** @type {any} */ filter, /** @type {number} */ stride) => {
    const margin = (filter.shape[0] - 1) / 2;
    if (variant !== 'wasm') return tf.conv2d(x, filter, stride, margin);
    const op = tf.customGrad((/** @type {any} */ x, /** @type {any} */ filter, /** @type {any} */ save) => {
      save([x, filter]);
      return {
        value: tf.conv2d(x, filter, stride, margin),
        gradFunc: (/** @type {any} */ dy, /** @type {any} */ [x, filter]) => [
          tf.conv2dTranspose(dy, filter, x.shape, stride, margin),
          filterGradient(x, dy, filter.shape[0], stride),
        ],
      };
    });
    return op(x, filter);
  };

  /** @type {import('./unet.js').Operations<any>} */
  const ops = {
    conv: (x, name, stride = 1) =>
      convolution(x, parameters[`${name}.weight`], stride).add(parameters[`${name}.bias`]),
    linear: (x, name) => tf.matMul(x, parameters[`${name}.weight`]).add(parameters[`${name}.bias`]),
    normSilu(x, name) {
      const [n, height, width, channels] = x.shape;
      const grouped = x.reshape([n, height * width, GROUPS, channels / GROUPS]);
      const { mean, variance } = tf.moments(grouped, [1, 3], true);
      const normal = grouped.sub(mean).mul(variance.add(1e-5).rsqrt()).reshape(x.shape);
      return ops.silu(normal.mul(parameters[`${name}.weight`]).add(parameters[`${name}.bias`]));
    },
    silu: (x) => x.mul(x.sigmoid()),
    add: (a, b) => a.add(b),
    addTime: (x, time) => x.add(time.reshape([time.shape[0], 1, 1, time.shape[1]])),
    concat: (a, b) => tf.concat([a, b], 3),
    // Not resizeNearestNeighbor: the gradient of the CPU backend's is wrong beyond the first image
    // of a batch, and WebAssembly's is missing.
    upsample(x) {
      const [n, height, width, channels] = x.shape;
      const wide = tf.concat([x, x], 3).reshape([n, height, 2 * width * channels]);
      return tf.concat([wide, wide], 2).reshape([n, 2 * height, 2 * width, channels]);
    },
  };

  const shape = [BATCH, SIZE, SIZE, 3];
  const data = batches.map(({ x_t, eps, embedding }) => ({
    x_t: tf.tensor(channelsLast(x_t, 3), shape),
    eps: tf.tensor(channelsLast(eps, 3), shape),
    embedding: tf.tensor(embedding, [BATCH, 32]),
  }));
  const optimizer = tf.train.adam(LEARNING_RATE, 0.9, 0.999, 1e-8);
  let step = 0;

  return {
    async train() {
      const { x_t, eps, embedding } = data[step++ % data.length];
      const loss = /** @type {any} */ (
        optimizer.minimize(
          () => /** @type {any} */ (tf.mean(tf.squaredDifference(unet(ops, x_t, embedding), eps))),
          true,
        )
      );
      const [value] = await loss.data();
      loss.dispose();
      return value;
    },
    async denoise() {
      const { x_t, embedding } = data[0];
      const x = tf.tidy(() => x_t.sub(unet(ops, x_t, embedding).mul(0.01)));
      await x.data();
      x.dispose();
    },
  };
}

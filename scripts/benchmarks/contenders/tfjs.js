// TensorFlow.js: WebAssembly, plain JavaScript, or WebGPU.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import '@tensorflow/tfjs-backend-cpu';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-backend-webgpu';
import { BATCH, channelsLast, filterLast, LEARNING_RATE, loadInputs, SIZE } from '../inputs.js';
import { unet } from './unet.js';

const GROUPS = 8;

/** @typedef {import('@tensorflow/tfjs-core').Tensor} Tensor */

/**
 * The gradients of a convolution, for the WebAssembly backend. It lacks Conv2DBackpropFilter, so
 * that stock TensorFlow.js cannot train there, and its Conv2DBackpropInput is a plain loop, ten
 * times slower than its convolutions. Both gradients are convolutions themselves, which XNNPACK
 * computes.
 * @param {any} dy `[n, h, w, out]`
 * @param {any} x `[n, stride · h, stride · w, in]`
 * @param {any} filter `[k, k, in, out]`
 * @param {number} stride
 */
function convolutionGradients(dy, x, filter, stride) {
  const [k, , inputs, outputs] = filter.shape;
  const margin = (k - 1) / 2;
  const mirrored = tf.reverse(filter, [0, 1]).transpose([0, 1, 3, 2]);
  // Channels are the batch, and the batch the channels: each tap sums over all pixels.
  const byTap = tf.conv2d(
    x.transpose([3, 1, 2, 0]),
    dy.transpose([1, 2, 0, 3]),
    1,
    margin,
    'NHWC',
    stride,
  );
  return [
    tf.conv2d(stride === 1 ? dy : spread(dy), mirrored, 1, margin),
    // A stride leaves a tap too many.
    byTap.slice([0, 0, 0, 0], [inputs, k, k, outputs]).transpose([1, 2, 0, 3]),
  ];
}

/**
 * A zero after every pixel to the right and below.
 * @param {any} x
 */
function spread(x) {
  const [n, height, width, channels] = x.shape;
  const wide = tf.concat([x, tf.zerosLike(x)], 3).reshape([n, height, 2 * width * channels]);
  return tf.concat([wide, tf.zerosLike(wide)], 2).reshape([n, 2 * height, 2 * width, channels]);
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

  const convolution = (
    /** @type {any} */ x,
    /** @type {any} */ filter,
    /** @type {number} */ stride,
  ) => {
    const margin = (filter.shape[0] - 1) / 2;
    if (variant !== 'wasm') return tf.conv2d(x, filter, stride, margin);
    const op = tf.customGrad(
      (/** @type {any} */ x, /** @type {any} */ filter, /** @type {any} */ save) => {
        save([x, filter]);
        return {
          value: tf.conv2d(x, filter, stride, margin),
          gradFunc: (/** @type {any} */ dy, /** @type {any} */ [x, filter]) =>
            convolutionGradients(dy, x, filter, stride),
        };
      },
    );
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
  const data = batches.map(({ x_t, target, embedding }) => ({
    x_t: tf.tensor(channelsLast(x_t, 3), shape),
    target: tf.tensor(channelsLast(target, 3), shape),
    embedding: tf.tensor(embedding, [BATCH, 32]),
  }));
  const optimizer = tf.train.adam(LEARNING_RATE, 0.9, 0.999, 1e-8);
  let step = 0;

  return {
    async train() {
      const { x_t, target, embedding } = data[step++ % data.length];
      const loss = /** @type {any} */ (
        optimizer.minimize(
          () =>
            /** @type {any} */ (tf.mean(tf.squaredDifference(unet(ops, x_t, embedding), target))),
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

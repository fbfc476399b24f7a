// jax-js: WebAssembly or WebGPU, each step compiled as one function.
import { defaultDevice, init, jit, lax, nn, numpy as np, valueAndGrad } from '@jax-js/jax';
import { BATCH, LEARNING_RATE, loadInputs, SIZE } from '../inputs.js';
import { unet } from './unet.js';

const GROUPS = 8;

/**
 * Everything below runs while jax-js traces, where an array that is used again must be passed as
 * `.ref`; passing each so costs nothing there.
 * @param {Record<string, any>} p
 * @returns {import('./unet.js').Operations<any>}
 */
const operations = (p) => {
  const perChannel = (/** @type {string} */ name) => p[name].ref.reshape([1, -1, 1, 1]);
  /** @type {import('./unet.js').Operations<any>} */
  const ops = {
    conv(x, name, stride = 1) {
      const filter = p[`${name}.weight`];
      const margin = (filter.shape[2] - 1) / 2;
      const padding = /** @type {[number, number]} */ ([margin, margin]);
      const strides = [stride, stride];
      const y = lax.conv(x.ref, filter.ref, strides, [padding, padding]);
      return y.add(perChannel(`${name}.bias`));
    },
    linear: (x, name) =>
      np.matmul(x.ref, p[`${name}.weight`].ref.transpose()).add(p[`${name}.bias`].ref),
    normSilu(x, name) {
      const grouped = x.ref.reshape([x.shape[0], GROUPS, -1]);
      const centred = grouped.ref.sub(np.mean(grouped, 2, { keepdims: true }));
      const variance = np.mean(np.square(centred.ref), 2, { keepdims: true });
      const normal = centred.div(np.sqrt(variance.add(1e-5))).reshape(x.shape);
      const y = normal.mul(perChannel(`${name}.weight`)).add(perChannel(`${name}.bias`));
      return nn.silu(y);
    },
    silu: (x) => nn.silu(x.ref),
    add: (a, b) => a.ref.add(b.ref),
    addTime: (x, time) => x.ref.add(time.reshape([time.shape[0], -1, 1, 1])),
    concat: (a, b) => np.concatenate([a.ref, b.ref], 1),
    upsample: (x) => np.repeat(np.repeat(x.ref, 2, 2), 2, 3),
  };
  return ops;
};

const loss = (
  /** @type {any} */ p,
  /** @type {any} */ x,
  /** @type {any} */ target,
  /** @type {any} */ embedding,
) => np.mean(np.square(unet(operations(p), x, embedding).sub(target.ref)));

/** Adam as PyTorch's; `c1` and `c2` undo the bias of the moments. */
const trainStep = jit(
  (
    /** @type {any} */ state,
    /** @type {any} */ x,
    /** @type {any} */ target,
    /** @type {any} */ embedding,
    /** @type {any} */ c1,
    /** @type {any} */ c2,
  ) => {
    const parameters = Object.fromEntries(
      Object.entries(state).map(([name, [value]]) => [name, value.ref]),
    );
    const [value, grads] = /** @type {any} */ (
      valueAndGrad(loss)(parameters, x, target, embedding)
    );
    const next = Object.fromEntries(
      Object.entries(state).map(([name, [w, m, v]]) => {
        const g = grads[name];
        const mean = m.mul(0.9).add(g.ref.mul(0.1));
        const square = v.mul(0.999).add(np.square(g).mul(0.001));
        const step = mean.ref
          .mul(c1.ref)
          .div(np.sqrt(square.ref.mul(c2.ref)).add(1e-8))
          .mul(LEARNING_RATE);
        return [name, [w.sub(step), mean, square]];
      }),
    );
    return /** @type {any} */ ([value, next]);
  },
);

const denoiseStep = jit(
  (/** @type {any} */ p, /** @type {any} */ x, /** @type {any} */ embedding) =>
    x.ref.sub(unet(operations(p), x, embedding).mul(0.01)),
);

/**
 * @param {{ variant: 'wasm' | 'webgpu', inputs: string }} job
 * @returns {Promise<import('../harness.js').Contender>}
 */
export async function create({ variant, inputs }) {
  const devices = await init(variant);
  if (!devices.includes(variant)) throw new Error(`jax-js has no ${variant} here`);
  defaultDevice(variant);
  const { weights, batches } = await loadInputs(inputs);
  const array = (/** @type {Float32Array<ArrayBuffer>} */ values, /** @type {number[]} */ shape) =>
    np.array(values).reshape(shape);
  /** @type {any} */
  let state = Object.fromEntries(
    Object.entries(weights).map(([name, { shape, values }]) => [
      name,
      [array(/** @type {any} */ (values), shape), np.zeros(shape), np.zeros(shape)],
    ]),
  );
  const images = [BATCH, 3, SIZE, SIZE];
  const data = batches.map(({ x_t, target, embedding }) => ({
    x_t: array(/** @type {any} */ (x_t), images),
    target: array(/** @type {any} */ (target), images),
    embedding: array(embedding, [BATCH, 32]),
  }));
  let step = 0;

  return {
    async train() {
      const { x_t, target, embedding } = data[step++ % data.length];
      const [c1, c2] = [0.9, 0.999].map((beta) => np.array(1 / (1 - beta ** step)));
      const [value, next] = /** @type {any} */ (
        trainStep(state, x_t.ref, target.ref, embedding.ref, c1, c2)
      );
      state = next;
      return (await value.data())[0];
    },
    async denoise() {
      const { x_t, embedding } = data[0];
      const parameters = Object.fromEntries(
        Object.entries(state).map(([name, [value]]) => [name, value.ref]),
      );
      const x = /** @type {any} */ (denoiseStep(parameters, x_t.ref, embedding.ref));
      await x.data();
    },
  };
}

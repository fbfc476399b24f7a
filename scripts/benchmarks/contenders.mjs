// Who is measured, on what, and for how many steps. Steps count the first one, which also compiles
// and allocates and is reported apart; where nobody has time for a second, the first is the figure.

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {'Chromium, CPU' | 'Chromium, software WebGPU' | 'native CPU'} place
 * @property {'browser' | 'lab' | 'cli' | 'pytorch'} kind
 * @property {string} [library] file in contenders/
 * @property {string} [variant] backend of that library
 * @property {string} [build] folder of pkg/
 * @property {number} [threads]
 * @property {number} steps
 * @property {number} denoisingSteps
 * @property {number} limit seconds
 * @property {string} [note]
 */

const cpu = { place: 'Chromium, CPU', kind: 'browser', steps: 7, denoisingSteps: 6, limit: 60 };
const gpu = { place: 'Chromium, software WebGPU', kind: 'browser', limit: 180 };
const native = { place: 'native CPU', steps: 16, denoisingSteps: 16, limit: 60 };

/** @type {Contender[]} */
export const CONTENDERS = /** @type {any} */ ([
  { ...native, name: 'Unnoise flex native, 1 thread', kind: 'cli', threads: 1 },
  { ...native, name: 'Unnoise flex native, 2 threads', kind: 'cli', threads: 2 },
  {
    ...native,
    name: 'PyTorch, 1 thread',
    kind: 'pytorch',
    threads: 1,
    note: 'eager, channels_last',
  },
  {
    ...native,
    name: 'PyTorch, 2 threads',
    kind: 'pytorch',
    threads: 2,
    note: 'eager, channels_last',
  },

  { ...cpu, name: 'Unnoise flex', library: 'unnoise', variant: 'flex', build: 'cpu-relaxed' },
  {
    ...cpu,
    name: 'Unnoise flex, plain SIMD',
    library: 'unnoise',
    variant: 'flex',
    build: 'cpu',
    note: 'the build for browsers without relaxed SIMD',
  },
  { ...cpu, name: 'Unnoise flex, 2 workers', kind: 'lab', variant: 'flex' },
  { ...cpu, name: 'Unnoise candle', library: 'unnoise', variant: 'candle', build: 'cpu-relaxed' },
  {
    ...cpu,
    name: 'TensorFlow.js wasm',
    library: 'tfjs',
    variant: 'wasm',
    note: 'cannot train as published: convolution gradients made by hand from its convolutions',
  },
  {
    ...cpu,
    name: 'TensorFlow.js CPU',
    library: 'tfjs',
    variant: 'cpu',
    steps: 1,
    denoisingSteps: 1,
    limit: 240,
    note: 'nearest upsampling by concatenation: its own has a wrong gradient',
  },
  {
    ...cpu,
    name: 'jax-js wasm',
    library: 'jax',
    variant: 'wasm',
    steps: 2,
    denoisingSteps: 1,
    limit: 120,
  },

  {
    ...gpu,
    name: 'Unnoise WebGPU',
    library: 'unnoise',
    variant: 'webgpu',
    build: 'gpu',
    steps: 3,
    denoisingSteps: 3,
  },
  { ...gpu, name: 'jax-js WebGPU', library: 'jax', variant: 'webgpu', steps: 3, denoisingSteps: 3 },
  {
    ...gpu,
    name: 'TensorFlow.js WebGPU',
    library: 'tfjs',
    variant: 'webgpu',
    steps: 2,
    denoisingSteps: 1,
    limit: 240,
  },
  {
    ...gpu,
    name: "burn's plain operations, WebGPU",
    library: 'unnoise',
    variant: 'webgpu',
    build: 'plain',
    steps: 1,
    denoisingSteps: 1,
    limit: 180,
    note: "Unnoise without its kernels: burn's own, no autotuning",
  },
]);

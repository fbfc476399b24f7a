import { msg } from './localize.js';

/**
 * Which backend to run on, and what to call it. The one rule: nothing that computes on the CPU is
 * ever called a GPU.
 *
 * @typedef {'webgpu' | 'flex' | 'candle'} BackendName
 *
 * @typedef {object} BackendChoice
 * @property {BackendName} backend
 * @property {string} adapter what it runs on, in words
 * @property {'gpu' | 'software' | 'cpu'} kind
 * @property {string} [reason] why it is not the one that one might expect
 */

/** The faster of the two CPU backends; what a browser without a real GPU gets. */
export const CPU_BACKEND = /** @type {BackendName} */ ('flex');

/** @type {readonly BackendName[]} */
export const BACKENDS = ['webgpu', 'flex', 'candle'];

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render|warp/i;

/**
 * @typedef {object} AdapterInfo
 * @property {string} [vendor]
 * @property {string} [architecture]
 * @property {string} [device]
 * @property {string} [description]
 * @property {boolean} [isFallbackAdapter]
 *
 * @typedef {object} Adapter
 * @property {AdapterInfo} info
 * @property {boolean} [isFallbackAdapter]
 */

/**
 * @param {string} [requested] a backend's name, or 'auto'
 * @returns {Promise<BackendChoice>}
 */
export async function chooseBackend(requested = 'auto') {
  if (requested === 'flex' || requested === 'candle') return cpuChoice(requested);
  const adapter = await requestAdapter();
  const gpu = describeAdapter(adapter);
  if (!gpu.usable) return cpuChoice(CPU_BACKEND, gpu.reason);
  if (requested === 'webgpu' || gpu.kind === 'gpu') {
    return { backend: 'webgpu', adapter: gpu.label, kind: gpu.kind, reason: gpu.reason };
  }
  return cpuChoice(
    CPU_BACKEND,
    msg('WebGPU here is only {0}, which the CPU backend outruns.', gpu.label),
  );
}

/**
 * @param {BackendName} backend
 * @param {string} [reason]
 * @returns {BackendChoice}
 */
export function cpuChoice(backend, reason) {
  return { backend, adapter: msg('CPU, WebAssembly'), kind: 'cpu', reason };
}

/** @returns {Promise<Adapter | null>} */
async function requestAdapter() {
  const gpu = /** @type {any} */ (globalThis.navigator)?.gpu;
  if (!gpu) return null;
  try {
    return await gpu.requestAdapter({ powerPreference: 'high-performance' });
  } catch {
    return null;
  }
}

/** A browser that lost the GPU may take seconds until it has it again. */
const RETURN_MS = 5_000;
const LOOK_MS = 250;

/**
 * Waits for the GPU after it was lost.
 * @returns {Promise<boolean>} whether there is one again
 */
export async function gpuReturns() {
  const end = performance.now() + RETURN_MS;
  for (;;) {
    if (await requestAdapter()) return true;
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/**
 * @param {Adapter | null} adapter
 * @returns {{ usable: boolean, kind: 'gpu' | 'software', label: string, reason?: string }}
 */
export function describeAdapter(adapter) {
  if (!adapter) {
    const reason = msg('This browser offers no WebGPU adapter.');
    return { usable: false, kind: 'software', label: msg('no adapter'), reason };
  }
  const info = adapter.info ?? {};
  const words = [info.vendor, info.architecture, info.device, info.description].filter(Boolean);
  const software =
    info.isFallbackAdapter || adapter.isFallbackAdapter || SOFTWARE.test(words.join(' '));
  const name = info.description || [info.vendor, info.architecture].filter(Boolean).join(' ');
  const label = software
    ? msg('a software adapter ({0}, runs on the CPU)', name || 'unnamed')
    : name || msg('GPU (the browser hides its name)');
  return { usable: true, kind: software ? 'software' : 'gpu', label };
}

/** More than this gain little: the sum of the gradients is one worker's work. */
const MAX_WORKERS = 8;

/**
 * How many workers compute on the CPU: all cores of a small machine, else all but the page's own.
 * @param {BackendName} backend
 * @param {number} [requested]
 */
export function workerCount(backend, requested) {
  if (backend === 'webgpu') return 1;
  const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
  const count = requested ?? (cores > 2 ? cores - 1 : cores);
  return Math.max(1, Math.min(Math.floor(count) || 1, MAX_WORKERS));
}

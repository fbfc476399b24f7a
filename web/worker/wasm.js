import { noWasm } from '../lib/wasm-module.js';

/**
 * The wasm builds as they run in a worker. Types are those of the wasm-bindgen bindings.
 *
 * @typedef {import('../lib/backend.js').BackendName} BackendName
 *
 * @typedef {object} Engine
 * @property {() => string} config
 * @property {() => number} parameterCount
 * @property {() => number} step
 * @property {(bytes: Uint8Array, count: number, size: number, labels?: Uint32Array) => void} setImages
 * @property {() => import('./protocol.js').Schedule} schedule
 * @property {(index: number, t: number, seed: number) => import('./protocol.js').Noisy} noisy
 * @property {(index: number, t: number, seed: number) => Uint8Array} chain
 * @property {(milliseconds: number, maxSteps: number) => Promise<import('./protocol.js').TrainReport>} train
 * @property {(first: number, count: number) => Promise<{ loss: number, grads: Float32Array }>} gradients
 * @property {(grads: Float32Array) => void} apply
 * @property {() => Promise<void>} warmUp
 * @property {() => Promise<void>} resetTraining
 * @property {(optionsJson: string, init?: Uint8Array, mask?: Uint8Array) => Sampling} sample
 * @property {(optionsJson: string, rgb?: Uint8Array) => Measurement} elbo
 * @property {(timesteps: number) => Measurement} floor
 * @property {(rgb: Uint8Array) => import('./protocol.js').Nearest} nearest
 * @property {(half: boolean) => Promise<Uint8Array>} save
 * @property {() => Promise<import('./protocol.js').ModelFiles>} exportDiffusers
 * @property {(bytes: Uint8Array) => Promise<void>} load
 * @property {() => void} free
 *
 * @typedef {object} Sampling
 * @property {number} total
 * @property {number} count
 * @property {number} size
 * @property {() => Promise<{ index: number, t: number, x_t: Uint8Array, pred_x0: Uint8Array | null } | undefined>} next
 * @property {() => void} free
 *
 * @typedef {object} Measurement
 * @property {number} left
 * @property {() => Promise<object | undefined>} next
 * @property {() => void} free
 *
 * @typedef {object} WasmModule
 * @property {(options: { module_or_path: WebAssembly.Module }) => Promise<unknown>} default
 * @property {{ create: (backend: BackendName, configJson: string) => Promise<Engine>, defaultConfig: (size: number, images: number, timesteps?: number) => string, importDiffusers: (files: import('./protocol.js').ModelFiles) => Uint8Array }} Engine
 */

/**
 * A build that runs here, and what was compiled of it, for further workers.
 * @typedef {import('../lib/wasm-module.js').Build} Build
 * @typedef {{ bindings: Promise<WasmModule>, build: Build }} Loaded
 */

/** @type {Map<BackendName, Loaded>} */
const loaded = new Map();

/**
 * @param {BackendName} backend
 * @param {Build} build for that backend
 */
export async function loadWasm(backend, build) {
  const { family } = build;
  // Backends of one build share the instance.
  const known = [...loaded.values()].find((other) => other.build.family === family);
  const entry = known ?? { bindings: instantiate(build), build };
  loaded.set(backend, entry);
  try {
    await entry.bindings;
  } catch (error) {
    // A failed download of the bindings must not stick: the next request tries again.
    loaded.delete(backend);
    throw error;
  }
}

/**
 * What `loadWasm` has loaded.
 * @param {BackendName} backend
 */
export function loadedWasm(backend) {
  const known = loaded.get(backend);
  if (!known) throw new Error(`The build for ${backend} was not loaded.`);
  return known;
}

/** @param {Build} build */
async function instantiate({ family, module }) {
  try {
    // Relative to the bundled worker, which sits beside the folders of the builds.
    const address = new URL(`./${family}/unnoise.js`, import.meta.url).href;
    const bindings = /** @type {WasmModule} */ (await import(address));
    await bindings.default({ module_or_path: module });
    return bindings;
  } catch (cause) {
    throw noWasm(family, cause);
  }
}

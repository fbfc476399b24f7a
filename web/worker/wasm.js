import { noWasm } from '../lib/wasm-module.js';

/**
 * @import { BackendName } from '../lib/backend.js'
 * @import { Build } from '../lib/wasm-module.js'
 * @import { BoundPart, FramePart, Gradients, ModelFiles, Nearest, Noisy } from './protocol.js'
 * @import { OptimalLossPart, Schedule, Shape, TrainReport } from './protocol.js'
 */

/**
 * The wasm builds as they run in a worker. Types are those of the wasm-bindgen bindings.
 *
 * @typedef {object} Engine
 * @property {() => string} config
 * @property {() => number} parameterCount
 * @property {() => number} step
 * @property {SetImages} setImages
 * @property {() => Schedule} schedule
 * @property {(index: number, t: number, seed: number) => Noisy} noisy
 * @property {(milliseconds: number, maxSteps: number) => Promise<TrainReport>} train
 * @property {(first: number, count: number) => Promise<Gradients>} gradients
 * @property {(grads: Float32Array) => void} apply
 * @property {() => Promise<void>} warmUp
 * @property {() => Promise<void>} resetTraining
 * @property {(optionsJson: string, init?: Uint8Array, mask?: Uint8Array) => Sampling} sample
 * @property {(optionsJson: string, rgb?: Uint8Array) => Measurement<BoundPart>} elbo
 * @property {(timesteps: number) => Measurement<OptimalLossPart>} floor
 * @property {(rgb: Uint8Array) => Nearest} nearest
 * @property {(half: boolean) => Promise<Uint8Array>} save
 * @property {() => Promise<ModelFiles>} exportDiffusers
 * @property {(bytes: Uint8Array) => Promise<void>} load
 * @property {() => void} free
 *
 * @typedef {(bytes: Uint8Array, count: number, size: number, labels?: Uint32Array) => void}
 *   SetImages
 *
 * @typedef {Shape & Measurement<FramePart>} Sampling
 *
 * @typedef {object} EngineClass
 * @property {(backend: BackendName, configJson: string) => Promise<Engine>} create
 * @property {(size: number, images: number, timesteps?: number) => string} defaultConfig JSON
 * @property {(files: ModelFiles) => Uint8Array} importDiffusers a checkpoint
 *
 * @typedef {object} WasmModule
 * @property {(options: { module_or_path: WebAssembly.Module }) => Promise<unknown>} default
 * @property {EngineClass} Engine
 */

/**
 * @template Part
 * @typedef {object} Measurement
 * @property {() => Promise<Part | undefined>} next
 * @property {() => void} free
 */

/**
 * A build that runs here, and what was compiled of it, for further workers.
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

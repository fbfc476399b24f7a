import * as cpu from 'bindings/cpu';
import * as relaxed from 'bindings/cpu-relaxed';
import * as gpu from 'bindings/gpu';
import { noWasm } from '../lib/wasm-module.js';

/**
 * The wasm builds as they run in a worker.
 *
 * @import { BackendName } from '../lib/backend.js'
 * @import { Build, Family } from '../lib/wasm-module.js'
 * @import { Bindings } from './bindings.js'
 *
 * @typedef {object} Loaded a build that runs here
 * @property {Promise<Bindings>} bindings
 * @property {Build} build what was compiled of it, for further workers
 */

/**
 * Part of the worker's script, which then needs no other file and runs as it is in any bundler.
 * @type {Record<Family, Bindings>}
 */
const BINDINGS = { cpu, 'cpu-relaxed': relaxed, gpu };

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
    // A failure must not stick: the next request tries again.
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
    const bindings = BINDINGS[family];
    await bindings.default({ module_or_path: module });
    return bindings;
  } catch (cause) {
    throw noWasm(family, cause);
  }
}

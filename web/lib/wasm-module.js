import { relaxedSimd } from 'wasm-feature-detect';
import { fetchAsset } from './assets.js';
import { LabError } from './errors.js';
import { msg } from './localize.js';

/**
 * The wasm builds, each fetched and compiled once a page: a compiled module can be sent to any
 * number of workers, which share its code.
 *
 * @import { BackendName } from './backend.js'
 * @typedef {'gpu' | 'cpu' | 'cpu-relaxed'} Family the folder of a build
 * @typedef {{ family: Family, module: WebAssembly.Module }} Build
 */

/** @type {Map<Family, Promise<Build>>} */
const builds = new Map();

/**
 * The build for a backend. That for the CPU comes twice: relaxed SIMD multiplies and adds in one
 * instruction, but not every browser has it.
 * @param {BackendName} backend
 * @returns {Promise<Family>}
 */
async function familyOf(backend) {
  if (backend === 'webgpu') return 'gpu';
  return (await relaxedSimd()) ? 'cpu-relaxed' : 'cpu';
}

/**
 * @param {BackendName} backend
 * @returns {Promise<Build>}
 */
export async function compileWasm(backend) {
  const family = await familyOf(backend);
  let build = builds.get(family);
  if (!build) {
    build = fetchModule(family).then((module) => ({ family, module }));
    builds.set(family, build);
    // A failed download must not stick: the next request tries again.
    build.catch(() => builds.delete(family));
  }
  return build;
}

/** @param {Family} family */
async function fetchModule(family) {
  try {
    const response = await fetchAsset(`${family}/unnoise_bg.wasm`);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    // Not every static host knows the type without which nothing is compiled as it arrives.
    const streams = response.headers.get('content-type') === 'application/wasm';
    return await (streams
      ? WebAssembly.compileStreaming(response)
      : WebAssembly.compile(await response.arrayBuffer()));
  } catch (cause) {
    throw noWasm(family, cause);
  }
}

/**
 * @param {Family} family
 * @param {unknown} cause
 */
export const noWasm = (family, cause) =>
  new LabError(
    'no-wasm',
    msg(
      'The WebAssembly part could not be loaded. Check the connection and reload the page; ' +
        'if you host it yourself, check the base path and that the folder “{0}” is there.',
      family,
    ),
    { cause },
  );

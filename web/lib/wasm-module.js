import { LabError } from './errors.js';

/**
 * The two wasm builds, each fetched and compiled once a page: a compiled module can be sent to any
 * number of workers, which share its code.
 *
 * @typedef {import('./backend.js').BackendName} BackendName
 */

/**
 * The folder of a backend's build.
 * @param {BackendName} backend
 */
export const familyOf = (backend) => (backend === 'webgpu' ? 'gpu' : 'cpu');

/** @type {Map<string, Promise<WebAssembly.Module>>} */
const modules = new Map();

/**
 * @param {BackendName} backend
 * @returns {Promise<WebAssembly.Module>}
 */
export function compileWasm(backend) {
  const family = familyOf(backend);
  let module = modules.get(family);
  if (!module) {
    module = fetchModule(family);
    modules.set(family, module);
    // A failed download must not stick: the next request tries again.
    module.catch(() => modules.delete(family));
  }
  return module;
}

/** @param {string} family */
async function fetchModule(family) {
  try {
    // Relative to the bundled script, which sits beside the folders `gpu` and `cpu`.
    const response = await fetch(new URL(`./${family}/unnoise_bg.wasm`, import.meta.url));
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
 * @param {string} family
 * @param {unknown} cause
 */
export const noWasm = (family, cause) =>
  new LabError(
    'no-wasm',
    'The WebAssembly part could not be loaded. Check the connection and reload the page; ' +
      `if you host it yourself, check that the folder “${family}” was copied too.`,
    { cause },
  );

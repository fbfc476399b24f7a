/**
 * The two wasm builds, loaded on first use. Types are those of the wasm-bindgen bindings.
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
 * @property {(index: number, seed: number, t: number) => Uint8Array} chain
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
 * @property {() => Promise<unknown>} default
 * @property {{ create: (backend: BackendName, configJson: string) => Promise<Engine>, defaultConfig: (size: number, images: number, timesteps?: number) => string, importDiffusers: (files: import('./protocol.js').ModelFiles) => Uint8Array }} Engine
 */

/** @type {Map<string, Promise<WasmModule>>} */
const modules = new Map();

/**
 * @param {BackendName} backend
 * @returns {Promise<WasmModule>}
 */
export function loadWasm(backend) {
  const family = backend === 'webgpu' ? 'gpu' : 'cpu';
  let module = modules.get(family);
  if (!module) {
    module = importWasm(family);
    modules.set(family, module);
    // A failed download must not stick: the next request tries again.
    module.catch(() => modules.delete(family));
  }
  return module;
}

/** @param {string} family */
async function importWasm(family) {
  try {
    // Relative to the bundled worker, which sits beside the folders `gpu` and `cpu`.
    const address = new URL(`./${family}/unnoise.js`, import.meta.url).href;
    const module = /** @type {WasmModule} */ (await import(address));
    await module.default();
    return module;
  } catch (cause) {
    const message =
      'The WebAssembly part could not be loaded. Check the connection and reload the page; ' +
      `if you host it yourself, check that the folder “${family}” was copied too.`;
    throw Object.assign(new Error(message, { cause }), { code: 'no-wasm' });
  }
}

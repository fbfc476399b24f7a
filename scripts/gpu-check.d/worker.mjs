// Node as the engine expects a worker of a browser to be, with Dawn, which is Chrome's WebGPU.
import { createRequire } from 'node:module';

/**
 * @param {string} addon Dawn for Node, as npm's `webgpu` has it
 * @param {string[]} [options] of Dawn, such as `backend=null`
 */
export function becomeWorker(addon, options = []) {
  const { create, globals } = createRequire(import.meta.url)(addon);
  Object.assign(globalThis, globals);
  const navigator = { gpu: create(options) };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  globalThis.self = globalThis;
  globalThis.WorkerGlobalScope = class {
    static [Symbol.hasInstance]() {
      return true;
    }
  };
}

/**
 * @typedef {object} Device what is used of WebGPU's GPUDevice
 * @property {(this: Device, descriptor: unknown) => unknown} createComputePipeline
 * @property {(filter: 'out-of-memory') => void} pushErrorScope
 * @property {() => Promise<unknown>} popErrorScope
 */

/**
 * Counts the GPU's programs while they are compiled, which takes from milliseconds to seconds each
 * and happens behind the back of whoever launches them.
 *
 * @param {(progress: import('./protocol.js').Compiling) => void} report called for every program,
 *   when it is asked for and when it is there
 */
export function watchCompiling(report) {
  const { GPUDevice } = /** @type {{ GPUDevice?: { prototype: Device } }} */ (globalThis);
  if (!GPUDevice) return;
  const device = GPUDevice.prototype;
  const create = device.createComputePipeline;
  let [done, total] = [0, 0];
  device.createComputePipeline = function (descriptor) {
    // The scope is answered once all that was asked for before is done. No program fails for lack
    // of memory, so it keeps no error from those who wait for them.
    this.pushErrorScope('out-of-memory');
    const pipeline = create.call(this, descriptor);
    const compiled = this.popErrorScope();
    if (done === total) [done, total] = [0, 0];
    total++;
    report({ done, total });
    const finish = () => report({ done: ++done, total });
    compiled.then(finish, finish);
    return pipeline;
  };
}

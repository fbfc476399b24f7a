/**
 * @typedef {{ features: Iterable<string> }} Adapter what is used of WebGPU's GPUAdapter
 */

/**
 * Lets every adapter say that it has `timestamp-query`.
 *
 * cubecl 0.10 takes the GPU's timestamps for its profiler if the adapter has them, and where it has
 * not, panics in a browser at the first operation, since other profiling would have to wait there
 * (`WgpuStream::new`). But only while it profiles does it make a query set (`QueryProfiler`), and
 * nobody asks it to. So the device is not asked for the feature (`src/ops/webgpu/device.rs`), and
 * what it says of itself stays true.
 */
export function claimTimestampQuery() {
  const { GPUAdapter } = /** @type {{ GPUAdapter?: { prototype: Adapter } }} */ (globalThis);
  if (!GPUAdapter) return;
  const adapter = GPUAdapter.prototype;
  const property = Object.getOwnPropertyDescriptor(adapter, 'features');
  const features = property?.get;
  if (!features) return;
  Object.defineProperty(adapter, 'features', {
    ...property,
    /** @this {Adapter} */
    get() {
      return new Set([...features.call(this), 'timestamp-query']);
    },
  });
}

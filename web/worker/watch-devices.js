/**
 * @typedef {object} Device what is used of WebGPU's GPUDevice
 * @property {Promise<{ message: string }>} lost
 * @property {(type: 'uncapturederror', listener: (event: { error: Error }) => void) => void} addEventListener
 *
 * @typedef {(descriptor?: unknown) => Promise<Device>} RequestDevice
 */

/** What cubecl 0.10 panics with when it reads from a GPU that was lost. */
const READ_PANIC = 'Failed to map buffer';
const LOST = 'The GPU was lost';

/**
 * @param {string} what happened
 * @param {string} [why] in the words of the browser, whose first line has the cause
 */
function sentence(what, why) {
  const cause = why?.split('\n')[0].replace(/\.$/, '');
  return cause ? `${what} (${cause}).` : `${what}.`;
}

/**
 * Watches every GPU device that is opened here. The core sees an error of a device only when it next
 * reads from it, and a loss perhaps never, since reading panics then. The first error counts: what
 * comes after are consequences.
 *
 * @param {(message: string) => void} failed called when a device is lost or has refused an operation
 */
export function watchDevices(failed) {
  const { GPUAdapter } =
    /** @type {{ GPUAdapter?: { prototype: { requestDevice: RequestDevice } } }} */ (globalThis);
  if (!GPUAdapter) return;
  const adapter = GPUAdapter.prototype;
  const { requestDevice } = adapter;
  adapter.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor);
    device.lost.then(({ message }) => failed(sentence(LOST, message)));
    device.addEventListener('uncapturederror', ({ error }) =>
      failed(sentence('The GPU refused an operation', error.message)),
    );
    return device;
  };
}

/**
 * @param {string} panic
 * @returns {string | undefined} what to say of it, if a lost GPU is its cause
 */
export const lossBehind = (panic) => (panic.includes(READ_PANIC) ? sentence(LOST) : undefined);

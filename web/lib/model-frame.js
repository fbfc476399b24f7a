/**
 * Fetching through `model-frame.html`, for pages whose policy allows no connection to other hosts.
 *
 * @import { Head, ModelResponse } from './model-download.js'
 * @typedef {{ head: Head } | { piece: Uint8Array<ArrayBuffer> } | { end: true } | { failed: string }} FrameReply
 */

/** How long the frame may take to load, in milliseconds: it is a page of a kilobyte. */
const LOAD_LIMIT_MS = 15_000;

/**
 * @param {string} frameAddress of `model-frame.html`
 * @param {URL} address of the file
 * @param {AbortSignal} signal ends it at any time
 * @returns {Promise<ModelResponse>}
 */
export async function fetchInFrame(frameAddress, address, signal) {
  const frame = document.createElement('iframe');
  frame.sandbox.add('allow-scripts');
  frame.referrerPolicy = 'no-referrer';
  frame.hidden = true;
  frame.src = frameAddress;
  // With the frame goes whatever it is fetching.
  const remove = () => frame.remove();
  signal.addEventListener('abort', remove, { once: true });
  try {
    await loaded(frame, signal);
    const ask = conversation(frame, address, signal);
    const reply = await ask();
    if (!('head' in reply)) throw new Error('failed' in reply ? reply.failed : 'no answer');
    const body = new ReadableStream(
      {
        async pull(controller) {
          const reply = await ask();
          if ('piece' in reply) return controller.enqueue(reply.piece);
          remove();
          if ('failed' in reply) controller.error(new Error(reply.failed));
          else controller.close();
        },
        cancel: remove,
      },
      // Nothing is asked for ahead.
      { highWaterMark: 0 },
    );
    return { ...reply.head, body };
  } catch (error) {
    remove();
    throw error;
  }
}

/**
 * @param {HTMLIFrameElement} frame
 * @param {AbortSignal} signal
 */
async function loaded(frame, signal) {
  let late = 0;
  try {
    await new Promise((resolve, reject) => {
      late = window.setTimeout(() => reject(new Error('The frame is late.')), LOAD_LIMIT_MS);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      frame.addEventListener('load', resolve, { once: true });
      document.body.append(frame);
    });
  } finally {
    clearTimeout(late);
  }
}

/**
 * The frame answers the address with what the host said, and every question after that with a piece.
 *
 * @param {HTMLIFrameElement} frame
 * @param {URL} address
 * @param {AbortSignal} signal
 * @returns {() => Promise<FrameReply>}
 */
function conversation(frame, address, signal) {
  const { port1, port2 } = new MessageChannel();
  let begun = false;
  return () =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      port1.onmessage = ({ data }) => resolve(data);
      // Its origin is its own, and has no name to say here.
      if (begun) port1.postMessage('next');
      else frame.contentWindow?.postMessage(address.href, '*', [port2]);
      begun = true;
    });
}

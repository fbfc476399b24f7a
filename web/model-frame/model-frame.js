/**
 * Fetches one file from another host for a page whose own policy allows no connection there.
 *
 * It runs in a frame with an origin of its own (`sandbox="allow-scripts"`), so that it reaches
 * nothing of the page: no images, no storage. It is told an address and gives back bytes, a piece
 * whenever it is asked for one.
 */

/**
 * @import { FrameReply } from '../lib/model-frame.js'
 */

addEventListener('message', ({ data, source, ports: [port] }) => {
  if (source !== parent || !port) return;
  serve(String(data), port);
});

/**
 * @param {string} address
 * @param {MessagePort} port
 */
async function serve(address, port) {
  /** @param {FrameReply} reply @param {Transferable[]} [transfer] */
  const reply = (reply, transfer = []) => port.postMessage(reply, transfer);
  try {
    const response = await fetch(address, { credentials: 'omit', referrerPolicy: 'no-referrer' });
    const reader = response.body?.getReader();
    port.onmessage = async () => {
      try {
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
        if (done || !value) reply({ end: true });
        else reply({ piece: value }, [value.buffer]);
      } catch (error) {
        reply({ failed: String(error) });
      }
    };
    const { ok, status, url, headers } = response;
    const type = headers.get('content-type') ?? '';
    reply({ head: { ok, status, url, type, length: Number(headers.get('content-length')) } });
  } catch (error) {
    reply({ failed: String(error) });
  }
}

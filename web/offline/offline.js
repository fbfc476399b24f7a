import { trustedScript } from '../lib/trusted-types.js';

/**
 * The page's side of its service worker (`service-worker.js`), which keeps the page for use without
 * a network. Where there are no service workers, or they are refused, the page is as without.
 */

/** For longer no page waits for a new version. */
const PATIENCE_MS = 3_000;

/** @param {string} address of the service worker */
const scriptOf = (address) => new URL(address, document.baseURI).href;

/** A page in a frame leaves it to its author's page. */
const usable = () => isSecureContext && 'serviceWorker' in navigator && window.top === window;

/** @type {Promise<void> | undefined} */
let opening;

/**
 * Resolves when the page may start. If a new version waits and no other page is open, it takes over
 * and the page is loaded anew, which nothing is lost by yet.
 * @param {string} address of the service worker
 * @param {() => boolean} busy whether the page trains
 */
export function openNewest(address, busy) {
  // Once the page is there it is in use.
  const fresh = document.readyState !== 'complete' && usable();
  opening ??= fresh ? takeNewest(address, busy).catch(() => {}) : Promise.resolve();
  return opening;
}

/**
 * Another worker has come under the page, because the site has none any more, or for a page that was
 * opened in the same moment. Unless someone has begun to use the page it is loaded anew.
 * @param {() => boolean} busy
 */
function onOtherWorker(busy) {
  const touched = navigator.userActivation?.hasBeenActive ?? true;
  if (!touched && !busy()) location.reload();
}

/**
 * @param {string} address
 * @param {() => boolean} busy
 */
async function takeNewest(address, busy) {
  const { serviceWorker } = navigator;
  if (!serviceWorker.controller) return;
  serviceWorker.addEventListener('controllerchange', () => onOtherWorker(busy));
  const waiting = (await serviceWorker.getRegistration(scriptOf(address)))?.waiting;
  if (!waiting) return;
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
  waiting.postMessage({ unnoise: 'alone?' }, [port2]);
  if (!(await soon(answer))) return;
  const changed = new Promise((resolve) =>
    serviceWorker.addEventListener('controllerchange', () => resolve(true), { once: true }),
  );
  waiting.postMessage({ unnoise: 'take over' });
  if (!(await soon(changed))) return;
  location.reload();
  await new Promise(() => {});
}

/** @param {Promise<unknown>} promise whose value is false if it takes too long */
const soon = (promise) =>
  Promise.race([promise, new Promise((resolve) => setTimeout(() => resolve(false), PATIENCE_MS))]);

/**
 * Has the page kept, with what it has used so far. Called once it works, so as not to delay that.
 * @param {string} address of the service worker
 */
export async function keepOffline(address) {
  try {
    const { connection } = /** @type {{ connection?: { saveData?: boolean } }} */ (navigator);
    if (!usable() || connection?.saveData) return;
    const { serviceWorker } = navigator;
    // Scripts that it imports count as parts of it, however long they may be cached.
    const options = /** @type {const} */ ({ updateViaCache: 'none' });
    const registration = await serviceWorker.register(trustedScript(scriptOf(address)), options);
    // Browsers look for a new version by themselves, but may take their time.
    if (serviceWorker.controller) registration.update().catch(() => {});
    const { active } = await serviceWorker.ready;
    const used = performance.getEntriesByType('resource').map(({ name }) => name);
    active?.postMessage({ unnoise: 'keep', used });
  } catch {
    // The site has no service worker, or the browser refuses it.
  }
}

/** The caches in which the page is kept. */
async function keptIn() {
  const names = (await globalThis.caches?.keys().catch(() => undefined)) ?? [];
  return names.filter((name) => {
    const [, scope] = /^unnoise (\S+) /.exec(name) ?? [];
    return scope !== undefined && location.href.startsWith(scope);
  });
}

/** Whether the page is kept for use without a network, or part of it. */
export const isKept = async () => (await keptIn()).length > 0;

/** Deletes what is kept of the page, until the next visit. */
export async function forgetOffline() {
  for (const name of await keptIn()) await caches.delete(name);
}

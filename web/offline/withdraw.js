/**
 * In the place of a page's service worker, takes that one back: for a site that no longer wants to
 * be kept, and for development, where a page must not come from a cache.
 */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

worker.addEventListener('install', () => worker.skipWaiting());

worker.addEventListener('activate', (event) => event.waitUntil(withdraw()));

async function withdraw() {
  const { registration } = worker;
  for (const name of await caches.keys()) {
    if (name.startsWith(`unnoise ${registration.scope} `)) await caches.delete(name);
  }
  await registration.unregister();
}

/**
 * In the place of a page's service worker, takes that one back: for a site that no longer wants to
 * be kept, and for development, where a page must not come from a cache. It stays in its place and
 * answers nothing: a page that registers it on every visit would bring it back.
 */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

worker.addEventListener('install', () => worker.skipWaiting());

worker.addEventListener('activate', (event) => event.waitUntil(forget()));

async function forget() {
  const { scope } = worker.registration;
  for (const name of await caches.keys()) {
    if (name.startsWith(`unnoise ${scope} `)) await caches.delete(name);
  }
}

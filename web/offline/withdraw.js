/**
 * In the place of a page's service worker, takes that one back: for a site that no longer wants to
 * be kept, and for development, where a page must not come from a cache.
 */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

worker.addEventListener('install', () => worker.skipWaiting());

worker.addEventListener('activate', (event) => event.waitUntil(withdraw()));

async function withdraw() {
  const { registration, clients } = worker;
  for (const name of await caches.keys()) {
    if (name.startsWith(`unnoise ${registration.scope} `)) await caches.delete(name);
  }
  // Those that the worker before has given its files; a page that is new here is not among them.
  const windows = await clients.matchAll({ type: 'window' });
  await registration.unregister();
  for (const client of windows) client.navigate(client.url);
}

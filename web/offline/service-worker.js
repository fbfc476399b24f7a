import { relaxedSimd } from 'wasm-feature-detect';

/**
 * What a page's service worker does so that the page opens, trains and samples without a network.
 * The page's own script imports this one and calls `unnoiseOffline`: see docs/offline.md.
 *
 * Every version has a cache of its own, named by a hash of its files, and every file is checked
 * against its own hash before it is kept: nothing of another version can get in. A version whose
 * cache is not whole is not used.
 */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/** Other pages of the origin have caches of their own. */
const PREFIX = `unnoise ${worker.registration.scope} `;
const CACHE = PREFIX + BUILD.version;
/** An entry that is written last. */
const WHOLE = new URL('unnoise-whole', worker.registration.scope).href;

/**
 * @param {object} [options]
 * @param {string} [options.folder] of the package, relative to the worker
 * @param {string[]} [options.pages] the author's pages and what else they need; without them the
 *   page is the lab's own, which belongs to the build
 */
function unnoiseOffline({ folder = 'pkg/', pages } = {}) {
  const home = new URL('./', worker.location.href).href;
  const base = new URL(folder, home);
  if (base.origin !== worker.location.origin) {
    throw new Error('Only a package on the origin of the page can be kept for use offline.');
  }
  const inPackage = (/** @type {string} */ name) => new URL(name, base).href;
  /** Hashes of the files by their addresses. */
  const files = new Map(Object.entries(BUILD.files).map(([name, hash]) => [inPackage(name), hash]));
  if (!pages) files.set(home, BUILD.page);
  /** Only those that are used. */
  const later = new Set(BUILD.later.map(inPackage));
  const own = new Set((pages ?? []).map((page) => new URL(page, home).href));

  /** @param {string} address */
  async function fetchWhole(address) {
    const integrity = files.get(address) ?? '';
    const get = (/** @type {RequestCache} */ cache) =>
      fetch(address, { integrity, cache, redirect: 'error' });
    // What the browser has will do, if it is the file that is meant.
    const response = integrity
      ? await get('force-cache').catch(() => get('reload'))
      : await get('no-cache');
    if (!response.ok) throw new Error(`${address}: HTTP ${response.status}`);
    return response;
  }

  /** @param {Iterable<string>} used addresses beside those that every page needs */
  async function fill(used) {
    const relaxed = await relaxedSimd().catch(() => false);
    const family = inPackage(`${relaxed ? 'cpu-relaxed' : 'cpu'}/unnoise_bg.wasm`);
    const usual = [...files.keys()].filter((address) => !later.has(address));
    const wanted = new Set([...usual, ...own]);
    for (const address of [family, ...used]) if (files.has(address)) wanted.add(address);
    const cache = await caches.open(CACHE);
    // What an attempt before has fetched need not come again.
    for (const { url } of await cache.keys()) wanted.delete(url);
    const fetched = [...wanted].map(async (address) =>
      cache.put(address, await fetchWhole(address)),
    );
    await Promise.all(fetched);
    await cache.put(WHOLE, new Response());
  }

  /** The addresses that versions before have in their caches. */
  async function usedBefore() {
    const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
    const requests = names.map(async (name) => (await caches.open(name)).keys());
    return (await Promise.all(requests)).flat().map(({ url }) => url);
  }

  /** @param {Request} request @param {string} address that it means */
  async function answer(request, address) {
    const cache = (await caches.has(CACHE)) ? await caches.open(CACHE) : undefined;
    // It was deleted: as without a service worker, until it is filled again.
    if (!(await cache?.match(WHOLE))) return fetch(request);
    const kept = await cache?.match(address, { ignoreVary: true });
    if (kept) return kept;
    const response = await fetchWhole(address);
    await cache?.put(address, response.clone());
    return response;
  }

  /** The author's pages change when they like. @param {Request} request @param {string} address */
  async function freshOrKept(request, address) {
    try {
      const response = await fetch(request);
      const whole = response.ok && !response.redirected && (await caches.has(CACHE));
      if (whole) await (await caches.open(CACHE)).put(address, response.clone());
      return response;
    } catch (error) {
      const kept = await caches.match(address, { cacheName: CACHE, ignoreVary: true });
      if (!kept) throw error;
      return kept;
    }
  }

  worker.addEventListener('install', (event) => event.waitUntil(usedBefore().then(fill)));

  worker.addEventListener('activate', (event) => event.waitUntil(forgetOthers()));

  worker.addEventListener('fetch', (event) => {
    const { request } = event;
    if (request.method !== 'GET' || request.headers.has('range')) return;
    const address = addressOf(request);
    if (own.has(address)) event.respondWith(freshOrKept(request, address));
    else if (files.has(address)) event.respondWith(answer(request, address));
  });

  worker.addEventListener('message', (event) => {
    const { unnoise, used = [] } = event.data ?? {};
    if (unnoise === 'keep') event.waitUntil(fill(used).catch(() => {}));
    if (unnoise === 'alone?') {
      event.waitUntil(isAlone().then((alone) => event.ports[0]?.postMessage(alone)));
    }
    if (unnoise === 'take over') event.waitUntil(worker.skipWaiting());
  });
}

/** @param {Request} request */
function addressOf({ url, mode }) {
  const { origin, pathname, search } = new URL(url);
  if (mode !== 'navigate') return origin + pathname + search;
  return origin + pathname.replace(/\/index\.html$/, '/');
}

/** Called once no page uses them. */
async function forgetOthers() {
  const names = await caches.keys();
  const others = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(others.map((name) => caches.delete(name)));
}

/** Whether the page that asks is the only one that is open. */
async function isAlone() {
  // The page that it replaces may take a moment to be gone.
  for (let tries = 0; tries < 3; tries++) {
    const windows = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
    const { scope } = worker.registration;
    if (windows.filter(({ url }) => url.startsWith(scope)).length <= 1) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

Object.assign(worker, { unnoiseOffline });

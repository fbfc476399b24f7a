import { assetAddress } from './assets.js';
import { trustedScript } from './trusted-types.js';
import { WorkerClient } from './worker-client.js';

/**
 * From a content delivery network the script is of another origin, where no worker may be started
 * directly; a local script that imports it may.
 */
function spawn() {
  const address = assetAddress('worker.js');
  if (address.origin === globalThis.location?.origin || address.protocol === 'file:') {
    return new Worker(trustedScript(address), { type: 'module' });
  }
  const script = new Blob([`import ${JSON.stringify(address.href)};`], { type: 'text/javascript' });
  return new Worker(trustedScript(URL.createObjectURL(script)), { type: 'module' });
}

/**
 * The workers of all labs on the page. One core is left to the page; two workers at least, so that
 * the forward process answers at once while another lab trains.
 */
const MAX_WORKERS = Math.max(2, Math.min(4, (globalThis.navigator?.hardwareConcurrency ?? 2) - 1));

/** @type {Set<WorkerClient>} */
const pool = new Set();

/**
 * @param {{ fresh?: boolean }} [options] whether it must be one that nobody has used
 * @returns {WorkerClient}
 */
export function acquireWorker({ fresh = false } = {}) {
  for (const client of pool) if (client.failure) pool.delete(client);
  let client = [...pool].sort((a, b) => a.users - b.users)[0];
  if (fresh || !client || (client.users > 0 && pool.size < MAX_WORKERS)) {
    client = new WorkerClient(spawn());
    pool.add(client);
  }
  client.users++;
  return client;
}

/**
 * @param {WorkerClient} client
 * @param {{ keep?: boolean }} [how] whether it stays for whoever comes next, though nobody uses it
 */
export function releaseWorker(client, { keep = false } = {}) {
  client.users--;
  if (!keep) endUnused();
}

/** Ends the workers that nobody uses. */
export function endUnused() {
  for (const client of pool) {
    if (client.users > 0) continue;
    client.terminate();
    pool.delete(client);
  }
}

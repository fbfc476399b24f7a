// The service worker that pages import for use without a network (docs/offline.md), with the list of
// what it keeps, and the one that takes it back.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, readdir, readFile } from 'node:fs/promises';

/** What no page needs that shows the element, and what it never needs. */
const OTHER_ENTRIES = ['lab.js', 'anywidget.js'];
const NO_PAGE = ['server.js', 'remark.js', 'unnoise.single.js'];
const FAMILIES = ['cpu', 'cpu-relaxed', 'gpu'];

/** @param {string} path */
const hashOf = async (path) =>
  `sha256-${createHash('sha256')
    .update(await readFile(path))
    .digest('base64')}`;

/** @param {string} folder that has been built */
async function describe(folder) {
  const scripts = (await readdir(folder)).filter(
    (name) => /\.js$/.test(name) && !NO_PAGE.includes(name) && !name.startsWith('offline-'),
  );
  const samples = (await readdir(`${folder}/samples`, { recursive: true }))
    .filter((name) => /\.(png|avif|webp|safetensors)$/.test(name))
    .map((name) => `samples/${name}`);
  const wasm = FAMILIES.map((family) => `${family}/unnoise_bg.wasm`).filter((name) =>
    existsSync(`${folder}/${name}`),
  );
  /** @type {Record<string, string>} */
  const files = {};
  const others = ['fonts/stix-two-math.woff2', 'model-frame.html'];
  for (const name of [...scripts, ...samples, ...others, ...wasm].sort()) {
    files[name] = await hashOf(`${folder}/${name}`);
  }
  const later = Object.keys(files).filter(
    (name) => OTHER_ENTRIES.includes(name) || name.startsWith('locale-') || name.endsWith('.wasm'),
  );
  return { page: await hashOf('index.html'), files, later };
}

/**
 * @param {import('esbuild').BuildOptions} shared with the other builds
 * @param {string} folder that has been built, and gets the files
 */
export async function buildOffline(shared, folder) {
  const kept = await describe(folder);
  const code = await hashOf('web/offline/service-worker.js');
  const version = createHash('sha256')
    .update(JSON.stringify([kept, code]))
    .digest('hex');
  await build({
    ...shared,
    entryPoints: { 'offline-worker': 'web/offline/service-worker.js' },
    format: 'iife',
    sourcemap: false,
    splitting: false,
    define: { BUILD: JSON.stringify({ version: version.slice(0, 16), ...kept }) },
  });
  await cp('web/offline/withdraw.js', `${folder}/offline-withdraw.js`);
}

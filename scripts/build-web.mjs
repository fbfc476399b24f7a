#!/usr/bin/env node
// Bundles web/ into the npm package pkg/: unnoise.js (the tag and Lab), figure.js (what the tag
// shows once it is near the screen), lab.js (Lab alone), server.js (what is left of them on a
// server), worker.js, anywidget.js (the element in a notebook), remark.js (a plugin for Markdown),
// offline-worker.js (what keeps a page for use without a network), the types and other descriptions,
// and the bundled samples and font.
// scripts/build-family builds the wasm, and before this, since the worker has its bindings.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { billOfMaterials } from './build-web.d/bill-of-materials.mjs';
import { customElements, webTypes } from './build-web.d/manifests.mjs';
import { notices } from './build-web.d/notices.mjs';
import { buildOffline } from './build-web.d/offline.mjs';
import { foreignParts } from './build-web.d/parts.mjs';
import { reference } from './build-web.d/reference.mjs';
import { buildSingle } from './build-web.d/single.mjs';
import { elementTypes } from './build-web.d/types.mjs';

const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: 'pkg' },
    types: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(
    'usage: build-web.mjs [--out DIR (pkg)] [--types]   --types also writes what only the package needs',
  );
  process.exit(0);
}
process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { out } = options;

/**
 * The bindings of a build. Compiled wasm is handed to them, so they never need its address, which
 * is relative to where they lay and would mislead the bundlers of those who use the package.
 * @type {import('esbuild').Plugin}
 */
const bindings = {
  name: 'bindings',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^bindings\// }, ({ path }) => {
      const family = path.slice('bindings/'.length);
      // Source maps have the path, which is to be the same on every machine.
      return { path: `pkg/${family}/unnoise.js`, namespace: 'bindings' };
    });
    onLoad({ filter: /.*/, namespace: 'bindings' }, async ({ path }) => {
      const address = "new URL('unnoise_bg.wasm', import.meta.url)";
      const text = await readFile(path, 'utf8');
      if (!text.includes(address)) throw new Error(`${path} no longer has ${address}`);
      const contents = text.replace(address, 'undefined');
      return { contents, resolveDir: resolve(dirname(path)) };
    });
  },
};

/** @type {import('esbuild').BuildOptions & { metafile: true }} */
const shared = {
  outdir: out,
  bundle: true,
  minify: true,
  sourcemap: true,
  format: 'esm',
  target: 'es2022',
  loader: { '.css': 'text' },
  plugins: [bindings],
  legalComments: 'linked',
  metafile: true,
};

await mkdir(out, { recursive: true });
for (const file of await readdir(out)) {
  // Their names change with what is in them.
  if (file.startsWith('chunk-')) await rm(`${out}/${file}`);
}
/** Each is loaded by itself, once somebody needs it. */
const locales = Object.fromEntries(
  (await readdir('web/locales')).map((file) => [
    `locale-${file.replace('.json', '')}`,
    `web/locales/${file}`,
  ]),
);
const builds = [
  build({
    ...shared,
    entryPoints: {
      unnoise: 'web/index.js',
      lab: 'web/lab.js',
      figure: 'web/element/figure.js',
      'page-language': 'web/page/language.js',
      ...locales,
    },
    splitting: true,
    chunkNames: 'chunk-[hash]',
  }),
  // Bundlers copy the worker as a file, without what it would import.
  build({ ...shared, entryPoints: { server: 'web/server.js', worker: 'web/worker/worker.js' } }),
  // Notebooks take one file, and so do the programs that read Markdown.
  build({ ...shared, entryPoints: { anywidget: 'web/anywidget.js', remark: 'web/remark.js' } }),
  // Scripts of the old kind: one has to run before the page is drawn, and a frame with an origin of
  // its own may load no module.
  build({
    ...shared,
    format: 'iife',
    entryPoints: { page: 'web/page/page.js', 'model-frame': 'web/model-frame/model-frame.js' },
  }),
];
/** @type {Set<string>} */
const inputs = new Set();
for (const { metafile } of await Promise.all(builds)) {
  for (const path of Object.keys(metafile.inputs)) inputs.add(path);
  for (const [file, { bytes }] of Object.entries(metafile.outputs)) {
    if (file.endsWith('.js')) console.log(`${file}  ${(bytes / 1024).toFixed(1)} KiB`);
  }
}

for (const folder of ['samples', 'fonts']) {
  await rm(`${out}/${folder}`, { recursive: true, force: true });
  await cp(`web/${folder}`, `${out}/${folder}`, { recursive: true });
}

await cp('web/model-frame/model-frame.html', `${out}/model-frame.html`);
// Of what the folder has by now.
await buildOffline(shared, out);

for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) await cp(name, `${out}/${name}`);
await writeFile('docs/element.md', await reference());
const description = JSON.parse(await readFile('pkg/package.json', 'utf8'));
await writeJson('custom-elements.json', await customElements());
await writeJson('web-types.json', await webTypes(description));

// What is for the package alone.
if (options.types) {
  await buildSingle(shared, out);
  await rm(`${out}/types`, { recursive: true, force: true });
  const tsc = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url));
  const flags = ['-p', 'scripts/build-web.d/tsconfig.json', '--outDir', `${out}/types`];
  const run = spawnSync(tsc, flags, { stdio: 'inherit' });
  process.exitCode = run.status ?? 1;
  // Those that are written by hand, and those of the element.
  await cp('web/worker/protocol.d.ts', `${out}/types/worker/protocol.d.ts`);
  const written = await elementTypes();
  for (const [name, text] of Object.entries(written)) {
    await writeFile(`${out}/types/${name}`, text);
  }
  const parts = await foreignParts(inputs);
  await writeFile(`${out}/NOTICES.txt`, await notices(parts));
  await writeJson('sbom.cdx.json', await billOfMaterials(parts, description));
  await writeFile(`${out}/SHA256SUMS`, await sums());
  await keepReachable(`${out}/types`, ['lab.d.ts', 'remark.d.ts', ...Object.keys(written)]);
}

/** Hashes of the wasm files, as `sha256sum --check` takes them. */
async function sums() {
  const lines = ['cpu', 'cpu-relaxed', 'gpu'].map(async (family) => {
    const name = `${family}/unnoise_bg.wasm`;
    const hash = createHash('sha256').update(await readFile(`${out}/${name}`));
    return `${hash.digest('hex')}  ${name}\n`;
  });
  return (await Promise.all(lines)).join('');
}

/**
 * Removes the declarations that no public one names: what is within is nobody's business.
 * @param {string} folder
 * @param {string[]} names of the public ones
 */
async function keepReachable(folder, names) {
  const reachable = new Set(names.map((name) => resolve(folder, name)));
  for (const file of reachable) {
    const text = await readFile(file, 'utf8');
    for (const [, path] of text.matchAll(/['"](\.\.?\/[^'"]+)\.js['"]/g)) {
      reachable.add(resolve(dirname(file), `${path}.d.ts`));
    }
  }
  const all = await readdir(folder, { recursive: true });
  const outside = all.map((name) => resolve(folder, name)).filter((file) => file.endsWith('.d.ts'));
  for (const file of outside) if (!reachable.has(file)) await rm(file);
}

/**
 * @param {string} name
 * @param {unknown} value
 */
async function writeJson(name, value) {
  await writeFile(`${out}/${name}`, `${JSON.stringify(value, null, 2)}\n`);
}

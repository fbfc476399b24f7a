#!/usr/bin/env node
// Bundles web/ into the npm package pkg/: unnoise.js (element and Lab), lab.js (Lab alone),
// server.js (what is left of both on a server), worker.js, the types, and the bundled samples.
// scripts/build-family builds the wasm, and before this, since the worker has its bindings.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';

const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: 'pkg' },
    types: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log('usage: build-web.mjs [--out DIR (pkg)] [--types]   --types also writes DIR/types');
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
      return { path: resolve('pkg', family, 'unnoise.js'), namespace: 'bindings' };
    });
    onLoad({ filter: /.*/, namespace: 'bindings' }, async ({ path }) => {
      const address = "new URL('unnoise_bg.wasm', import.meta.url)";
      const text = await readFile(path, 'utf8');
      if (!text.includes(address)) throw new Error(`${path} no longer has ${address}`);
      const contents = text.replace(address, 'undefined');
      return { contents, resolveDir: dirname(path) };
    });
  },
};

await mkdir(out, { recursive: true });
const result = await build({
  entryPoints: {
    unnoise: 'web/index.js',
    lab: 'web/lab.js',
    server: 'web/server.js',
    worker: 'web/worker/worker.js',
  },
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
});
for (const [file, { bytes }] of Object.entries(result.metafile.outputs)) {
  if (file.endsWith('.js')) console.log(`${file}  ${(bytes / 1024).toFixed(1)} KiB`);
}

if (existsSync('web/samples')) {
  await rm(`${out}/samples`, { recursive: true, force: true });
  await cp('web/samples', `${out}/samples`, { recursive: true });
}

if (options.types) {
  await rm(`${out}/types`, { recursive: true, force: true });
  const tsc = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url));
  const flags = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly'];
  const run = spawnSync(tsc, [...flags, '--outDir', `${out}/types`, '--rootDir', 'web'], {
    stdio: 'inherit',
  });
  process.exitCode = run.status ?? 1;
  // Those that are written by hand.
  const filter = (path) => !path.endsWith('.js');
  await cp('web/worker', `${out}/types/worker`, { recursive: true, filter });
}

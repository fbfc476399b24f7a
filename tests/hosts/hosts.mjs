// The package in the hosts of docs/embedding: each is built with its real tool, in target/hosts, and
// opened in Chromium. Needs the package built (scripts/build). Names of hosts as arguments; with
// --matrix their rows of docs/embedding/matrix.md are written.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { shotsOf, tryElement } from './checks.mjs';
import { codeOf } from './guides.mjs';
import { HOSTS } from './list.mjs';
import { writeMatrix } from './matrix.mjs';
import { tryNotebook } from './notebooks.mjs';
import { serve, serveWith } from './serve.mjs';
import { copyPackage, folder, installTools } from './tools.mjs';

/** What a server that renders pages does with the package. */
const IMPORT = "const m = await import('unnoise'); await import('unnoise/lab'); m.setBasePath('/')";

/** The script from another address. */
const AGAIN = '<script type="module" src="https://cdn.example.org/unnoise/unnoise.js"></script>\n';

/**
 * @param {string} name
 * @param {import('playwright-core').Browser} browser
 * @param {(text: string) => string} fill puts addresses that there are in place of the guides'
 * @returns {Promise<import('./matrix.mjs').Row>}
 */
async function tryHost(name, browser, fill) {
  const host = HOSTS[name];
  const { files, commands, packages, cells, policies } = await codeOf(
    host.guide,
    host.section ?? name,
  );
  const { root, path } = await installTools(packages);
  const cwd = join(root, name);
  await rm(cwd, { recursive: true, force: true });
  await mkdir(cwd, { recursive: true });
  for (const [file, content] of files) {
    await mkdir(dirname(join(cwd, file)), { recursive: true });
    await writeFile(join(cwd, file), fill(host.twice ? content + AGAIN : content));
  }
  const env = { ...process.env, PATH: path };
  const versions = [...packages.npm, ...packages.pip].filter((tool) => !/^unnoise\b/.test(tool));
  const shots = shotsOf(folder, name);
  const row = { host: host.section ?? name, guide: host.guide, versions };
  if (host.notebook) {
    return { ...row, cells: await tryNotebook({ host, browser, cwd, env, cells, shots }) };
  }
  if (host.package !== false) await copyPackage(join(cwd, host.package ?? 'unnoise'));
  if (host.imported) {
    await writeFile(join(cwd, 'package.json'), JSON.stringify({ type: 'module' }));
    const args = ['--input-type=module', '-e', IMPORT];
    execFileSync('node', args, { cwd, stdio: 'inherit' });
  }
  if (!host.server && commands) {
    execFileSync('bash', ['-ec', commands], { cwd, env, stdio: ['ignore', 'ignore', 2] });
  }
  const serving = host.server
    ? await serveWith(host.server, { cwd, env })
    : await serve(join(cwd, host.root ?? ''), host.prefix);
  try {
    return { ...row, cells: await tryElement({ host, browser, serving, policies, fill, shots }) };
  } finally {
    serving.stop();
  }
}

const args = process.argv.slice(2);
const named = args.filter((arg) => arg !== '--matrix');
const names = named.length ? named : Object.keys(HOSTS);
for (const name of names) {
  assert.ok(HOSTS[name], `no host ${name}: ${Object.keys(HOSTS).join(' ')}`);
}
await mkdir(join(folder, 'screenshots'), { recursive: true });
await mkdir(join(folder, 'cdn'), { recursive: true });
await copyPackage(join(folder, 'cdn/unnoise'));
const cdn = await serve(join(folder, 'cdn'));
const lab = await serve(fileURLToPath(new URL('../../', import.meta.url)));
const { BOOK_THEME = 'book-theme' } = process.env;
const fill = (/** @type {string} */ text) =>
  text
    .replace('template: book-theme', `template: ${BOOK_THEME}`)
    .replaceAll('https://cdn.example.org', cdn.address)
    .replaceAll('https://lab.example.org', lab.address);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});
for (const name of names) {
  const start = performance.now();
  try {
    const row = await tryHost(name, browser, fill);
    if (args.includes('--matrix')) await writeMatrix(name, row);
    console.log(`ok ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`FAILED ${name}: ${error.stack}`);
  }
}
await browser.close();
cdn.stop();
lab.stop();

// The package in the hosts of docs/embedding.md: each is built with its real tool, in target/hosts,
// and opened in Chromium. Needs the package built (scripts/build). Names of hosts as arguments.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { chromium } from 'playwright-core';

const TOOLS = {
  vite: '8.3.8',
  webpack: '5.113.0',
  'webpack-cli': '7.3.1',
  rollup: '4.68.8',
  '@rollup/plugin-node-resolve': '16.0.3',
  esbuild: '0.28.2',
  next: '16.4.6',
  react: '19.3.1',
  'react-dom': '19.3.1',
};

/**
 * @typedef {object} Host
 * @property {string} section of docs/embedding.md
 * @property {string} [root] what is served of it
 * @property {boolean} [tools] whether it is built
 * @property {string} [server] a command that serves it
 * @property {boolean} [twice] whether its page loads the script again, from another address
 */

/** @type {Record<string, Host>} */
const HOSTS = {
  static: { section: 'Static files' },
  twice: { section: 'Static files', twice: true },
  'import-map': { section: 'Import map' },
  'other-origin': { section: 'Another origin' },
  csp: { section: 'Content-Security-Policy' },
  vite: { section: 'Vite', root: 'dist', tools: true },
  'vite-dev': { section: 'Vite', tools: true, server: 'npx vite --host 127.0.0.1 --port 0' },
  webpack: { section: 'webpack', root: 'dist', tools: true },
  next: { section: 'Next.js', root: 'out', tools: true },
  rollup: { section: 'Rollup', root: 'dist', tools: true },
  esbuild: { section: 'esbuild', root: 'dist', tools: true },
};

const TYPES = {
  '.avif': 'image/avif',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
};

const folder = fileURLToPath(new URL('../../target/hosts/', import.meta.url));
const pkg = fileURLToPath(new URL('../../pkg/', import.meta.url));
const guide = await readFile(new URL('../../docs/embedding.md', import.meta.url), 'utf8');

/**
 * The files and the commands of a section: a block of code is the file that the line before names,
 * or what is typed into a shell.
 * @param {string} section
 */
function codeOf(section) {
  const text = guide.split(/^## /m).find((part) => part.startsWith(`${section}\n`));
  assert.ok(text, `docs/embedding.md has no section ${section}`);
  const blocks = text.matchAll(/(?:^`([^`\n]+)`\n\n)?^```(\w+)\n([^]*?)^```$/gm);
  const code = { files: /** @type {[string, string][]} */ ([]), commands: '' };
  for (const [, name, language, content] of blocks) {
    if (language === 'sh') code.commands += content;
    else code.files.push([name, content]);
  }
  return code;
}

/** @param {string} root @returns {Promise<{ address: string, stop: () => void }>} */
async function serve(root) {
  const server = createServer(async ({ url = '/' }, response) => {
    const path = new URL(url, 'http://localhost').pathname;
    const file = join(root, path.endsWith('/') ? `${path}index.html` : path);
    const content = await readFile(file).catch(() => undefined);
    response.writeHead(content ? 200 : 404, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'access-control-allow-origin': '*',
    });
    response.end(content);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { address: `http://127.0.0.1:${server.address().port}`, stop };
}

/** @param {string} command @param {string} cwd */
async function serveWith(command, cwd) {
  const [name, ...args] = command.split(' ');
  const child = spawn(name, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  for await (const line of createInterface(child.stdout)) {
    const address = /http:\S+?:\d+/.exec(stripVTControlCharacters(line));
    // A command may have started another one: the group ends.
    if (address) return { address: address[0], stop: () => process.kill(-child.pid) };
  }
  throw new Error(`${command} serves nothing.`);
}

/** What is done with the element, in the page, by its public interface. */
async function useElement() {
  const element = /** @type {any} */ (document.querySelector('unnoise-lab'));
  const until = async (what, holds) => {
    for (let tries = 0; !holds(); tries++) {
      if (tries > 1800) throw new Error(`never: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  await until('drawn', () => element.hasAttribute('drawn') && element.settings);
  const counts = [element.lab.images.length];
  for (const set of ['digits', 'faces']) {
    element.datasetName = set;
    await until(set, () => element.settings?.dataset === set);
    await until(`the model of ${set}`, () => element.lab.step > 0 && element.lab.images.length);
    counts.push(element.lab.images.length);
  }
  element.pause();
  const { backend, images } = element.lab;
  const lab = await element.lab.constructor.create({
    backend,
    workers: 2,
    config: {
      size: 16,
      'unet.block_out_channels': [8, 16],
      'unet.norm_num_groups': 4,
      batch_size: 4,
    },
  });
  lab.setImages(images);
  const losses = [];
  for await (const report of lab.train({ steps: 3 })) losses.push(...report.losses);
  const { workers } = lab;
  lab.dispose();
  return { counts, backend, losses, workers };
}

/** @param {import('playwright-core').Browser} browser @param {string} address */
async function check(browser, address) {
  const page = await browser.newPage();
  const wrong = /** @type {string[]} */ ([]);
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => {
    // No host here has an icon.
    const { url } = message.location();
    if (message.type() === 'error' && !url.endsWith('favicon.ico')) {
      wrong.push(`${message.text()} ${url}`);
    }
  });
  try {
    await page.goto(address);
    const { counts, backend, losses, workers } = await page.evaluate(useElement);
    assert.deepEqual(counts, [256, 500, 100]);
    assert.equal(backend, 'flex');
    assert.equal(workers, 2);
    assert.equal(losses.length, 3);
    assert.ok(losses.every(Number.isFinite));
    assert.deepEqual(wrong, []);
  } catch (error) {
    throw new Error(`${error.message}\n${wrong.join('\n')}`, { cause: error });
  } finally {
    await page.close();
  }
}

/** @param {string} name @param {import('playwright-core').Browser} browser @param {string} cdn */
async function tryHost(name, browser, cdn) {
  const { section, root = '', tools, server, twice } = HOSTS[name];
  const cwd = join(folder, name);
  const { files, commands } = codeOf(section);
  await rm(cwd, { recursive: true, force: true });
  for (const [path, content] of files) {
    const file = join(cwd, path);
    await mkdir(dirname(file), { recursive: true });
    const again = `<script type="module" src="${cdn}/unnoise/unnoise.js"></script>\n`;
    const text = content.replaceAll('https://cdn.example.org', cdn);
    await writeFile(file, twice ? text + again : text);
  }
  await cp(pkg, join(cwd, tools ? 'node_modules/unnoise' : 'unnoise'), { recursive: true });
  if (tools) {
    await writeFile(join(cwd, 'package.json'), JSON.stringify({ type: 'module' }));
    if (!server) execFileSync('bash', ['-ec', commands], { cwd, stdio: ['ignore', 'ignore', 2] });
    const script =
      "const m = await import('unnoise'); await import('unnoise/lab'); m.setBasePath('/')";
    execFileSync('node', ['--input-type=module', '-e', script], { cwd, stdio: 'inherit' });
  }
  const serving = server ? await serveWith(server, cwd) : await serve(join(cwd, root));
  try {
    await check(browser, `${serving.address}/`);
  } finally {
    serving.stop();
  }
}

async function installTools() {
  const wanted = JSON.stringify({ private: true, dependencies: TOOLS });
  const description = join(folder, 'package.json');
  const known = await readFile(description, 'utf8').catch(() => '');
  if (known === wanted && existsSync(join(folder, 'node_modules'))) return;
  await mkdir(folder, { recursive: true });
  await writeFile(description, wanted);
  const install = ['install', '--no-audit', '--no-fund', '--no-package-lock'];
  execFileSync('npm', install, { cwd: folder, stdio: 'inherit' });
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(HOSTS);
for (const name of names)
  assert.ok(HOSTS[name], `no host ${name}: ${Object.keys(HOSTS).join(' ')}`);
if (names.some((name) => HOSTS[name].tools)) await installTools();
await mkdir(join(folder, 'cdn'), { recursive: true });
await cp(pkg, join(folder, 'cdn/unnoise'), { recursive: true });
const cdn = await serve(join(folder, 'cdn'));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});
for (const name of names) {
  const start = performance.now();
  try {
    await tryHost(name, browser, cdn.address);
    console.log(`ok ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`FAILED ${name}: ${error.stack}`);
  }
}
await browser.close();
cdn.stop();

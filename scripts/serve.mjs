#!/usr/bin/env node
// A static file server for trying the page: nothing is cached, and nothing outside the folder is
// ever read. Without --offline the page's service worker is one that takes back any before it.
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    host: { type: 'string', default: '127.0.0.1' },
    root: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) },
    open: { type: 'boolean', default: false },
    offline: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(
    'usage: serve.mjs [--port N (8080; 0 = any)] [--host 127.0.0.1] [--root DIR] [--open]\n' +
      '  --offline  lets browsers keep the page for use without a network, as a real site does',
  );
  process.exit(0);
}

const TYPES = {
  '.avif': 'image/avif',
  '.css': 'text/css',
  '.gif': 'image/gif',
  '.html': 'text/html; charset=utf-8',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.map': 'application/json',
  '.md': 'text/markdown; charset=utf-8',
  '.mjs': 'text/javascript',
  '.png': 'image/png',
  '.safetensors': 'application/octet-stream',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webp': 'image/webp',
};
/** A page that is kept would hide what is being worked on. */
const WITHDRAW = fileURLToPath(new URL('../web/offline/withdraw.js', import.meta.url));
// A policy in a page's markup binds the page alone: a worker has that of its own file.
const WORKER_POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
  "require-trusted-types-for 'script'; trusted-types unnoise";
const root = normalize(options.root.endsWith(sep) ? options.root : options.root + sep);
const WORKER = join(root, 'pkg', 'worker.js');

/**
 * @param {string} url
 * @returns {Promise<{ path: string, size: number } | undefined>}
 */
async function find(url) {
  try {
    let path = normalize(join(root, decodeURIComponent(new URL(url, 'http://localhost').pathname)));
    if (!path.startsWith(root)) return undefined;
    if (path === join(root, 'service-worker.js') && !options.offline) path = WITHDRAW;
    let info = await stat(path);
    if (info.isDirectory()) info = await stat((path = join(path, 'index.html')));
    return { path, size: info.size };
  } catch {
    return undefined;
  }
}

const server = createServer(async (request, response) => {
  const file = await find(request.url ?? '/');
  if (!file || (request.method !== 'GET' && request.method !== 'HEAD')) {
    response.writeHead(file ? 405 : 404, { 'content-type': 'text/plain' }).end('not found\n');
    return;
  }
  response.writeHead(200, {
    'content-type': TYPES[extname(file.path)] ?? 'application/octet-stream',
    'content-length': file.size,
    'cache-control': 'no-store',
    ...(file.path === WORKER && { 'content-security-policy': WORKER_POLICY }),
  });
  if (request.method === 'HEAD') response.end();
  else createReadStream(file.path).pipe(response);
});

server.on('error', (error) => {
  console.error(`serve: ${error.message}`);
  process.exit(1);
});
server.listen(Number(options.port), options.host, () => {
  const { port } = server.address();
  const address = `http://${options.host}:${port}/`;
  console.log(address);
  if (options.open) openBrowser(address);
});

/** @param {string} address */
function openBrowser(address) {
  const opener = { darwin: 'open', win32: 'explorer' }[process.platform] ?? 'xdg-open';
  // The address is printed already: where there is no desktop, that has to do.
  spawn(opener, [address], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}

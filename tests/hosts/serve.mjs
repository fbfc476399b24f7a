// Servers of the hosts: static files, or the host's own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';

/** @type {Record<string, string>} */
const TYPES = {
  '.avif': 'image/avif',
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** @typedef {{ address: string, headers: Record<string, string>, stop: () => void }} Serving */

/**
 * @param {string} root
 * @param {string} [prefix] the folder of the site that it is, such as `/project`
 * @returns {Promise<Serving>} headers that are added to it are sent from then on
 */
export async function serve(root, prefix = '') {
  /** @type {Record<string, string>} */
  const headers = {};
  const server = createServer(async ({ url = '/' }, response) => {
    const path = decodeURIComponent(new URL(url, 'http://localhost').pathname);
    const inside = path.startsWith(prefix) ? path.slice(prefix.length) : '/none';
    const file = join(root, inside.endsWith('/') ? `${inside}index.html` : inside);
    const content =
      (await readFile(file).catch(() => undefined)) ??
      (await readFile(`${file}.html`).catch(() => undefined));
    response.writeHead(content ? 200 : 404, {
      'content-type': TYPES[extname(file) || '.html'] ?? 'application/octet-stream',
      'access-control-allow-origin': '*',
      ...headers,
    });
    response.end(content);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { address: `http://127.0.0.1:${server.address().port}${prefix}`, headers, stop };
}

/**
 * @param {string} command
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<Serving>}
 */
export async function serveWith(command, { cwd, env }) {
  const [name, ...args] = command.split(' ');
  const stdio = /** @type {const} */ (['ignore', 'pipe', 'pipe']);
  const child = spawn(name, args, { cwd, env, stdio, detached: true });
  // A command may have started another one: the group ends.
  const stop = () => process.kill(-(/** @type {number} */ (child.pid)));
  let said = '';
  const address = await new Promise((resolve) => {
    child.on('exit', () => resolve(undefined));
    child.on('error', () => resolve(undefined));
    for (const output of [child.stdout, child.stderr]) {
      createInterface(output).on('line', (line) => {
        said = `${said}${line}\n`.slice(-2000);
        const found = /http:\S+?:\d+/.exec(stripVTControlCharacters(line));
        if (found) resolve(found[0]);
      });
    }
  });
  if (!address) throw new Error(`${command} serves nothing.\n${said}`);
  return { address, headers: {}, stop };
}

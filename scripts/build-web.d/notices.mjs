// The licences of what is in the package but not ours: the crates compiled into the wasm, the npm
// packages bundled into the scripts.
import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const IS_LICENCE = /^(licen[cs]e|copying|notice|unlicense)/i;
const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @typedef {{ name: string, version: string, licence: string, folder: string }} Part
 */

/** @returns {Part[]} the crates in any of the wasm files, which tests and build scripts are not */
function crates() {
  const flags = [
    '--format-version',
    '1',
    '--filter-platform',
    'wasm32-unknown-unknown',
    '--locked',
  ];
  const text = execFileSync('cargo', ['metadata', ...flags], {
    cwd: root,
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { packages, resolve } = JSON.parse(text.toString());
  const described = new Map(packages.map((one) => [one.id, one]));
  const dependencies = new Map(resolve.nodes.map(({ id, deps }) => [id, deps]));
  const reached = new Set([resolve.root]);
  for (const id of reached) {
    for (const { pkg, dep_kinds: kinds } of dependencies.get(id)) {
      if (kinds.some(({ kind }) => kind === null)) reached.add(pkg);
    }
  }
  reached.delete(resolve.root);
  return [...reached].map((id) => {
    const { name, version, license, manifest_path: manifest } = described.get(id);
    return { name, version, licence: license ?? 'see below', folder: dirname(manifest) };
  });
}

/**
 * @param {Iterable<string>} inputs the files that were bundled
 * @returns {Promise<Part[]>}
 */
async function npmPackages(inputs) {
  const names = [...inputs].flatMap((path) => {
    const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path);
    return match ? [match[1]] : [];
  });
  return Promise.all(
    [...new Set(names)].map(async (name) => {
      const folder = join(root, 'node_modules', name);
      const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
      return { name, version, licence: license, folder };
    }),
  );
}

/**
 * @param {Iterable<string>} inputs the files that were bundled
 * @returns {Promise<string>}
 */
export async function notices(inputs) {
  const parts = [...crates(), ...(await npmPackages(inputs))];
  parts.sort((a, b) => (a.name < b.name ? -1 : 1));
  /** Each text and whose it is, by its words: many differ in how they are wrapped. */
  /** @type {Map<string, { text: string, names: Set<string> }>} */
  const texts = new Map();
  for (const { name, folder } of parts) {
    for (const file of (await readdir(folder)).sort()) {
      if (!IS_LICENCE.test(file)) continue;
      const text = await readFile(join(folder, file), 'utf8').catch(() => '');
      const own = text.replaceAll('\r', '').trim();
      const words = own.split(/\s+/).join(' ');
      if (!texts.has(words)) texts.set(words, { text: own, names: new Set() });
      texts.get(words)?.names.add(name);
    }
  }
  const list = parts.map(({ name, version, licence }) => `${name} ${version}: ${licence}`);
  const sections = [...texts.values()].map(
    ({ text, names }) => `${[...names].join(', ')}\n\n${text}`,
  );
  const line = `\n\n${'='.repeat(78)}\n\n`;
  const head =
    'Unnoise contains the following, under their own licences. The texts come below, each with\n' +
    'the names of those that it belongs to.';
  return `${[`${head}\n\n${list.join('\n')}`, ...sections].join(line)}\n`;
}

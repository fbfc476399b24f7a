// What is in the package but not ours: the crates compiled into the wasm, the npm packages bundled into
// the scripts.
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @typedef {object} Part
 * @property {'cargo' | 'npm'} registry
 * @property {string} name
 * @property {string} version
 * @property {string | undefined} licence as an SPDX expression
 * @property {string} folder
 * @property {{ alg: 'SHA-256' | 'SHA-512', content: string } | undefined} hash of the archive in the
 *   registry, in hexadecimal digits
 */

/** Hashes of the lock file, by name and version. */
async function crateHashes() {
  const text = await readFile(join(root, 'Cargo.lock'), 'utf8');
  const entries = text.matchAll(
    /^name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"$/gm,
  );
  return new Map([...entries].map(([, name, version, hash]) => [`${name} ${version}`, hash]));
}

/** @returns {Promise<Part[]>} the crates in any of the wasm files, which tests and build scripts are not */
async function crates() {
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
  const hashes = await crateHashes();
  return [...reached].map((id) => {
    const { name, version, license, manifest_path: manifest } = described.get(id);
    const content = hashes.get(`${name} ${version}`);
    return {
      registry: 'cargo',
      name,
      version,
      // Cargo once had a slash for “or”.
      licence: license?.replaceAll(/\s*\/\s*/g, ' OR '),
      folder: dirname(manifest),
      hash: content ? { alg: 'SHA-256', content } : undefined,
    };
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
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  return Promise.all(
    [...new Set(names)].map(async (name) => {
      const folder = join(root, 'node_modules', name);
      const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
      const [, digest] =
        /^sha512-(.+)$/.exec(lock.packages[`node_modules/${name}`].integrity) ?? [];
      return /** @type {Part} */ ({
        registry: 'npm',
        name,
        version,
        licence: license,
        folder,
        hash: digest && { alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') },
      });
    }),
  );
}

/**
 * @param {Iterable<string>} inputs the files that were bundled
 * @returns {Promise<Part[]>} by name
 */
export async function foreignParts(inputs) {
  const parts = [...(await crates()), ...(await npmPackages(inputs))];
  const key = ({ name, version, registry }) => `${name} ${version} ${registry}`;
  return parts.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

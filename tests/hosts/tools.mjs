// The tools of the hosts, at the versions that the guides install, in target/hosts.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const folder = fileURLToPath(new URL('../../target/hosts/', import.meta.url));
export const pkg = fileURLToPath(new URL('../../pkg/', import.meta.url));
const python = fileURLToPath(new URL('../../python/', import.meta.url));

const quiet = /** @type {const} */ (['ignore', 'ignore', 'inherit']);

/** @param {string[]} packages */
const nameOf = (packages) =>
  createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, 12);

/**
 * Installs a host's tools once.
 * @param {import('./guides.mjs').Code['packages']} packages
 * @returns {Promise<{ root: string, path: string }>} where the host is to be made, and its PATH
 */
export async function installTools({ npm, pip }) {
  let path = process.env.PATH ?? '';
  let root = folder;
  const tools = npm.filter((name) => name !== 'unnoise');
  if (tools.length) {
    root = join(folder, 'npm', nameOf(tools));
    if (!existsSync(join(root, 'installed'))) {
      await mkdir(root, { recursive: true });
      await writeFile(join(root, 'package.json'), JSON.stringify({ private: true }));
      const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--silent'];
      execFileSync('npm', ['install', ...flags, ...tools], { cwd: root, stdio: quiet });
      await writeFile(join(root, 'installed'), tools.join('\n'));
    }
  }
  if (pip.length) {
    const packages = pip.filter((name) => !/^unnoise\b/.test(name));
    const venv = join(folder, 'python', nameOf(packages));
    const install = (/** @type {string[]} */ ...names) =>
      execFileSync(join(venv, 'bin/pip'), ['install', '--quiet', ...names], { stdio: quiet });
    if (!existsSync(join(venv, 'installed'))) {
      await mkdir(venv, { recursive: true });
      execFileSync('python3', ['-m', 'venv', venv], { stdio: quiet });
      // The package's own, and what builds it.
      install(...packages, 'anywidget', 'numpy', 'hatchling');
      await writeFile(join(venv, 'installed'), packages.join('\n'));
    }
    // What is tried is what the tree holds now.
    if (pip.length > packages.length) {
      install('--force-reinstall', '--no-deps', '--no-build-isolation', python);
    }
    path = `${join(venv, 'bin')}:${path}`;
  }
  return { root, path };
}

/** @param {string} place where the package shall be */
export async function copyPackage(place) {
  await rm(place, { recursive: true, force: true });
  await cp(pkg, place, { recursive: true });
}

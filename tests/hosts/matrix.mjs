// docs/embedding/matrix.md: a row for each host, a column for each check.
import { readFile, writeFile } from 'node:fs/promises';
import { COLUMNS } from './checks.mjs';
import { HOSTS } from './list.mjs';

/** @typedef {{ host: string, guide: string, versions: string[], cells: Record<string, string> }} Row */

const file = new URL('../../docs/embedding/matrix.md', import.meta.url);

const INTRODUCTION = `# What was tried where

Written by \`scripts/test-hosts --matrix\`: each host is built by its own tool from the code of its
guide and opened in Chromium, on the CPU. A row is written when all its checks have passed.

- loads: the element starts and draws with a bundled set's model, and the page logs no error but
  those that the host has without it; an iframe is as high as the element in it.
- samples, bundled set, trains, own images: it draws again, loads each bundled set with its model,
  trains a small model, and takes an image file that is dropped on it.
- theme: the host's own switch is pressed, and the element changes with it.
- CSP: it draws under the strict policy of [self-hosting](self-hosting.md#content-security-policy),
  the one for files of another origin ([pkg/README.md](../../pkg/README.md#hosting)), the one for pages
  that have scripts inline, or that of its guide; “own” is a page that brings its policy.

`;

const cell = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;

/** @param {string} name @param {Row} row */
export async function writeMatrix(name, row) {
  const known = await readFile(file, 'utf8').catch(() => '');
  /** @type {Map<string, string>} */
  const lines = new Map();
  for (const line of known.matchAll(/^\| `(\S+)` .*$/gm)) lines.set(line[1], line[0]);
  const versions = row.versions.map((tool) => tool.replace(/(.)(@|==)/, '$1 ')).join(', ');
  lines.set(
    name,
    cell([
      `\`${name}\``,
      `[${row.host}](${row.guide}.md)`,
      versions || '—',
      ...COLUMNS.map((column) => row.cells[column] ?? '—'),
    ]),
  );
  const head = cell(['', 'guide', 'versions', ...COLUMNS]);
  const rule = cell(Array(3 + COLUMNS.length).fill('---'));
  const order = Object.keys(HOSTS).flatMap((host) => lines.get(host) ?? []);
  await writeFile(file, `${INTRODUCTION}${[head, rule, ...order].join('\n')}\n`);
}

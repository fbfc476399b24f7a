// The licences of what is in the package but not ours.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const IS_LICENCE = /^(licen[cs]e|copying|notice|unlicense)/i;

/**
 * @param {import('./parts.mjs').Part[]} parts
 * @returns {Promise<string>}
 */
export async function notices(parts) {
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
  const list = parts.map(
    ({ name, version, licence }) => `${name} ${version}: ${licence ?? 'see below'}`,
  );
  const sections = [...texts.values()].map(
    ({ text, names }) => `${[...names].join(', ')}\n\n${text}`,
  );
  const line = `\n\n${'='.repeat(78)}\n\n`;
  const head =
    'Unnoise contains the following, under their own licences. The texts come below, each with\n' +
    'the names of those that it belongs to.';
  return `${[`${head}\n\n${list.join('\n')}`, ...sections].join(line)}\n`;
}

// The figures of the book, checked against what the element can be asked for.
import { readFile } from 'node:fs/promises';

/** @type {{ name: string, values?: string[] }[]} */
const ATTRIBUTES = JSON.parse(
  await readFile(new URL('../../web/lib/attributes.json', import.meta.url), 'utf8'),
);

/**
 * @param {string} text as in a tag
 * @returns {string} the same, known to make sense
 */
export function checkedAttributes(text) {
  const rest = text.replace(/([a-z-]+)(?:=(?:"([^"]*)"|'([^']*)'))?/g, (_, name, plain, quoted) => {
    const value = plain ?? quoted;
    const known = ATTRIBUTES.find((attribute) => attribute.name === name);
    if (!known) throw new Error(`<unnoise-lab> has no attribute ${name}`);
    if (known.values && !known.values.includes(value)) {
      throw new Error(`<unnoise-lab>: ${name} cannot be “${value}”`);
    }
    if (name === 'config') JSON.parse(value);
    return '';
  });
  if (rest.trim()) throw new Error(`not understood in a figure: ${rest.trim()}`);
  return text;
}

// Excerpts of the Rust source: an item by its name, or a part of one between two of its lines.
import { readFile } from 'node:fs/promises';

/** More than this nobody reads in the middle of a text. */
const MOST_LINES = 45;

/**
 * @typedef {object} Excerpt
 * @property {string} text without the indentation that all its lines have
 * @property {number} first line, counted from 1
 * @property {number} last line
 */

/**
 * @param {string} path of the source, from the root of the repository
 * @param {string} selectors lines `item: NAME` (`item: OUTER / INNER` for one within another) and, for a
 *   part of it, `from: TEXT` and `to: TEXT`, what its first and its last line contain
 * @returns {Promise<Excerpt>}
 */
export async function excerptOf(path, selectors) {
  const lines = (await readFile(path, 'utf8')).split('\n');
  const asked = Object.fromEntries(
    selectors
      .trim()
      .split('\n')
      .map((line) => {
        const [, name, value] = /^(item|from|to): (.+)$/.exec(line.trim()) ?? [];
        if (!name) throw new Error(`${path}: an excerpt has no “${line}”`);
        return [name, value];
      }),
  );
  if (!asked.item) throw new Error(`${path}: an excerpt needs an item`);
  let range = { first: 0, last: lines.length - 1 };
  for (const name of asked.item.split(' / ')) range = findItem(lines, range, name, path);
  if (asked.from) range.first = findLine(lines, range, asked.from, path);
  if (asked.to) range.last = findLine(lines, range, asked.to, path);
  const { first, last } = range;
  if (last - first >= MOST_LINES) {
    throw new Error(`${path}: ${asked.item} has ${last - first + 1} lines; choose some of them`);
  }
  return { text: dedent(lines.slice(first, last + 1)), first: first + 1, last: last + 1 };
}

/**
 * rustfmt ends an item at the indentation where it began.
 *
 * @param {string[]} lines
 * @param {{ first: number, last: number }} range
 * @param {string} name
 * @param {string} path
 */
function findItem(lines, range, name, path) {
  const starts = [];
  for (let at = range.first; at <= range.last; at++) {
    const line = lines[at].trim().replace(/^pub(\([a-z]+\))? /, '');
    if (line.startsWith(name) && !/^\w/.test(line.slice(name.length))) starts.push(at);
  }
  if (starts.length !== 1) {
    throw new Error(`${path} has ${starts.length} items “${name}”, and one is needed`);
  }
  const [first] = starts;
  if (lines[first].endsWith(';')) return { first, last: first };
  const end = `${indentation(lines[first])}}`;
  const last = lines.findIndex((line, at) => at > first && line.startsWith(end));
  if (last < 0) throw new Error(`${path}: no end of “${name}”`);
  return { first, last };
}

/**
 * @param {string[]} lines
 * @param {{ first: number, last: number }} range
 * @param {string} text
 * @param {string} path
 */
function findLine(lines, { first, last }, text, path) {
  for (let at = first; at <= last; at++) if (lines[at].includes(text)) return at;
  throw new Error(`${path}: no line with “${text}” where the book looks for it`);
}

const indentation = (/** @type {string} */ line) => /^ */.exec(line)?.[0] ?? '';

/** @param {string[]} lines */
function dedent(lines) {
  const depths = lines.filter((line) => line.trim()).map((line) => indentation(line).length);
  const depth = Math.min(...depths);
  return lines.map((line) => line.slice(depth)).join('\n');
}

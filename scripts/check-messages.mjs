#!/usr/bin/env node
// Compares the sentences that the page says (web/lib/localize.js) with the catalogues in web/locales:
// none is missing, none is left over, and each has the placeholders of the English one. Those of the core
// that are translated (web/lib/core-sentences.json) must be in its source.
// `--missing` prints what the catalogues lack, as JSON.
import { parse } from 'acorn';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const FOLDER = 'web/locales';

/** Functions whose first argument is a sentence. */
const SAYS = new Set(['msg', 'mixed', 'marked', 'equation', 'scheduled', 'aside']);

/** Files that say what others have as it stands. */
const WRAPPERS = new Set(['web/lib/localize.js', 'web/page/language.js']);

/**
 * What can be said, and in how many plural forms.
 * @type {Map<string, { file: string, plural: boolean }>}
 */
const sentences = new Map();
/** @type {string[]} */
const faults = [];

/** @param {string} english @param {string} file @param {boolean} plural */
function note(english, file, plural = false) {
  if (!english || /[\n\t]| {2}/.test(english)) {
    faults.push(`${file}: “${english}” has lines or spaces that no translator sees`);
  }
  const known = sentences.get(english);
  sentences.set(english, { file, plural: plural || known?.plural === true });
}

/** What a literal is, or several with + between. @param {any} node @returns {string | undefined} */
function textOf(node) {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node?.type !== 'BinaryExpression' || node.operator !== '+') return undefined;
  const [left, right] = [textOf(node.left), textOf(node.right)];
  return left === undefined || right === undefined ? undefined : left + right;
}

/** @param {any} call @param {string} file */
function readCall({ callee, arguments: args }, file) {
  const { name } = callee;
  if (SAYS.has(name)) {
    const either = args[0]?.type === 'ConditionalExpression';
    for (const node of either ? [args[0].consequent, args[0].alternate] : [args[0]]) {
      const english = textOf(node);
      if (english !== undefined) note(english, file);
      else if (name !== 'equation' && !WRAPPERS.has(file)) {
        faults.push(`${file}: ${name}() takes a sentence as it stands, no expression`);
      }
    }
  }
  if (WRAPPERS.has(file)) return;
  if (name === 'plural') {
    const one = textOf(args[1]);
    if (one === undefined) faults.push(`${file}: plural() takes its noun as it stands`);
    else note(`{0} ${textOf(args[2]) ?? `${one}s`}`, file, true);
  }
  if (name === 'counted') note(textOf(args[2]) ?? '', file, true);
}

/** @param {any} node @param {string} file */
function walk(node, file) {
  if (node.type === 'CallExpression') readCall(node, file);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === 'string') walk(child, file);
    }
  }
}

for (const name of (await readdir('web', { recursive: true })).sort()) {
  if (!name.endsWith('.js')) continue;
  const file = `web/${name}`;
  walk(parse(await readFile(file, 'utf8'), { ecmaVersion: 'latest', sourceType: 'module' }), file);
}
for (const { title, description } of JSON.parse(await readFile('web/samples/index.json', 'utf8'))) {
  note(title, 'web/samples/index.json');
  note(description, 'web/samples/index.json');
}
readMarkup(await readFile('index.html', 'utf8'));
await readCore('web/lib/core-sentences.json');

/** @param {string} file whose sentences a visitor may hear from the core */
async function readCore(file) {
  const spoken = new Set();
  for (const name of await readdir('src', { recursive: true })) {
    if (!name.endsWith('.rs')) continue;
    const source = (await readFile(`src/${name}`, 'utf8')).replaceAll(/\\\n\s*/g, '');
    for (const [, text] of source.matchAll(/"((?:[^"\\]|\\.)*)"/g)) spoken.add(numbered(text));
  }
  for (const english of JSON.parse(await readFile(file, 'utf8'))) {
    note(english, file);
    if (!spoken.has(english)) faults.push(`${file} has “${english}”, which the core does not say`);
  }
}

/** A format string of Rust with its values numbered. @param {string} text */
function numbered(text) {
  let index = 0;
  return text.replaceAll(/\{[^{}]*\}/g, () => `{${index++}}`);
}

/** The sentences of a page: `web/page/language.js` reads them in the same way. @param {string} markup */
function readMarkup(markup) {
  for (const [, , inner] of markup.matchAll(/<(\w+)[^>]*\sdata-msg[^>]*>([^]*?)<\/\1>/g)) {
    let index = 0;
    const english = inner
      .replaceAll(/<(\w+)[^>]*>[^]*?<\/\1>/g, () => `{${index++}}`)
      .replaceAll(/\s+/g, ' ')
      .replaceAll('&amp;', '&');
    note(english.trim(), 'index.html');
    readMarkup(inner);
  }
}

/** @param {string} text */
const placeholders = (text) => [...new Set(text.match(/\{\d\}/g) ?? [])].sort().join(' ');

/** @type {Record<string, string[]>} */
const lacking = {};
for (const file of await readdir(FOLDER)) {
  const language = file.replace('.json', '');
  const catalogue = JSON.parse(await readFile(`${FOLDER}/${file}`, 'utf8'));
  const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
  // No number that is counted here reaches a million.
  const needed = forms
    .filter((form) => form !== 'many')
    .sort()
    .join(' ');
  lacking[language] = [...sentences.keys()].filter((english) => !(english in catalogue));
  for (const english of lacking[language]) {
    faults.push(`${file} lacks “${english}” (${sentences.get(english)?.file})`);
  }
  for (const [english, said] of Object.entries(catalogue)) {
    const known = sentences.get(english);
    if (!known) {
      faults.push(`${file} has “${english}”, which nothing says`);
      continue;
    }
    const has = typeof said === 'string' ? needed : Object.keys(said).sort().join(' ');
    if (has !== needed || (typeof said !== 'string' && !known.plural)) {
      faults.push(`${file}: “${english}” needs the forms ${known.plural ? needed : 'of none'}`);
    }
    for (const form of typeof said === 'string' ? [said] : Object.values(said)) {
      // "One image" may leave out the number.
      const [want, have] = [placeholders(english), placeholders(form)];
      const numberless = known.plural && want.replace(/\{0\} ?/, '') === have;
      if (!form || (want !== have && !numberless)) {
        faults.push(`${file}: “${form}” has other placeholders than “${english}”`);
      }
    }
  }
}

if (process.argv.includes('--missing')) {
  console.log(JSON.stringify(lacking, null, 1));
} else {
  for (const fault of faults) console.error(fault);
  console.log(`${sentences.size} sentences`);
  if (faults.length) process.exitCode = 1;
}

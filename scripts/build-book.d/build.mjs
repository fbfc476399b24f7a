// Writes the book: see scripts/build-book.
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { bookMarkdown, escapeHtml, placesOf } from './markdown.mjs';
import { addressOf, page } from './page.mjs';

/** @typedef {import('./page.mjs').Chapter} Chapter */

const SOURCE = 'docs/book';
/** Words that are read in a minute, of a text with formulas. */
const WORDS_PER_MINUTE = 180;
/** Minutes that a figure and an exercise take. */
const FIGURE = 0.75;
const EXERCISE = 1;

const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: 'book' },
    standalone: { type: 'boolean', default: false },
  },
});
const { out } = options;

/** @param {string} name */
const json = async (name) => JSON.parse(await readFile(`${SOURCE}/${name}`, 'utf8'));
/** @type {string[]} The chapters in order; what comes before and after them has no number. */
const names = await json('contents.json');
/** @type {import('./markdown.mjs').Reference[]} */
const list = await json('references.json');
const references = new Map(list.map((reference) => [reference.key, reference]));

const sources = await Promise.all(
  names.map(async (name, index) => {
    const text = await readFile(`${SOURCE}/${name}.md`, 'utf8');
    const [, title] = /^# (.+)$/m.exec(text) ?? [];
    if (!title) throw new Error(`${name}.md has no title`);
    const first = name === 'README';
    return { text, title, page: first ? 'index.html' : `${name}.html`, number: first ? 0 : index };
  }),
);
/** @type {Map<string, import('./markdown.mjs').Place>} */
const places = new Map();
for (const { text, page, number } of sources) {
  for (const [name, place] of placesOf(text, page, number)) {
    if (places.has(name)) throw new Error(`two places are called ${name}`);
    places.set(name, place);
  }
}

const markdown = bookMarkdown(places, references);
/** @type {Chapter[]} */
const chapters = [];
for (const { text, title, page, number } of sources) {
  try {
    let html = await markdown.parse(text);
    // One figure is enough to have the page kept for use without a network.
    if (options.standalone) {
      html = html.replace('<unnoise-lab ', '<unnoise-lab offline="service-worker.js" ');
    }
    const count = (/** @type {RegExp} */ pattern) => text.match(pattern)?.length ?? 0;
    const words = count(/[A-Za-z’']{2,}/g);
    const minutes = Math.round(
      words / WORDS_PER_MINUTE +
        FIGURE * count(/^```figure/gm) +
        EXERCISE * count(/^```exercise/gm),
    );
    chapters.push({ page, title, number: number ? String(number) : '', minutes, html });
  } catch (error) {
    // marked adds where to report faults of its own.
    const reason = String(error instanceof Error ? error.message : error);
    throw new Error(`${page}: ${reason.replace(/\nPlease report.*/, '')}`, { cause: error });
  }
}
chapters.push({
  page: 'references.html',
  title: 'References',
  number: '',
  minutes: 0,
  html: `<h1>References</h1>\n<dl class="references">\n${list.map(entry).join('')}</dl>`,
});

/** @param {import('./markdown.mjs').Reference} reference */
function entry({ key, short, authors, year, title, where, url }) {
  return `<div id="${key}"><dt>${escapeHtml(short)}</dt>
<dd>${escapeHtml(authors)} (${year}). <a href="${url}">${escapeHtml(title)}</a>. ${escapeHtml(where)}.</dd></div>\n`;
}

const contents = chapters
  .filter(({ number }) => number)
  .map(
    (chapter) =>
      `<li><a href="${addressOf(chapter)}">${escapeHtml(chapter.title)}</a> <small>${chapter.minutes} min</small></li>`,
  );
const total = chapters.reduce((sum, { minutes }) => sum + minutes, 0);
chapters[0].html = chapters[0].html.replace(
  '<p>(contents)</p>',
  `<ol class="chapters">\n${contents.join('\n')}\n</ol>\n<p>About ${Math.round(total / 10) * 10} minutes in all.</p>`,
);

checkLinks(chapters);
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
for (const [at, chapter] of chapters.entries()) {
  await writeFile(`${out}/${chapter.page}`, page(chapters, at, options.standalone));
}
const COPIED = [
  'book.css',
  'icon.svg',
  'digits-by-label.safetensors',
  'pebbles.png',
  'pebbles.safetensors',
];
for (const name of COPIED) {
  await cp(`${SOURCE}/${name}`, `${out}/${name}`);
}
await cp('web/fonts/stix-two-math.woff2', `${out}/stix-two-math.woff2`);
const files = (await readdir(out)).filter((name) => name !== 'index.html').sort();
if (options.standalone) {
  const needed = (/** @type {string} */ path) => !/\.map$|\/types$|single\.js$/.test(path);
  await cp('pkg', `${out}/unnoise`, { recursive: true, filter: needed });
  await writeFile(
    `${out}/service-worker.js`,
    `// Keeps the book for use without a network (docs/offline.md).
importScripts('unnoise/offline-worker.js');
unnoiseOffline({ folder: 'unnoise/', pages: ${JSON.stringify(['./', ...files])} });
`,
  );
}
const words = sources.reduce((sum, { text }) => sum + text.split(/\s+/).length, 0);
console.log(`${out}: ${chapters.length} pages, ${words} words, ${total} minutes`);

/** Every link within the book leads somewhere. @param {Chapter[]} chapters */
function checkLinks(chapters) {
  const ids = new Map(
    chapters.map((chapter) => [
      addressOf(chapter),
      new Set([...chapter.html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)),
    ]),
  );
  for (const chapter of chapters) {
    for (const [, address] of chapter.html.matchAll(/ href="([^"]+)"/g)) {
      if (/^https:|^\.\.\//.test(address)) continue;
      const [path, id] = address.split('#');
      const known = ids.get(path || addressOf(chapter));
      if (!known || (id && !known.has(id))) {
        throw new Error(`${chapter.page}: the link ${address} leads nowhere`);
      }
    }
  }
}

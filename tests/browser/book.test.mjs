// The book, as scripts/build-book writes it: every page in a browser, its figures, its links, its code.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { excerptOf } from '../../scripts/build-book.d/excerpt.mjs';
import { checkedAttributes } from '../../scripts/build-book.d/figure.mjs';
import { eventually, launch, recordLiveWorkers, Site } from './lab.mjs';

const ROOT = new URL('../../', import.meta.url);
const read = (/** @type {string} */ path) => readFile(new URL(path, ROOT), 'utf8');
const site = Site.forTests();
const names = (await readdir(new URL('book/', ROOT))).filter((name) => name.endsWith('.html'));
const chapters = JSON.parse(await read('docs/book/contents.json'));
const sources = await Promise.all(
  chapters.map((/** @type {string} */ name) => read(`docs/book/${name}.md`)),
);
/** Pages that are open at a time: each waits for a figure most of the time. */
const AT_ONCE = 3;

/** Opens a page of the book and notes what goes wrong on it. @param {string} name */
async function open(name) {
  // There once the site is.
  const blank = await site.blank();
  await blank.close();
  const page = await site.context.newPage();
  const wrong = /** @type {string[]} */ ([]);
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) wrong.push(message.text());
  });
  page.on('request', (request) => {
    const address = request.url();
    if (!/^(data|blob):/.test(address) && !address.startsWith(site.address)) wrong.push(address);
  });
  await page.addInitScript(recordLiveWorkers);
  await page.goto(`${site.address}book/${name}`);
  return { page, wrong };
}

/**
 * Scrolls to each figure in turn, and waits until it has started.
 * @param {import('playwright-core').Page} page
 * @returns {Promise<number>} how many there are
 */
async function startFigures(page) {
  const figures = await page.locator('unnoise-lab').all();
  for (const figure of figures) {
    await eventually(async () => {
      // The one above may have grown, and this one be out of sight again before it was seen.
      await figure.scrollIntoViewIfNeeded();
      const state = await figure.evaluate((one) => Reflect.get(one, 'state'));
      assert.notEqual(state, 'failed', await figure.evaluate((one) => one.outerHTML));
      return /ready|sampling|resting/.test(state);
    });
    // The next one need not wait until this one has drawn.
    await figure.evaluate((/** @type {any} */ one) => one.pause());
  }
  return figures.length;
}

test('every page opens without an error, and its figures start', async (t) => {
  let figures = 0;
  const left = [...names];
  const visit = async () => {
    for (let name = left.pop(); name; name = left.pop()) {
      const { page, wrong } = await open(name);
      const started = await startFigures(page);
      figures += started;
      // What an attribute asks for and makes no sense is said in the figure.
      assert.equal(await page.locator('unnoise-lab [part~="message"]').count(), 0, name);
      assert.equal(
        await page.evaluate(() => document.documentElement.scrollWidth > innerWidth),
        false,
        `${name} scrolls sideways`,
      );
      assert.deepEqual(wrong, [], name);
      await page.close();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, visit));
  t.diagnostic(`${names.length} pages, ${figures} figures`);
  // And the references.
  assert.equal(names.length, chapters.length + 1);
  assert.equal(figures, sources.join('\n').match(/^```figure/gm)?.length);
});

test('before the first figure is near, a page has fetched one small script; all figures share an engine', async () => {
  const { page, wrong } = await open('flow.html');
  await page.waitForFunction(() => customElements.get('unnoise-lab'));
  await page.waitForLoadState('networkidle');
  const scripts = await page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .map((entry) => /** @type {PerformanceResourceTiming} */ (entry))
      .filter(({ initiatorType }) => initiatorType !== 'css' && initiatorType !== 'link')
      // The icon is fetched by the browser, whenever it likes.
      .filter(({ name }) => !name.endsWith('/icon.svg'))
      .map(({ name, decodedBodySize }) => ({ name, bytes: decodedBodySize })),
  );
  assert.ok(
    scripts.every(({ name }) => name.endsWith('.js')),
    JSON.stringify(scripts),
  );
  const bytes = scripts.reduce((sum, script) => sum + script.bytes, 0);
  assert.ok(bytes > 0 && bytes < 60_000, `${bytes} bytes of scripts`);
  await startFigures(page);
  // A figure lets go of the engine when the next has asked for it.
  await eventually(() => page.evaluate(() => /** @type {any} */ (window).live.size === 1));
  assert.deepEqual(wrong, []);
  await page.close();
});

test('links lead somewhere, and the code is that of the source', async () => {
  const pages = new Map(
    await Promise.all(
      names.map(async (name) => /** @type {const} */ ([name, await read(`book/${name}`)])),
    ),
  );
  for (const [name, html] of pages) {
    for (const [, address] of html.matchAll(/ href="([^"]+)"/g)) {
      if (address.startsWith('https:')) continue;
      const [path, id] = address.split('#');
      const file = path === './' ? 'index.html' : path || name;
      const target =
        pages.get(file) ?? (await read(`book/${file === '../' ? '../index.html' : file}`));
      if (id) assert.ok(target.includes(` id="${id}"`), `${name}: ${address}`);
    }
    const excerpts = /<p>(src\/[^,]+), lines (\d+) to (\d+)<\/p>\s*<pre[^>]*><code>(.+?)<\/code>/gs;
    for (const [, path, first, last, code] of html.matchAll(excerpts)) {
      const text = code
        .replace(/<[^>]+>/g, '')
        .replace(/&#(\d+);/g, (_, sign) => String.fromCharCode(Number(sign)));
      const lines = (await read(path)).split('\n').slice(Number(first) - 1, Number(last));
      const bare = (/** @type {string[]} */ some) => some.map((line) => line.trim());
      assert.deepEqual(bare(text.split('\n')), bare(lines), `${name}: ${path}`);
    }
  }
});

test('what the book names and is not there fails the build', async () => {
  const source = fileURLToPath(new URL('src/sampler/ddim.rs', ROOT));
  await excerptOf(source, 'item: fn step\nto: Ok(Step');
  await assert.rejects(excerptOf(source, 'item: fn stride'), /0 items “fn stride”/);
  await assert.rejects(
    excerptOf(source, 'item: fn step\nto: Err(Step'),
    /no line with “Err\(Step”/,
  );
  assert.throws(() => checkedAttributes('mode="forward" stepps="3"'), /no attribute stepps/);
  assert.throws(() => checkedAttributes('mode="backward"'), /cannot be “backward”/);
});

test('a copy that is whole by itself opens without a network after one visit', async () => {
  const run = (/** @type {string[]} */ ...args) =>
    spawn(args[0], args.slice(1), {
      cwd: fileURLToPath(ROOT),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  const out = 'target/book';
  const build = run('scripts/build-book', '--standalone', '--out', `${out}/sub/path`);
  assert.deepEqual(await once(build, 'exit'), [0, null]);
  const server = run(process.execPath, 'scripts/serve.mjs', '--port', '0', '--root', out);
  const [address] = await once(createInterface(server.stdout), 'line');
  const context = await launch(undefined, { serviceWorkers: 'allow' });
  try {
    const page = await context.newPage();
    await page.goto(`${address}sub/path/bound.html`);
    await startFigures(page);
    await eventually(() =>
      page.evaluate(async () => {
        // The cache is whole a moment before the worker answers for it.
        const registration = await navigator.serviceWorker.getRegistration();
        if (registration?.active?.state !== 'activated') return false;
        const keys = await caches.keys();
        const kept = await Promise.all(keys.map(async (key) => (await caches.open(key)).keys()));
        return kept.flat().some(({ url }) => url.endsWith('/unnoise-whole'));
      }),
    );
    server.kill();
    await once(server, 'exit');
    await page.goto(`${address}sub/path/chain.html`);
    assert.equal(await page.locator('h1').textContent(), 'The chain and its closed form');
    assert.equal(await startFigures(page), 1);
  } finally {
    server.kill();
    await context.close();
  }
});

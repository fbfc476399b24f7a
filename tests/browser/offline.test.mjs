// A page that was visited once opens, trains and samples without a network, and is never of two
// versions at a time.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { createHash } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { eventually, LabPage, launch, link, serve, TINY } from './lab.mjs';

const SETTINGS = { ...TINY, backend: 'flex' };
const root = new URL('../../', import.meta.url);
/** @param {string} path */
const built = (path) => readFile(new URL(path, root));

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** The built page in any folder of a host, as static hosts have it; files can be replaced. */
class Host {
  /** @type {Map<string, Buffer | string>} by their paths in a folder */
  replaced = new Map();
  /** The path of a file in the middle of which the connection ends. */
  cut = '';
  #port = 0;
  /** @type {import('node:http').Server | undefined} */
  #server;

  get address() {
    return this.folder('project');
  }

  /** The address of a folder. What is kept of one is not of another's. @param {string} name */
  folder(name) {
    return `http://127.0.0.1:${this.#port}/${name}/`;
  }

  async start() {
    this.#server = createServer(async ({ url = '' }, response) => {
      const { pathname } = new URL(url, 'http://localhost');
      const path = pathname.replace(/^\/[^/]+\//, '') || 'index.html';
      const content = this.replaced.get(path) ?? (await built(path).catch(() => undefined));
      if (content === undefined) return response.writeHead(404).end();
      response.writeHead(200, {
        'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
        'content-length': content.length,
        'cache-control': 'no-cache',
      });
      if (path !== this.cut) return response.end(content);
      response.write(content.subarray(0, content.length / 2), () => response.destroy());
    });
    await once(this.#server.listen(this.#port, '127.0.0.1'), 'listening');
    this.#port = this.#server.address().port;
  }

  async stop() {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  /**
   * Has another version from now on: its page and its script tell which.
   * @param {string} name
   */
  async release(name) {
    const title = '<title data-msg>Unnoise';
    const page = (await built('index.html')).toString().replace(title, `${title} ${name}`);
    const script = `${await built('pkg/unnoise.js')}\nglobalThis.released = '${name}';`;
    let list = (await built('pkg/offline-worker.js')).toString();
    for (const [path, content] of [
      ['index.html', page],
      ['pkg/unnoise.js', script],
    ]) {
      list = list.replace(hashOf(await built(path)), hashOf(content));
      this.replaced.set(path, Buffer.from(content));
    }
    const version = /version:"(\w+)"/;
    this.replaced.set('pkg/offline-worker.js', list.replace(version, `version:"${name}"`));
  }
}

/** @param {Buffer | string} content */
const hashOf = (content) => createHash('sha256').update(content).digest('base64');

const host = new Host();
/** @type {import('playwright-core').BrowserContext} */
let context;

before(async () => {
  await host.start();
  context = await launch(undefined, { serviceWorkers: 'allow' });
});
// One that is left open would keep new versions waiting.
afterEach(async () => {
  for (const page of context.pages()) if (page.url() !== 'about:blank') await page.close();
});
after(async () => {
  await context?.close();
  await host.stop();
});

const open = (settings = SETTINGS) => LabPage.open(context, host.address, settings);

/** The versions that are kept whole. @param {LabPage} lab */
const kept = (lab) =>
  lab.page.evaluate(async () => {
    const names = await caches.keys();
    const whole = await Promise.all(
      names.map(async (name) => {
        const keys = await (await caches.open(name)).keys();
        return keys.some(({ url }) => url.endsWith('unnoise-whole'));
      }),
    );
    return names.filter((_, index) => whole[index]).map((name) => name.split(' ').at(-1));
  });

/**
 * Which version a page is of, by each of its files that tell; nothing while it is loaded anew.
 * @param {LabPage} lab
 */
const versions = (lab) =>
  lab.page
    .evaluate(() => {
      const title = document.title.replace(/^(\d+ % · )?Unnoise|:.*/g, '').trim();
      return [title, /** @type {any} */ (window).released ?? ''];
    })
    .catch(() => undefined);

/**
 * Looks for a new version, as the browser does on every visit.
 * @param {LabPage} lab
 * @returns {Promise<boolean>} whether one waits
 */
const update = (lab) =>
  lab.page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    // It fails where the new one cannot be installed.
    await registration.update().catch(() => {});
    while (registration.installing) await new Promise((resolve) => setTimeout(resolve, 50));
    return registration.waiting !== null;
  });

test('after one visit the page opens, trains and samples without a network', async () => {
  const lab = await open();
  await eventually(async () => (await kept(lab)).length === 1);
  assert.match(
    await lab.page.evaluate(() => navigator.serviceWorker.ready.then((r) => r.scope)),
    /\/project\/$/,
  );
  await host.stop();
  await lab.page.reload();
  await lab.ready();
  await lab.train();
  await lab.sample();
  assert.equal(await lab.text('step'), String(TINY.train_steps));
  // A set that was never looked at, and a page with another query.
  await lab.by('set-sprites').click();
  await eventually(async () => (await lab.text('image-count')) === '256 images');
  await lab.page.goto(link(`${host.address}index.html?embed`, SETTINGS));
  await lab.ready();
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
  await host.start();
});

test('“Delete everything stored here” deletes the page too, until the next visit', async () => {
  const lab = await open();
  await lab.by('runs-page').waitFor();
  await lab.by('runs-delete-all').click();
  await lab.page.getByText('The page itself is kept again on the next visit.').waitFor();
  await lab.by('runs-delete-all-sure').click();
  await lab.by('runs-page').waitFor({ state: 'detached' });
  assert.deepEqual(await lab.page.evaluate(() => caches.keys()), []);
  assert.equal(await lab.by('run').count(), 0);
  // It works on, and so does the next visit.
  await lab.train();
  assert.deepEqual(await lab.page.evaluate(() => caches.keys()), []);
  await lab.page.reload();
  await lab.ready();
  await eventually(async () => (await kept(lab)).length === 1);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('a new version waits until no run is in progress and the page is opened anew', async () => {
  const lab = await open({ ...SETTINGS, train_steps: 1_000_000 });
  await lab.by('train').click();
  await lab.by('pause').waitFor();
  await host.release('second');
  assert.ok(await update(lab));
  assert.equal((await kept(lab)).length, 2);

  const beside = await open();
  assert.deepEqual(await versions(beside), ['', '']);
  // What is fetched later is of the same version.
  const fetched = await beside.page.evaluate(async () => (await fetch('pkg/unnoise.js')).text());
  assert.doesNotMatch(fetched, /released/);
  await beside.page.close();
  const step = async () => Number((await lab.text('step')).replace(',', ''));
  const before = await step();
  await eventually(async () => (await step()) > before);
  assert.deepEqual(await versions(lab), ['', '']);

  await lab.page.reload();
  await eventually(async () => String(await versions(lab)) === 'second,second');
  await lab.ready();
  assert.deepEqual(await kept(lab), ['second']);
  await lab.sample();
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('an install that fails leaves the version before whole', async () => {
  const lab = await open();
  const [version] = await kept(lab);
  const shown = await versions(lab);
  await host.release('third');
  // The connection ends in the middle of a file.
  host.cut = 'pkg/unnoise.js';
  assert.ok(!(await update(lab)));
  host.cut = '';
  // The host has only some of the new files yet.
  const script = host.replaced.get('pkg/unnoise.js');
  await host.release('fourth');
  const complete = new Map(host.replaced);
  host.replaced.set('pkg/unnoise.js', script);
  assert.ok(!(await update(lab)));
  // Parts of both are there, and none is used.
  const begun = await lab.page.evaluate(() => caches.keys());
  const names = begun.map((name) => name.split(' ').at(-1));
  assert.deepEqual(names.sort(), [version, 'third', 'fourth'].sort());
  assert.deepEqual(await kept(lab), [version]);
  await host.stop();
  await lab.page.reload();
  await lab.ready();
  assert.deepEqual(await versions(lab), shown);
  await lab.train();
  await host.start();
  host.replaced = complete;
  assert.ok(await update(lab));
  await lab.page.reload();
  await eventually(async () => String(await versions(lab)) === 'fourth,fourth');
  await lab.ready();
  assert.deepEqual(await kept(lab), ['fourth']);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('a service worker is taken back, as in development', async () => {
  const server = await serve();
  const worker = await (await fetch(`${server.address}service-worker.js`)).text();
  server.stop();
  const withdraw = await built('web/offline/withdraw.js');
  assert.equal(worker, String(withdraw));
  host.replaced = new Map([['service-worker.js', withdraw]]);
  // The page that is kept comes first, and then that of the host: nothing may be asked of the first,
  // since that counts as its use.
  const lab = new LabPage(await context.newPage());
  let documents = 0;
  lab.page.on('response', (response) => {
    documents += Number(response.request().isNavigationRequest());
  });
  await lab.page.goto(link(host.address, SETTINGS), { waitUntil: 'commit' });
  await eventually(async () => documents === 2);
  // The first may be there until the second is.
  await eventually(async () => String(await versions(lab)) === ',');
  await lab.ready();
  await eventually(async () => (await kept(lab)).length === 0);
  assert.deepEqual(await lab.page.evaluate(() => caches.keys()), []);
  // Nor is anything kept by the next visit.
  const next = await lab.page.reload();
  assert.ok(!next?.fromServiceWorker());
  await lab.ready();
  assert.deepEqual(await lab.page.evaluate(() => caches.keys()), []);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('without service workers, and where they are refused, the page is as ever', async () => {
  for (const program of [
    () => Reflect.deleteProperty(Navigator.prototype, 'serviceWorker'),
    () =>
      (ServiceWorkerContainer.prototype.register = () =>
        Promise.reject(new DOMException('no', 'SecurityError'))),
  ]) {
    const lab = new LabPage(await context.newPage());
    await lab.page.addInitScript(program);
    await lab.goto(host.address, SETTINGS);
    await lab.sample();
    assert.deepEqual(lab.errors, []);
    assert.deepEqual(await lab.page.evaluate(() => caches.keys()), []);
    await lab.page.close();
  }
});

test('a page that embeds the element is kept by a worker of its own', async () => {
  const article = (/** @type {string} */ title) => `<!doctype html><title>${title}</title>
    <script type="module" src="pkg/unnoise.js"></script>
    <unnoise-lab mode="sample" dataset="sprites" backend="flex" sampler="ddim" steps="4" count="1"
      loading="eager" offline="offline.js" autoplay></unnoise-lab>`;
  host.replaced = new Map([
    ['article.html', article('One')],
    [
      'offline.js',
      `importScripts('pkg/offline-worker.js');
       unnoiseOffline({ folder: 'pkg/', pages: ['article.html'] });`,
    ],
  ]);
  const lab = new LabPage(await context.newPage());
  const drawn = () => lab.page.locator('unnoise-lab[drawn]').waitFor();
  await lab.page.goto(`${host.folder('course')}article.html`);
  await drawn();
  await eventually(async () => (await kept(lab)).length === 1);
  // Before it is active, a page goes past it.
  await lab.page.evaluate(() => navigator.serviceWorker.ready);
  // Its author changes it when they like.
  host.replaced.set('article.html', article('Two'));
  await lab.page.reload();
  // A page may be loaded once more, when a new version takes over.
  await eventually(async () => (await lab.page.title()) === 'Two');
  await drawn();
  await host.stop();
  await lab.page.reload();
  // A page may be loaded once more, when a new version takes over.
  await eventually(async () => (await lab.page.title()) === 'Two');
  await drawn();
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
  await host.start();
});

// What the page sends: nothing. A whole visit with every request written down, those of workers too,
// and what the page's policy refuses.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { ALL_IMAGES, beforeWorkers, LabPage, Site, TINY } from './lab.mjs';

const SETTINGS = { ...TINY, backend: 'flex' };

const site = Site.forTests();

/** Another host, which nothing may be asked of, and what it was asked. */
const other = createServer((request, response) => {
  asked.push(request.url ?? '');
  response.writeHead(200, { 'access-control-allow-origin': '*' }).end('reached');
});
/** @type {string[]} */
let asked = [];
let otherAddress = '';

before(async () => {
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  otherAddress = `http://127.0.0.1:${/** @type {any} */ (other.address()).port}/`;
});
after(() => other.close());

/**
 * A page of the lab that writes down its requests, and what its policy refused.
 * @param {Record<string, unknown>} settings
 * @param {{ program?: () => void }} [options] what every worker runs first
 */
async function openRecorded(settings, { program } = {}) {
  const page = await (await site.blank()).context().newPage();
  /** @type {import('playwright-core').Request[]} */
  const requests = [];
  const record = (/** @type {import('playwright-core').Request} */ request) => {
    if (/^(https?|wss?):/.test(request.url())) requests.push(request);
  };
  page.context().on('request', record);
  page.on('close', () => page.context().off('request', record));
  await page.addInitScript(() => {
    const refused = /** @type {string[]} */ ([]);
    const said = /** @type {string[]} */ ([]);
    const channel = new BroadcastChannel('outcome');
    channel.onmessage = ({ data }) => said.push(data);
    Object.assign(window, { refused, said, channel });
    document.addEventListener('securitypolicyviolation', (event) =>
      refused.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`),
    );
  });
  if (program) await beforeWorkers(page, program);
  const lab = new LabPage(page);
  await lab.goto(site.address, settings);
  const refused = () => page.evaluate(() => /** @type {any} */ (window).refused);
  const said = () => page.evaluate(() => /** @type {any} */ (window).said);
  return { lab, page, requests, refused, said };
}

/** Every file that may be asked for after the page has loaded. */
async function packageFiles() {
  const files = await readdir(new URL('../../pkg/', import.meta.url), { recursive: true });
  return new Set(files.map((name) => `${site.address}pkg/${name}`));
}

/**
 * @param {LabPage} lab
 * @param {string} button
 */
async function download(lab, button) {
  const download = lab.page.waitForEvent('download');
  await lab.by(button).first().click();
  assert.ok(await (await download).path());
}

test('a whole visit asks for the files of the page, by GET, and for nothing else', async (t) => {
  const { lab, page, requests, refused } = await openRecorded(SETTINGS);
  const loaded = requests.length;
  assert.ok(loaded > 5, `${loaded} requests while it loads`);

  await lab.replaceImages(ALL_IMAGES);
  await lab.train();
  await lab.sample();
  await lab.by('sample-mode-compare').check({ force: true });
  await lab.by('sample').click();
  await page.waitForFunction(() => {
    const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    return session.comparison.runs.length > 0 && !session.drawing;
  });
  await page.evaluate(() => {
    Object.assign(/** @type {any} */ (document.querySelector('unnoise-lab')), { mode: 'edit' });
  });
  await lab.by('edit-run').click();
  await page.waitForFunction(() => {
    const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    return session.editor.recording.frames.length > 0 && !session.drawing;
  });
  await page.evaluate(() => {
    Object.assign(/** @type {any} */ (document.querySelector('unnoise-lab')), { mode: 'lab' });
  });
  await lab.ready();
  for (const button of ['save-model', 'save-small', 'export-diffusers', 'run-export']) {
    await download(lab, button);
  }
  await lab.by('embed').click();
  await page.keyboard.press('Escape');
  // The model that was shown at first comes from the page's own files.
  await page.evaluate(() =>
    /** @type {any} */ (document.querySelector('unnoise-lab')).session.imageSet.choose('sprites'),
  );
  await lab.ready();

  const known = await packageFiles();
  for (const [place, request] of requests.entries()) {
    const address = request.url().split(/[?#]/)[0];
    const name = `${request.method()} ${address}`;
    assert.equal(request.method(), 'GET', name);
    assert.equal(request.postData(), null, name);
    assert.ok(address.startsWith(site.address), name);
    assert.ok(known.has(address) || (place < loaded && address === site.address), name);
  }
  t.diagnostic(`${loaded} requests while it loads, ${requests.length - loaded} after`);
  assert.deepEqual(await refused(), []);
  assert.deepEqual(lab.errors, []);
  await page.close();
});

test('requests of workers are among those that are written down', async () => {
  const { lab, page, requests } = await openRecorded(SETTINGS);
  // Without the policy of their file, which would not let them.
  await page.route('**/pkg/worker.js', async (route) => {
    const response = await route.fetch();
    const headers = response.headers();
    delete headers['content-security-policy'];
    const body = `fetch('/pkg/samples/index.json?from-a-worker');\n${await response.text()}`;
    await route.fulfill({ response, headers, body });
  });
  await page.reload();
  await lab.ready();
  assert.ok(requests.some((request) => request.url().endsWith('?from-a-worker')));
  await page.close();
});

test('the policy of the page refuses every way to another host', async () => {
  const { page, refused } = await openRecorded(SETTINGS);
  asked = [];
  const outcomes = await page.evaluate(async (address) => {
    const settled = (/** @type {Promise<unknown>} */ promise) =>
      promise.then(
        () => 'went through',
        () => 'refused',
      );
    const loaded = (/** @type {HTMLElement} */ element) =>
      settled(
        new Promise((resolve, reject) => {
          element.onload = resolve;
          element.onerror = reject;
          document.body.append(element);
        }),
      );
    const of = (/** @type {string} */ tag, /** @type {object} */ properties) =>
      Object.assign(document.createElement(tag), properties);
    navigator.sendBeacon(`${address}beacon`, 'x');
    const socket = (async () => {
      const one = new WebSocket(`${address.replace('http', 'ws')}socket`);
      await new Promise((resolve, reject) => ((one.onopen = resolve), (one.onerror = reject)));
    })();
    return {
      fetch: await settled(fetch(`${address}fetch`)),
      socket: await settled(socket),
      image: await loaded(of('img', { src: `${address}image` })),
      style: await loaded(of('link', { rel: 'stylesheet', href: `${address}style` })),
      font: await settled(new FontFace('x', `url(${address}font)`).load()),
      module: await settled(import(`${address}module.js`)),
    };
  }, otherAddress);
  for (const [way, outcome] of Object.entries(outcomes)) assert.equal(outcome, 'refused', way);
  assert.deepEqual(asked, []);
  assert.ok((await refused()).length >= 6);
  await page.close();
});

test('the page takes scripts from its own files alone, and no text for code', async () => {
  const { page } = await openRecorded(SETTINGS);
  const outcomes = await page.evaluate(() => {
    const attempt = (/** @type {() => unknown} */ work) => {
      try {
        work();
        return 'went through';
      } catch (error) {
        return /** @type {Error} */ (error).name;
      }
    };
    const script = document.createElement('script');
    const link = document.createElement('a');
    return {
      handler: attempt(() => link.setAttribute('onclick', 'window.ran = true')),
      markup: attempt(() => (document.createElement('div').innerHTML = '<img src=x>')),
      worker: attempt(() => new Worker('pkg/worker.js')),
      source: attempt(() => (script.src = 'pkg/page.js')),
      text: attempt(() => (script.text = 'window.ran = true')),
      policy: attempt(() => /** @type {any} */ (window).trustedTypes.createPolicy('another', {})),
      ours: attempt(() => /** @type {any} */ (window).trustedTypes.createPolicy('unnoise', {})),
      ran: 'ran' in window,
    };
  });
  assert.deepEqual(outcomes, {
    handler: 'TypeError',
    markup: 'TypeError',
    worker: 'TypeError',
    source: 'TypeError',
    text: 'TypeError',
    policy: 'TypeError',
    ours: 'TypeError',
    ran: false,
  });
  await page.close();
});

test('workers may connect to nothing where the server sends their policy', async () => {
  const program = () => {
    const say = (/** @type {string} */ word) => new BroadcastChannel('outcome').postMessage(word);
    fetch('/README.md').then(
      () => say('went through'),
      () => say('refused'),
    );
  };
  const { page, lab, said } = await openRecorded(SETTINGS, { program });
  await lab.train();
  const outcomes = await said();
  assert.ok(outcomes.length > 0);
  assert.deepEqual([...new Set(outcomes)], ['refused']);
  assert.deepEqual(lab.errors, []);
  await page.close();
});

test('the documentation has the policy of the page', async () => {
  const read = (/** @type {string} */ name) =>
    readFile(new URL(`../../${name}`, import.meta.url), 'utf8');
  const policyOf = (/** @type {string} */ text) =>
    /Content-Security-Policy"\s+content="([^"]+)"/.exec(text)?.[1].split(/;\s*/);
  const policy = policyOf(await read('index.html'));
  assert.ok(policy);
  const documented = await read('docs/embedding/self-hosting.md');
  for (const directive of policy) {
    // The sheet in the markup changes with the page, and so does its hash.
    const [stable] = directive.split("'sha256-");
    assert.ok(documented.includes(stable.trim()), directive);
  }
  assert.doesNotMatch(policy.join(), /unsafe-inline|'unsafe-eval'|https?:|\*/);
});

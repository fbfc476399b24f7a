// Models that a link or an attribute names by address: from the page's own origin at once, from
// another host only after a click, and with a sentence for whatever goes wrong.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { eventually, LabPage, Site, TINY } from './lab.mjs';

const site = Site.forTests();

/** @type {Buffer} */
let model;
/** @type {import('node:http').IncomingMessage[]} */
let asked = [];
let ended = 0;
let host = '';

/** @type {Record<string, (response: import('node:http').ServerResponse) => void>} */
const FILES = {
  '/model.safetensors': (response) => send(response, model),
  '/large.safetensors': (response) => {
    response.writeHead(200, { ...CORS, 'content-length': 2 ** 31 });
    response.write(model.subarray(0, 64));
  },
  '/page.safetensors': (response) => send(response, '<!doctype html>', 'text/html'),
  '/words.safetensors': (response) => send(response, 'no model, just words'),
  '/broken.safetensors': (response) => {
    response.writeHead(200, { ...CORS, 'content-length': model.length });
    response.write(model.subarray(0, 50_000), () => setTimeout(() => response.destroy(), 200));
  },
  '/slow.safetensors': (response) => {
    response.writeHead(200, { ...CORS, 'content-length': model.length });
    response.write(model.subarray(0, 50_000));
    response.on('close', () => ended++);
  },
  '/closed.safetensors': (response) => response.writeHead(200).end(model),
  '/moved.safetensors': (response) =>
    response.writeHead(302, { ...CORS, location: '/model.safetensors' }).end(),
};
const CORS = { 'access-control-allow-origin': '*' };

/**
 * @param {import('node:http').ServerResponse} response
 * @param {string | Buffer} content
 */
function send(response, content, type = 'application/octet-stream') {
  response.writeHead(200, { ...CORS, 'content-type': type }).end(content);
}

const server = createServer((request, response) => {
  asked.push(request);
  const file = FILES[request.url ?? ''];
  if (file) file(response);
  else response.writeHead(404, CORS).end();
});

before(async () => {
  model = await readFile(new URL('../../web/samples/sprites/model.safetensors', import.meta.url));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  host = `127.0.0.1:${/** @type {any} */ (server.address()).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

/** @param {string} name of a file of the other host */
async function ask(name) {
  asked = [];
  const lab = await site.open({
    ...TINY,
    unet: undefined,
    backend: 'flex',
    model: `http://${host}/${name}`,
  });
  await lab.page.getByText(`A model from ${host} is asked for`).waitFor();
  return lab;
}

/** @param {LabPage} lab @param {RegExp} sentence */
const says = (lab, sentence) => lab.by('message').getByText(sentence).first().waitFor();

test('a model of another host is fetched only after a click that names the host', async () => {
  const lab = await ask('model.safetensors');
  // Everything that the page does by itself is over.
  await lab.sample();
  assert.deepEqual(asked, []);
  const button = lab.by('fetch-model');
  assert.equal((await button.textContent())?.trim(), `Fetch it from ${host}`);
  await lab.page.screenshot({ path: 'target/screenshots/remote-model.png' });
  await button.click();
  await says(lab, new RegExp(`Loaded model.safetensors from ${host}, trained for [\\d,]+ steps`));
  await lab.ready();
  assert.equal(asked.length, 1);
  const { method, headers } = asked[0];
  assert.equal(method, 'GET');
  // The host learns neither the page nor who asks.
  assert.equal(headers.referer, undefined);
  assert.equal(headers.cookie, undefined);
  assert.equal(headers.origin, 'null');
  assert.notEqual(await lab.text('step'), '0');
  assert.equal(await lab.page.locator('iframe').count(), 0);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('without the click everything else works, and nothing is fetched', async () => {
  const lab = await ask('model.safetensors');
  await lab.by('leave-model').click();
  await lab.train();
  assert.equal(await lab.text('step'), '30');
  assert.deepEqual(asked, []);
  await lab.page.close();
});

test('every failure has a sentence, and changes nothing', async () => {
  /** @type {[string, RegExp][]} */
  const failures = [
    ['large.safetensors', /large\.safetensors has 2\.15 GB, more than .*Nothing was changed/],
    ['page.safetensors', /sent is a web page, not a model .*Nothing was changed/],
    ['words.safetensors', /sent is something else, not a model .*Nothing was changed/],
    ['missing.safetensors', /answers 404\. Check the address/],
    ['broken.safetensors', /broke off after [\d.]+ kB of the model\. Try again\. Nothing/],
    ['closed.safetensors', /cannot be reached, or does not let other pages read its files/],
  ];
  const lab = await site.open({ ...TINY, backend: 'flex' });
  await lab.train();
  const pixels = (await lab.sample(), await lab.pixels());
  for (const [name, sentence] of failures) {
    await lab.page.evaluate((address) => {
      Object.assign(/** @type {any} */ (document.querySelector('unnoise-lab')), { model: address });
    }, `http://${host}/${name}`);
    await lab.by('fetch-model').click();
    await says(lab, sentence);
    assert.equal(await lab.page.locator('iframe').count(), 0, name);
  }
  assert.equal(await lab.text('step'), '30');
  await lab.sample();
  assert.equal(await lab.pixels(), pixels);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('a download shows how far it is, and can be ended', async () => {
  const lab = await ask('slow.safetensors');
  ended = 0;
  await lab.by('fetch-model').click();
  const progress = lab.by('message-progress');
  await lab.by('message').getByText('50.0 kB of').waitFor();
  assert.equal(await progress.getAttribute('max'), String(model.length));
  await lab.by('stop-fetching').click();
  await lab.by('fetch-model').waitFor();
  await eventually(async () => ended === 1);
  await lab.page.close();
});

test('a model that arrives while another is trained waits to be let in', async () => {
  const lab = await ask('model.safetensors');
  await lab.page.evaluate(() => {
    const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    session.run.setSteps(100_000);
  });
  await lab.by('train').click();
  await lab.by('pause').waitFor();
  await lab.by('fetch-model').click();
  await says(lab, /model\.safetensors has arrived\. Training goes on/);
  assert.equal(await lab.by('pause').count(), 1);
  await lab.by('load-fetched').click();
  await says(lab, /Loaded model\.safetensors/);
  await lab.page.close();
});

test('an element on a page without a policy asks too, and fetches without a frame', async () => {
  asked = [];
  const page = await site.blank();
  await page.evaluate(
    async ({ address, model }) => {
      await import(`${address}pkg/unnoise.js`);
      const element = document.createElement('unnoise-lab');
      const attributes = { mode: 'sample', backend: 'flex', loading: 'eager', model, steps: '5' };
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      document.body.append(element);
    },
    { address: site.address, model: `http://${host}/moved.safetensors` },
  );
  await page.getByTestId('fetch-model').waitFor();
  assert.deepEqual(asked, []);
  await page.getByTestId('fetch-model').click();
  await page.getByText(`Loaded moved.safetensors from ${host}`).waitFor();
  assert.deepEqual(
    asked.map(({ url, headers }) => [url, headers.referer]),
    [
      ['/moved.safetensors', undefined],
      ['/model.safetensors', undefined],
    ],
  );
  await page.close();
});

test("a model of the page's own origin needs no click, and leads to no other host", async () => {
  const lab = await site.open({ backend: 'flex', model: 'pkg/samples/sprites/model.safetensors' });
  assert.notEqual(await lab.text('step'), '0');
  assert.equal(await lab.by('fetch-model').count(), 0);
  await eventually(async () =>
    /Drawn in this tab, just now\s+loaded model/.test(await lab.text('stage-caption')),
  );
  await lab.page.close();

  asked = [];
  const led = new LabPage(await (await site.blank()).context().newPage());
  const headers = { location: `http://${host}/model.safetensors` };
  await led.page.route('**/own.safetensors', (route) => route.fulfill({ status: 302, headers }));
  await led.goto(site.address, { ...TINY, backend: 'flex', model: 'own.safetensors' });
  await says(led, /could not be fetched: the server cannot be reached/);
  assert.deepEqual(asked, []);
  await led.page.close();
});

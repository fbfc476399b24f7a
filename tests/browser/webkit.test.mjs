// WebKitGTK, which has no WebGPU: the CPU, and the page.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { link, serve, TINY } from './lab.mjs';
import { assertAgree, assertPlayed, play, TINIEST, train } from './programs.mjs';
import { WebKit } from './webkit.mjs';

/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
/** @type {WebKit} */
let browser;

before(async () => {
  server = await serve();
  // WebKitGTK then says that its language is "C".
  browser = await WebKit.launch('C.UTF-8');
});
after(async () => {
  await browser?.close();
  server?.stop();
});

test('WebKit trains on the CPU', async () => {
  const { address } = server;
  await browser.goto(`${address}README.md`);
  const run = (/** @type {string} */ backend) =>
    browser.evaluate(train, { address, backend, config: TINIEST, steps: 5 });
  const auto = await run('auto');
  assert.equal(auto.backend, 'flex');
  assert.match(auto.backendReason, /no WebGPU adapter/);
  assertAgree(auto.losses, (await run('candle')).losses);
});

test('the page trains and draws its curves, whatever language the browser names', async () => {
  await browser.goto(link(server.address, { ...TINY, train_steps: 10 }));
  const seen = await browser.evaluate(async () => {
    const element = /** @type {any} */ (document.querySelector('unnoise-lab'));
    const wait = async (/** @type {() => unknown} */ condition) => {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    await wait(() => element.session?.phase === 'ready');
    await element.session.train();
    const root = element.shadowRoot ?? element;
    await wait(() => root.querySelector('.train canvas'));
    return { language: navigator.language, step: element.session.lab.step };
  });
  assert.deepEqual(seen, { language: 'C', step: 10 });
});

test('images are given, cropped and learnt, samples kept, films saved', async () => {
  // Another hash alone would leave the page as it is.
  await browser.goto(`${server.address}README.md`);
  await browser.goto(link(server.address, { ...TINY, train_steps: 100_000 }));
  assertPlayed(await browser.evaluate(play, undefined));
});

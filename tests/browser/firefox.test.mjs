// Firefox: WebGPU on a software adapter, the CPU, and what the page says while it compiles.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launchFirefox } from './firefox.mjs';
import { link, serve, TINY } from './lab.mjs';
import { assertAgree, assertPlayed, play, TINIEST, train, watchTraining } from './programs.mjs';

/** Few kernels: they take long to compile. */
const CONFIG = { ...TINIEST, 'unet.block_out_channels': [8] };

/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
/** @type {import('puppeteer-core').Browser} */
let browser;

before(async () => {
  server = await serve();
  browser = await launchFirefox();
});
after(async () => {
  await browser?.close();
  server?.stop();
});

test('Firefox trains on WebGPU as on the CPU', async (t) => {
  const { address } = server;
  const page = await browser.newPage();
  await page.goto(`${address}README.md`);
  const run = (/** @type {string} */ backend) =>
    page.evaluate(train, { address, backend, config: CONFIG, steps: 2 });
  const gpu = await run('webgpu');
  assert.equal(gpu.backend, 'webgpu');
  assert.equal(gpu.selfTest.passed, true);
  t.diagnostic(`tested in ${gpu.selfTest.milliseconds.toFixed()} ms`);
  const cpu = await run('flex');
  assert.equal(cpu.backend, 'flex');
  assertAgree(gpu.losses, cpu.losses);
  await page.close();
});

test('the page says that it compiles, and then at once how fast it is', async (t) => {
  const page = await browser.newPage();
  const settings = { ...CONFIG, backend: 'webgpu' };
  await page.goto(link(server.address, { ...settings, train_steps: 100_000 }));
  const { rates, drawn, said } = await page.evaluate(watchTraining, 2);
  t.diagnostic(`${rates} steps a second`);
  assert.ok(said.some((words) => /^preparing: .* of \d+ programs compiled/.test(words)));
  assert.ok(said.includes('status: Preparing the GPU…'), String(said));
  assert.ok(rates[1] > 0);
  assert.deepEqual(drawn, [false, false]);
  await page.close();
});

test('images are given, cropped and learnt, samples kept, films saved', async () => {
  const page = await browser.newPage();
  await page.goto(link(server.address, { ...TINY, backend: 'flex', train_steps: 100_000 }));
  assertPlayed(await page.evaluate(play));
  await page.close();
});

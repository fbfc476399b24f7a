// Training goes on after the GPU has failed: on the GPU where that comes back, else on the CPU. What a
// GPU computes after an error counts for nothing.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { beforeWorkers, LabPage, recordWorkers, Site } from './lab.mjs';
import { TINIEST } from './programs.mjs';

/** Every worker compiles its programs anew, which an emulator takes long for: the fewer the better. */
const SETTINGS = {
  ...TINIEST,
  'unet.block_out_channels': '8',
  'unet.layers_per_block': 1,
  optimizer: 'adam',
  batch_size: 1,
  backend: 'webgpu',
  train_steps: 100_000,
};
/** An emulator compiles for that long where other programs run too. */
const PATIENCE = 300_000;
const HOURS = 8;

const site = Site.forTests();
/** @type {LabPage} */
let lab;

/** What happens to a GPU, in a worker that is told to let it happen. */
function hostile() {
  const { GPUAdapter, GPUComputePassEncoder, GPUDevice } = /** @type {any} */ (globalThis);
  const { requestDevice } = GPUAdapter.prototype;
  /** @type {any} */
  let device;
  GPUAdapter.prototype.requestDevice = async function (/** @type {unknown} */ descriptor) {
    return (device = await requestDevice.call(this, descriptor));
  };
  const { destroy } = GPUDevice.prototype;
  GPUDevice.prototype.destroy = () => {
    throw new Error('Nobody but the test may destroy a device.');
  };
  let refuses = false;
  const encoder = GPUComputePassEncoder.prototype;
  const { dispatchWorkgroups } = encoder;
  encoder.dispatchWorkgroups = function (/** @type {number[]} */ ...counts) {
    if (!refuses) return dispatchWorkgroups.apply(this, counts);
    refuses = false;
    return dispatchWorkgroups.call(this, 70_000, 1, 1);
  };
  addEventListener('message', (event) => {
    if (event.data === 'refuse') refuses = true;
    else if (event.data !== 'lose') return;
    else if (device) destroy.call(device);
    event.stopImmediatePropagation();
  });
}

before(async () => {
  lab = new LabPage(await (await site.blank()).context().newPage());
  const { page } = lab;
  await page.clock.install();
  await beforeWorkers(page, hostile);
  await page.addInitScript(recordWorkers);
  await page.addInitScript(() => {
    Object.defineProperty(navigator, 'hardwareConcurrency', { get: () => 1 });
  });
  await lab.goto(site.address, SETTINGS);
  await page.evaluate(() => {
    const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    // Previews have programs of their own.
    session.trainer.preview.advance = async () => {};
    /** The losses of every step, each time that it was taken. */
    const losses = /** @type {Record<number, number[]>} */ ({});
    /** Steps of the states that were kept. */
    const kept = /** @type {number[]} */ ([]);
    session.trainer.addEventListener('progress', (/** @type {CustomEvent} */ { detail }) => {
      const first = detail.step - detail.losses.length + 1;
      for (const [i, loss] of detail.losses.entries()) (losses[first + i] ??= []).push(loss);
    });
    session.checkpointer.addEventListener('kept', () => kept.push(session.checkpointer.state.step));
    Object.assign(window, { losses, kept });
  });
});

/** Waits until a state is kept and training has gone on from it. */
const goneOn = () =>
  lab.page.evaluate(() => {
    const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    const { checkpointer, trainer } = session;
    const before = checkpointer.state;
    return new Promise((resolve) => {
      let more = 0;
      const look = () => {
        if (checkpointer.state === before) return trainer.hurry();
        if (++more < 3) return undefined;
        trainer.removeEventListener('progress', look);
        return resolve(checkpointer.state.step);
      };
      trainer.addEventListener('progress', look);
    });
  });

/** @param {'refuse' | 'lose'} what the GPU of every worker is to do */
const tell = (what) =>
  lab.page.evaluate((what) => {
    for (const worker of /** @type {any} */ (window).workers) worker.postMessage(what);
  }, what);

const workers = () => lab.page.evaluate(() => /** @type {any} */ (window).workers.length);
const recorded = () =>
  lab.page.evaluate(() => {
    const { losses, kept } = /** @type {any} */ (window);
    return { losses, kept };
  });

/**
 * Waits until a message is there, and takes it away.
 * @param {RegExp} sentence
 */
async function said(sentence) {
  const message = lab.page.locator('[data-key=crash]').filter({ hasText: sentence });
  await message.waitFor({ timeout: PATIENCE });
  const text = (await message.locator('p').textContent()) ?? '';
  await lab.page.evaluate(() => {
    const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    session.messages.dismiss('crash');
  });
  return text;
}

/** The step of the model that a message speaks of. @param {string} text */
const stepIn = (text) => Number(/step ([\d,]+)/.exec(text)?.[1].replace(',', ''));

test('an operation that the GPU refuses', { timeout: 2 * PATIENCE }, async () => {
  await lab.by('train').click();
  const kept = Number(await goneOn());
  const before = await workers();
  await tell('refuse');
  const text = await said(
    /The GPU refused an operation \(Dispatch workgroup count.*Training goes on/,
  );
  assert.equal(stepIn(text), kept);
  await goneOn();
  assert.equal(await workers(), before + 1);
  assert.match(await lab.text('adapter'), /swiftshader/);
  // The steps after the state were taken twice, and neither time from what was computed wrong.
  const { losses } = await recorded();
  const twice = Object.values(losses).filter((times) => times.length > 1);
  assert.ok(twice.length > 0);
  for (const [first, second] of twice) assert.ok(Math.abs(first - second) < 1e-4, `${twice}`);
});

test(
  'a laptop that sleeps, and has lost its GPU when it wakes',
  { timeout: 2 * PATIENCE },
  async () => {
    const kept = Number(await goneOn());
    const before = await workers();
    await lab.page.clock.fastForward(HOURS * 3600_000);
    const browser = await site.context.browser()?.newBrowserCDPSession();
    await browser?.send('Browser.crashGpuProcess');
    const text = await said(/The GPU was lost.* Training goes on/);
    assert.ok(stepIn(text) >= kept, text);
    await goneOn();
    assert.equal(await workers(), before + 1);
    // The GPU process had to start anew, which was waited for.
    assert.match(await lab.text('adapter'), /swiftshader/);
  },
);

test('a GPU that is lost while nothing is computed', { timeout: PATIENCE }, async () => {
  await lab.by('pause').click();
  await lab.by('train').waitFor();
  await lab.ready();
  const step = await lab.text('step');
  const before = await workers();
  await tell('lose');
  const text = await said(/The GPU was lost.*A new worker is running, with your images/);
  await lab.ready();
  assert.equal(String(stepIn(text)), step.replace(',', ''));
  assert.doesNotMatch(text, /Training goes on/);
  assert.equal(await workers(), before + 1);
});

test('a GPU that does not come back', { timeout: PATIENCE }, async () => {
  const step = await lab.text('step');
  const before = await workers();
  await lab.page.evaluate(() => {
    /** @type {any} */ (navigator).gpu.requestAdapter = async () => null;
  });
  await lab.by('train').click();
  await lab.by('pause').waitFor();
  await tell('lose');
  const text = await said(/The GPU was lost.*A new worker is running on the CPU.*Training goes on/);
  assert.equal(String(stepIn(text)), step.replace(',', ''));
  await goneOn();
  assert.match(await lab.text('adapter'), /CPU/);
  assert.equal(await workers(), before + 1);
  const { losses } = await recorded();
  assert.ok(Object.values(losses).flat().every(Number.isFinite));
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

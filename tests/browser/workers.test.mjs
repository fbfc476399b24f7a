// One model on several workers is the same model: same losses, same pictures.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { before, test } from 'node:test';
import { Site } from './lab.mjs';

/**
 * Ten losses agree this closely, relative to their size (about 1), as those of different backends
 * do: gradients are summed in another order, which Adam's first steps magnify.
 */
const TOLERANCE = 2e-4;

const site = Site.forTests();
/** @type {import('playwright-core').Page} */
let page;

before(async () => {
  page = await site.blank();
});

/**
 * Trains, forgets, trains again, and samples on so many workers.
 * @param {{ address: string, workers: number, model?: number[] }} job
 */
async function run({ address, workers, model }) {
  const { Lab } = await import(`${address}pkg/lab.js`);
  const config = {
    size: 16,
    'unet.block_out_channels': [8, 16],
    'unet.norm_num_groups': 4,
    batch_size: 5,
    lr_warmup_steps: 5,
    num_train_timesteps: 100,
  };
  const lab = await Lab.create({ backend: 'flex', config, workers });
  const rgb = (/** @type {number} */ image) =>
    Uint8ClampedArray.from({ length: 16 * 16 * 3 }, (_, i) => ((i * 37 * (image + 1)) % 256) & 255);
  lab.setImages([0, 1, 2].map((image) => ({ rgb: rgb(image), size: 16 })));
  const train = async (/** @type {number} */ steps) => {
    const losses = [];
    for await (const report of lab.train({ steps })) losses.push(...report.losses);
    return losses;
  };
  const first = await train(4);
  await lab.reset();
  const losses = await train(6);
  const middle = await lab.save();
  await lab.load(middle.slice());
  losses.push(...(await train(4)));
  const trained = [...(await lab.save())];
  if (model) await lab.load(Uint8Array.from(model));
  const frames = [];
  for await (const frame of lab.sample({ sampler: 'ddpm', steps: 5, count: 7, seed: 3 })) {
    frames.push([...frame.x_t], [...(frame.pred_x0 ?? [])]);
  }
  const used = lab.workers;
  lab.dispose();
  return { first, losses, frames, used, trained };
}

test('two and three workers train and sample as one does', async () => {
  const address = site.address;
  const one = await page.evaluate(run, { address, workers: 1 });
  assert.equal(one.used, 1);
  assert.equal(one.losses.length, 10);
  assert.deepEqual(one.losses.slice(0, 4), one.first);
  for (const workers of [2, 3]) {
    const more = await page.evaluate(run, { address, workers, model: one.trained });
    assert.equal(more.used, workers);
    assert.deepEqual(more.losses.slice(0, 4), more.first);
    for (const [step, loss] of more.losses.entries()) {
      const difference = Math.abs(loss - one.losses[step]);
      assert.ok(difference < TOLERANCE, `step ${step}: ${loss}, but ${one.losses[step]} on one`);
    }
    assert.deepEqual(more.frames, one.frames);
  }
});

/**
 * Trains two steps on two workers, in a page of its own.
 * @param {import('playwright-core').Page} page
 * @param {string} address
 */
async function trainOnTwo(page, address) {
  await page.goto(`${address}README.md`);
  return page.evaluate(async (address) => {
    const { Lab } = await import(`${address}pkg/lab.js`);
    const config = {
      size: 16,
      'unet.block_out_channels': [8, 16],
      'unet.norm_num_groups': 4,
      batch_size: 2,
    };
    const lab = await Lab.create({ backend: 'flex', config, workers: 2 });
    /** @type {string[]} */
    const lost = [];
    lab.addEventListener('lost', (/** @type {CustomEvent} */ event) =>
      lost.push(event.detail.message),
    );
    lab.setImages([{ rgb: new Uint8Array(16 * 16 * 3), size: 16 }]);
    let steps = 0;
    for await (const { losses } of lab.train({ steps: 2 })) steps += losses.length;
    const used = lab.workers;
    lab.dispose();
    return { steps, used, lost };
  }, address);
}

test('two workers share one download', async () => {
  const page = await site.context.newPage();
  /** @type {string[]} */
  const requests = [];
  page.on('request', (request) => requests.push(new URL(request.url()).pathname));
  assert.deepEqual(await trainOnTwo(page, site.address), { steps: 2, used: 2, lost: [] });
  const count = (/** @type {string} */ file) =>
    requests.filter((path) => path.endsWith(file)).length;
  assert.equal(count('/worker.js'), 2);
  assert.equal(count('.wasm'), 1);
  await page.close();
});

test('training goes on without a helper that never answers', async () => {
  let started = 0;
  // A server of its own: the browser lets no test hold back what a worker of a worker asks for.
  const holding = createServer(async ({ url = '/' }, response) => {
    if (url.endsWith('/worker.js') && ++started === 2) return;
    const { status, headers, body } = await fetch(new URL(url, site.address));
    response.writeHead(status, { 'content-type': headers.get('content-type') ?? '' });
    for await (const chunk of body ?? []) response.write(chunk);
    response.end();
  });
  await once(holding.listen(0, '127.0.0.1'), 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (holding.address());
  const page = await site.context.newPage();
  const { steps, used, lost } = await trainOnTwo(page, `http://127.0.0.1:${port}/`);
  assert.equal(started, 2);
  assert.deepEqual([steps, used], [2, 1]);
  assert.match(lost.join(), /did not answer/);
  await page.close();
  holding.closeAllConnections();
  holding.close();
});

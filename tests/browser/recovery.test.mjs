// Training goes on after whatever ends a worker or a GPU, as if nothing had been.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { before, test } from 'node:test';
import { beforeWorkers, eventually, LabPage, recordWorkers, Site, TINY } from './lab.mjs';

/** Of slices that take a tenth of a second each, several. */
const STEPS = 100;
const SETTINGS = { ...TINY, backend: 'flex', train_steps: STEPS };

const site = Site.forTests();
/** Of the model that was trained without any interruption. */
let undisturbed = '';

before(async () => {
  const lab = await open(SETTINGS);
  await lab.train();
  undisturbed = await fingerprint(lab);
  await lab.page.close();
});

/**
 * A lab whose workers can be got at.
 * @param {Record<string, unknown>} settings
 * @param {() => void} [program] runs in every worker first
 */
async function open(settings, program) {
  const page = (await site.blank()).context().newPage();
  const lab = new LabPage(await page);
  if (program) await beforeWorkers(lab.page, program);
  await lab.page.addInitScript(() => {
    // One worker: with another number of them the sums are rounded otherwise.
    Object.defineProperty(navigator, 'hardwareConcurrency', { get: () => 1 });
  });
  await lab.page.addInitScript(recordWorkers);
  await lab.goto(site.address, settings);
  return lab;
}

/**
 * Of everything that a checkpoint has; its descriptions come in any order.
 * @param {LabPage} lab
 * @param {string} [button] that saves it
 */
async function fingerprint(lab, button) {
  const bytes = await readFile(await lab.save(button));
  const start = 8 + Number(bytes.readBigUInt64LE());
  const { __metadata__, ...tensors } = JSON.parse(bytes.subarray(8, start).toString());
  const header = JSON.stringify([Object.entries(__metadata__).sort(), tensors]);
  return createHash('sha256').update(header).update(bytes.subarray(start)).digest('hex');
}

/**
 * Has the next state kept at once, and something done when the training has gone on from it.
 * @param {LabPage} lab
 * @param {'kill' | 'exhaust' | 'diverge' | 'nothing'} what to the worker that trains, or its losses
 * @returns {Promise<number>} the step of the state
 */
const interrupt = (lab, what) =>
  lab.page.evaluate((what) => {
    const { workers, diverge } = /** @type {any} */ (window);
    const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    const { checkpointer, trainer } = session;
    const before = checkpointer.state;
    return new Promise((resolve) => {
      const look = () => {
        if (checkpointer.state === before) return trainer.hurry();
        trainer.removeEventListener('progress', look);
        if (what === 'kill') workers[0].terminate();
        if (what === 'exhaust') workers[0].postMessage('exhaust');
        if (what === 'diverge') diverge();
        resolve(checkpointer.state.step);
      };
      trainer.addEventListener('progress', look);
    });
  }, what);

/**
 * Starts training that is interrupted.
 * @param {LabPage} lab
 * @param {Parameters<typeof interrupt>[1]} what
 */
async function trainInterrupted(lab, what) {
  const kept = interrupt(lab, what);
  await lab.by('train').click();
  return kept;
}

/**
 * That training goes on from a state and comes to the model that it would have come to.
 * @param {LabPage} lab
 * @param {RegExp} sentence
 */
async function goesOn(lab, sentence) {
  const message = lab.page.locator('[data-key=crash]').getByText(sentence);
  await message.waitFor({ timeout: 60_000 });
  const from = /step ([\d,]+)/.exec((await message.textContent()) ?? '')?.[1];
  await eventually(async () => (await lab.text('step')) === String(STEPS));
  await lab.by('train').waitFor();
  await lab.ready();
  assert.equal(await fingerprint(lab), undisturbed);
  assert.deepEqual(lab.errors, []);
  return Number(from?.replace(',', ''));
}

test('a worker that the browser kills', async () => {
  const lab = await open(SETTINGS);
  const kept = await trainInterrupted(lab, 'kill');
  assert.ok((await goesOn(lab, /The browser ended the worker.*Training goes on/)) >= kept);
  await lab.page.close();
});

test('a panic in wasm, out of memory', async () => {
  const lab = await open(SETTINGS, () => {
    // Takes all the memory that the instance may have, so that the next thing it needs is refused.
    const { instantiate } = WebAssembly;
    /** @type {WebAssembly.Instance | undefined} */
    let instance;
    WebAssembly.instantiate = /** @type {any} */ (
      async (/** @type {any} */ ...args) => {
        const made = await /** @type {any} */ (instantiate)(...args);
        instance = made.instance ?? made;
        return made;
      }
    );
    addEventListener('message', (event) => {
      if (event.data !== 'exhaust') return;
      event.stopImmediatePropagation();
      const malloc = /** @type {any} */ (
        Object.entries(instance?.exports ?? {}).find(([name]) => name.includes('malloc'))?.[1]
      );
      for (let size = 2 ** 28; size >= 16; size /= 2) {
        try {
          while (malloc(size, 1));
        } catch {
          // There is no more of that size.
        }
      }
    });
  });
  const kept = await trainInterrupted(lab, 'exhaust');
  assert.ok((await goesOn(lab, /The worker crashed.*Training goes on/)) >= kept);
  await lab.page.close();
});

test('a tab that is frozen and woken', async () => {
  const lab = await open(SETTINGS);
  await trainInterrupted(lab, 'nothing');
  const client = await lab.page.context().newCDPSession(lab.page);
  await client.send('Page.setWebLifecycleState', { state: 'frozen' });
  await new Promise((resolve) => setTimeout(resolve, 2000));
  await client.send('Page.setWebLifecycleState', { state: 'active' });
  await eventually(async () => (await lab.text('step')) === String(STEPS));
  await lab.by('train').waitFor();
  await lab.ready();
  assert.equal(await fingerprint(lab), undisturbed);
  assert.equal(await lab.page.locator('[data-key=crash]').count(), 0);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('a worker that always crashes is given up, and nothing is lost', async () => {
  const lab = await open({ ...SETTINGS, train_steps: 20 }, () => {
    let crashes = false;
    addEventListener('message', (event) => {
      if (event.data.crashes !== undefined) crashes = event.data.crashes;
      else if (!crashes || event.data.method !== 'train') return;
      event.stopImmediatePropagation();
      if (event.data.method) throw new Error('never again');
    });
  });
  /** Every worker that there is or will be. @param {boolean} crashes as soon as it trains */
  const setCrashes = (crashes) =>
    lab.page.evaluate((crashes) => {
      const page = /** @type {any} */ (window);
      for (const worker of page.workers) worker.postMessage({ crashes });
      page.Recorded ??= Worker;
      window.Worker = class extends page.Recorded {
        /** @param {unknown[]} args */
        constructor(...args) {
          super(...args);
          this.postMessage({ crashes });
        }
      };
    }, crashes);
  await lab.train();
  await lab.ready();
  const trained = await fingerprint(lab);
  const panels = await lab.panels();
  const count = await lab.text('image-count');
  await setCrashes(true);
  const before = await lab.page.evaluate(() => /** @type {any} */ (window).workers.length);
  await lab.by('train').click();
  await lab.page.getByText(/could not be restarted \(.*never again/).waitFor({ timeout: 60_000 });
  const after = await lab.page.evaluate(() => /** @type {any} */ (window).workers.length);
  assert.ok(after - before <= 4, `${after - before} workers`);

  // All that there is can be seen, and the model saved.
  assert.deepEqual(await lab.panels(), panels);
  assert.equal(await lab.text('image-count'), count);
  assert.equal(await lab.by('status').getAttribute('data-state'), 'failed');
  assert.equal(await lab.by('train').isDisabled(), true);
  assert.equal(await fingerprint(lab, 'save-kept'), trained);
  await lab.by('run').first().waitFor();

  // Whatever it was is over.
  await setCrashes(false);
  await lab.by('try-again').click();
  await lab.ready();
  assert.equal(await lab.text('step'), '20');
  await lab.train();
  await eventually(async () => (await lab.text('step')) === '40');
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('divergence: the newest state with half the learning rate, once, then advice', async () => {
  const lab = await open({ ...SETTINGS, train_steps: 100_000 });
  // Every loss of one report is no number, twice.
  await lab.page.evaluate(() => {
    const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    const { lab } = session;
    const { train } = lab;
    let bad = 0;
    Object.assign(window, { diverge: () => (bad = 1) });
    lab.train = async function* (/** @type {any} */ options) {
      for await (const report of train.call(lab, options)) {
        if (bad-- > 0) report.losses.fill(NaN);
        yield report;
      }
    };
  });
  const kept = await trainInterrupted(lab, 'diverge');
  const rate = () =>
    lab.page.evaluate(() => {
      const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
      return session.lab.config.training.learning_rate;
    });
  await lab.page.getByText(`went back to step ${kept} and goes on with half`).waitFor();
  assert.equal(await rate(), TINY.learning_rate / 2);
  await interrupt(lab, 'diverge');
  await lab.page.getByText('training has diverged. Choose a lower learning rate').waitFor();
  await lab.ready();
  assert.equal(await rate(), TINY.learning_rate / 2);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

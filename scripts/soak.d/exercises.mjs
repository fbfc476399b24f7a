// What is done over and over. Each takes a page that has nothing on it yet, and gives what does it
// once more.
import { readFile } from 'node:fs/promises';
import { LabPage, recordWorkers, TINY } from '../../tests/browser/lab.mjs';

/** More than are ever taken. */
const ENDLESS = 100_000_000;

/**
 * @typedef {object} Exercise
 * @property {number} count how often it is done
 * @property {number} group how many times between two measurements
 * @property {(page: import('playwright-core').Page, address: string) =>
 *   Promise<(times: number) => Promise<void>>} begin
 */

/**
 * The lab with a tiny model.
 * @param {import('playwright-core').Page} page
 * @param {string} address
 * @param {string} backend
 */
async function openLab(page, address, backend = 'flex') {
  await page.addInitScript(() => {
    // One worker: helpers come and go with the load of the machine.
    Object.defineProperty(navigator, 'hardwareConcurrency', { get: () => 1 });
  });
  await page.addInitScript(recordWorkers);
  const lab = new LabPage(page);
  await lab.goto(address, { ...TINY, backend, train_steps: ENDLESS });
  await fillHistory(lab);
  return lab;
}

/**
 * As many drawings as a run keeps at most, which it would have after a few minutes.
 * @param {LabPage} lab
 */
async function fillHistory(lab) {
  await takeSteps(lab)(1);
  await lab.page.evaluate(async () => {
    const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    const { lab, trainer } = session;
    const frames = [];
    for await (const frame of lab.sample({ count: 9, steps: 1 })) frames.push(frame);
    const copy = () => ({
      ...frames[0],
      x_t: frames[0].x_t.slice(),
      pred_x0: frames[0].pred_x0?.slice(),
    });
    trainer.preview.restore(Array.from({ length: 64 }, (_, step) => ({ step, frame: copy() })));
  });
}

/**
 * Trains, and pauses once so many steps more are taken; the same over and over. All of it is one
 * program, since every program that a test hands to a page leaves code behind.
 */
const takeSteps =
  (/** @type {LabPage} */ { page }) =>
  (/** @type {number} */ steps, times = 1) =>
    page.evaluate(
      async ([steps, times]) => {
        const element = /** @type {any} */ (document.querySelector('unnoise-lab'));
        for (let time = 0; time < times; time++) {
          const target = element.lab.step + steps;
          /** @type {Promise<void>} */
          const reached = new Promise((resolve) => {
            const look = () => {
              if (element.lab.step < target) return;
              element.removeEventListener('unnoise-progress', look);
              resolve();
            };
            element.addEventListener('unnoise-progress', look);
          });
          const trained = element.train();
          await reached;
          await element.pause();
          await trained;
        }
      },
      [steps, times],
    );

/** @param {import('playwright-core').Page} page @param {string} address */
async function beginSteps(page, address) {
  const take = takeSteps(await openLab(page, address));
  return (/** @type {number} */ steps) => take(steps);
}

/** @param {import('playwright-core').Page} page @param {string} address */
async function beginGpuSteps(page, address) {
  const take = takeSteps(await openLab(page, address, 'webgpu'));
  return (/** @type {number} */ steps) => take(steps);
}

/** @param {import('playwright-core').Page} page @param {string} address */
async function beginCycles(page, address) {
  const take = takeSteps(await openLab(page, address));
  return (/** @type {number} */ times) => take(1, times);
}

/** @param {import('playwright-core').Page} page @param {string} address */
async function beginElements(page, address) {
  await page.goto(`${address}README.md`);
  await page.addScriptTag({ type: 'module', url: `${address}pkg/unnoise.js` });
  return (/** @type {number} */ times) =>
    page.evaluate(async (times) => {
      await customElements.whenDefined('unnoise-lab');
      for (let made = 0; made < times; made++) {
        const element = /** @type {any} */ (document.createElement('unnoise-lab'));
        Object.assign(element, {
          mode: 'sample',
          datasetName: 'sprites',
          backend: 'flex',
          sampler: 'ddim',
          loading: 'eager',
          steps: 2,
          count: 1,
        });
        document.body.replaceChildren(element);
        const done = new Promise((resolve) => element.addEventListener('unnoise-done', resolve));
        await element.sample();
        await done;
        element.remove();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }, times);
}

/** @param {import('playwright-core').Page} page @param {string} address */
async function beginLoads(page, address) {
  const lab = await openLab(page, address);
  await takeSteps(lab)(30);
  const bytes = [...(await readFile(await lab.save()))];
  await page.evaluate((bytes) => Object.assign(window, { bytes: Uint8Array.from(bytes) }), bytes);
  return (/** @type {number} */ times) =>
    page.evaluate(async (times) => {
      const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
      const { bytes } = /** @type {any} */ (window);
      for (let load = 0; load < times; load++) {
        await session.openModel({ name: 'tiny.safetensors', read: async () => bytes.slice() });
        if (session.lab.step < 30) throw new Error('loaded nothing');
      }
    }, times);
}

/** Workers are killed as the browser kills them, while they train. */
async function beginCrashes(
  /** @type {import('playwright-core').Page} */ page,
  /** @type {string} */ address,
) {
  await openLab(page, address);
  return (/** @type {number} */ times) =>
    page.evaluate(async (times) => {
      const element = /** @type {any} */ (document.querySelector('unnoise-lab'));
      const { session } = element;
      const { checkpointer, trainer } = session;
      const { workers } = /** @type {any} */ (window);
      const progress = () =>
        new Promise((resolve) =>
          element.addEventListener('unnoise-progress', resolve, { once: true }),
        );
      const going = progress();
      const trained = element.train();
      await going;
      for (let crash = 0; crash < times; crash++) {
        // A crash without a new state is one of a loop.
        const { state } = checkpointer;
        while (checkpointer.state === state) {
          trainer.hurry();
          await progress();
        }
        // The first worker trains, and then the one that came in its place.
        const [killed] = crash === 0 && !window.trains ? workers : [window.trains];
        const count = workers.length;
        killed.terminate();
        while (workers.length === count) await new Promise((resolve) => setTimeout(resolve, 20));
        window.trains = workers.at(-1);
        workers.splice(workers.indexOf(killed), 1);
        await progress();
      }
      await element.pause();
      void trained;
    }, times);
}

/**
 * @param {Record<'steps' | 'gpu-steps' | 'cycles' | 'elements' | 'loads' | 'crashes', number>} counts
 * @returns {Record<string, Exercise>}
 */
export const exercises = (counts) => ({
  steps: { count: counts.steps, group: Math.ceil(counts.steps / 40), begin: beginSteps },
  cycles: { count: counts.cycles, group: Math.ceil(counts.cycles / 40), begin: beginCycles },
  elements: {
    count: counts.elements,
    group: Math.ceil(counts.elements / 25),
    begin: beginElements,
  },
  loads: { count: counts.loads, group: Math.ceil(counts.loads / 40), begin: beginLoads },
  crashes: { count: counts.crashes, group: Math.ceil(counts.crashes / 25), begin: beginCrashes },
  gpu: {
    count: counts['gpu-steps'],
    group: Math.ceil(counts['gpu-steps'] / 20),
    begin: beginGpuSteps,
  },
});

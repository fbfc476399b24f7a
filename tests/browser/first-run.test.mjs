// The short way: images, a click, and how long it may take.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, images, LabPage, Site, TINY } from './lab.mjs';

const site = Site.forTests();
const SETTINGS = { ...TINY, backend: 'flex', train_steps: undefined };

/** @param {import('./lab.mjs').LabPage} lab */
const target = async (lab) =>
  Number((await lab.page.locator('.train .readouts small').textContent())?.replace(/\D/g, ''));

/**
 * @param {import('./lab.mjs').LabPage} lab
 * @param {string} name
 */
const press = (lab, name) => lab.page.locator(`[data-testid=${name}]:not([disabled])`).click();

test('images of one’s own are learnt at once, for as long as is chosen', async () => {
  const lab = await site.open(SETTINGS);
  await press(lab, 'clear-images');
  await eventually(async () => (await lab.messages()).startsWith('Removed 100 images.'));
  await lab.by('first-images').setInputFiles(images('square.png', 'wide.jpg', 'tall.webp'));
  await lab.by('first-pause').waitFor();
  assert.equal(await lab.by('image-count').textContent(), '3 images');
  assert.equal(await target(lab), 600);
  // What could be undone before is over.
  assert.equal(await lab.by('undo-clear').count(), 0);

  await press(lab, 'length-best');
  await eventually(async () => (await target(lab)) === 2000);
  assert.equal(await lab.by('length-best').getAttribute('aria-pressed'), 'true');
  assert.match((await lab.by('first-progress').textContent()) ?? '', /3 images\s+on \d processor/);
  await lab.page.screenshot({ path: 'target/screenshots/first-run.png' });

  await press(lab, 'first-pause');
  await lab.by('first-resume').waitFor();
  const step = Number((await lab.by('step').textContent())?.replace(/\D/g, ''));
  assert.ok(step > 0 && step < 2000, `paused at step ${step}`);
  // Back to a length that is nearer: the run ends there, and is offered more.
  await press(lab, 'first-resume');
  if (step < 500) await press(lab, 'length-good');
  await lab.by('first-draw').waitFor();
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('a bundled set is learnt from random weights, and more when asked', async () => {
  const lab = await site.open({ ...SETTINGS, train_steps: 20 });
  await press(lab, 'first-set');
  await lab.by('first-draw').waitFor();
  assert.equal(await lab.by('step').textContent(), '20');
  await press(lab, 'first-resume');
  await lab.by('first-pause').waitFor();
  assert.equal(await target(lab), 600);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('formulas and settings are a level below, and stay as they were chosen', async () => {
  const lab = new LabPage(await (await site.blank()).context().newPage());
  await lab.page.addInitScript(() => localStorage.setItem('unnoise.detail', 'plain'));
  await lab.goto(site.address, SETTINGS);
  const formula = lab.page.locator('unnoise-train-panel .equation').first();
  await lab.by('train').waitFor();
  assert.equal(await formula.isVisible(), false);
  assert.equal(await lab.by('backend').isVisible(), false);
  assert.match((await lab.by('device').textContent()) ?? '', /^Computes on \d processor cores?$/);
  await press(lab, 'detail');
  await formula.waitFor();
  assert.equal(await lab.by('backend').isVisible(), true);
  await lab.page.close();

  const again = await site.open(SETTINGS);
  await again.by('train').waitFor();
  assert.equal(await again.page.locator('unnoise-train-panel .equation').first().isVisible(), true);
  await again.page.close();
});

test('while it trains the screen stays on, and the title says how far it is', async () => {
  const lab = new LabPage(await (await site.blank()).context().newPage());
  await lab.page.addInitScript(() => {
    const held = { now: 0, most: 0 };
    Object.assign(window, { held });
    const request = async () => {
      held.most = Math.max(held.most, ++held.now);
      return { release: async () => void held.now-- };
    };
    Object.defineProperty(navigator, 'wakeLock', { value: { request } });
  });
  await lab.goto(site.address, { ...SETTINGS, train_steps: 100 });
  const title = await lab.page.title();
  await press(lab, 'first-set');
  await lab.page.waitForFunction(() => /^\d+ % · Unnoise/.test(document.title));
  await lab.by('first-draw').waitFor();
  assert.equal(await lab.page.title(), title);
  const held = () => lab.page.evaluate(() => /** @type {any} */ (window).held);
  await eventually(async () => (await held()).now === 0);
  assert.equal((await held()).most, 1);
  await lab.page.close();
});

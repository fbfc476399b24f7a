// What the page says of what it shows: where and when it was drawn, on what, and how fast.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, LabPage, Site, TINY } from './lab.mjs';

const SETTINGS = { ...TINY, size: 8, backend: 'flex' };

const site = Site.forTests();

/** A page whose clock can be put forward. */
async function openWithClock() {
  const lab = new LabPage(await (await site.blank()).context().newPage());
  await lab.page.addInitScript(() => {
    const { now } = Date;
    Object.assign(window, { ahead: 0 });
    Date.now = () => now() + /** @type {any} */ (window).ahead;
  });
  return lab;
}

/** @param {LabPage} lab @param {RegExp} words */
const captionSays = (lab, words) =>
  eventually(async () => words.test((await lab.text('stage-caption')).replaceAll(/\s+/g, ' ')));

test('“just now” is said of what has just been drawn in the tab, and by which model', async () => {
  const lab = await openWithClock();
  await lab.goto(site.address, { backend: 'flex', dataset: 'sprites', steps: 4, count: 4 });
  await captionSays(lab, /^Drawn in this tab, just now bundled model, t = \d+/);
  await lab.ready();
  await lab.page.screenshot({ path: 'target/screenshots/claims.png' });
  await lab.page.evaluate(() => Object.assign(window, { ahead: 12 * 60_000 }));
  // Whatever is drawn anew of the stage says it.
  await lab.by('stage-play').click();
  await captionSays(lab, /^Drawn in this tab, 12 min ago bundled model/);
  await lab.sample();
  await captionSays(lab, /^Drawn in this tab, just now bundled model/);
  await lab.page.close();
});

test('pictures of a stored run are said to be kept, until others are drawn', async () => {
  const lab = await site.open({ ...SETTINGS, train_steps: 100_000 });
  await lab.by('train').click();
  await eventually(async () => (await lab.by('preview-step').count()) > 0);
  await eventually(async () => /after step/.test(await lab.text('preview-step')));
  assert.doesNotMatch(await lab.text('preview-step'), /kept/);
  await captionSays(lab, /^Your model in training step \d+, t = \d+/);
  await lab.by('pause').click();
  await lab.by('train').waitFor();
  await lab.by('run-open').first().click();
  await eventually(async () =>
    /after step [\d,]+, kept with the run/.test(await lab.text('preview-step')),
  );
  await lab.ready();
  // Its samples are drawn anew, and may say so.
  await captionSays(lab, /^Drawn in this tab, just now step [\d,]+/);
  await lab.page.evaluate(() => {
    const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    session.trainer.preview.advance = async () => {};
  });
  await lab.by('train').click();
  await captionSays(lab, /^Kept with the run step \d+/);
  await lab.by('pause').click();
  await lab.by('train').waitFor();
  await lab.page.close();
});

test('the page says what computes and why', async () => {
  const lab = await site.open(TINY);
  assert.match(await lab.text('adapter'), /^CPU, WebAssembly/);
  await lab.by('adapter').click();
  const facts = await lab.text('device-facts');
  assert.match(facts, /The CPU computes, in WebAssembly, on \d+ workers?\./);
  assert.match(facts, /WebGPU here is only a software adapter \(.+, runs on the CPU\)/);
  assert.equal(await lab.by('self-test').count(), 0);
  await lab.page.screenshot({ path: 'target/screenshots/device-facts.png' });
  await lab.page.close();
});

test('no speed is shown but that of steps under way, and untrained models are called that', async () => {
  const lab = await site.open({ ...SETTINGS, train_steps: 100_000 });
  await lab.sample();
  await captionSays(lab, /^Drawn in this tab, just now untrained model/);
  assert.deepEqual([await lab.text('rate'), await lab.text('eta')], ['—', '—']);
  await lab.page.evaluate(() => {
    const element = /** @type {any} */ (document.querySelector('unnoise-lab'));
    const reports = /** @type {any[]} */ ([]);
    Object.assign(window, { reports });
    element.addEventListener('unnoise-progress', (/** @type {CustomEvent} */ { detail }) => {
      const { step, losses, rate, eta } = detail;
      reports.push({ step, steps: losses.length, rate, eta, workers: element.lab.workers });
    });
  });
  await lab.by('train').click();
  await eventually(async () => (await lab.text('rate')) !== '—');
  assert.notEqual(await lab.text('eta'), '—');
  await lab.by('pause').click();
  await lab.by('train').waitFor();
  assert.deepEqual([await lab.text('rate'), await lab.text('eta')], ['—', '—']);
  const reports = await lab.page.evaluate(() => /** @type {any} */ (window).reports);
  // However many workers share a step, it is one.
  let step = 0;
  for (const report of reports) assert.equal(report.step, (step += report.steps));
  await lab.page.close();
});

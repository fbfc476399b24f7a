// Everybody: what axe finds in the states of the page, keys, charts as tables, formulas in words, and
// that nothing sticks out where the page is narrow or enlarged.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import axe from 'axe-core';
import { eventually, LabPage, Site, TINY } from './lab.mjs';

const site = Site.forTests();
const SETTINGS = { ...TINY, backend: 'flex', dataset: 'sprites' };

/**
 * What is wrong with the page as it is.
 * @param {import('./lab.mjs').LabPage} lab
 * @param {string} state
 * @param {string} [part] of the element, where the rest has been looked at
 */
async function assertAccessible(lab, state, part) {
  const found = await lab.page.evaluate(async (part) => {
    const { axe } = /** @type {any} */ (window);
    const context = part ? { fromShadowDom: ['unnoise-lab', part] } : document;
    const { violations } = await axe.run(context, {
      rules: { 'target-size': { enabled: true } },
      resultTypes: ['violations'],
    });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.flat()}: ${failureSummary}`),
    );
  }, part);
  assert.deepEqual(found, [], state);
}

/** How far the page sticks out to the right. @param {import('./lab.mjs').LabPage} lab */
const overflow = (lab) =>
  lab.page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );

/** Controls of the status bar that lie on one another. @param {import('./lab.mjs').LabPage} lab */
const covered = (lab) =>
  lab.page
    .locator('.status-bar :is(button, select, summary, .status)')
    .filter({ visible: true })
    .evaluateAll((controls) => {
      const boxes = controls.map((control) => control.getBoundingClientRect());
      return boxes.flatMap((a, at) =>
        boxes.slice(at + 1).flatMap((b, after) => {
          const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          const other = controls[at + 1 + after].textContent;
          return wide > 2 && high > 2 ? `${controls[at].textContent} and ${other}` : [];
        }),
      );
    });

/** Controls that are too small to hit. @param {import('./lab.mjs').LabPage} lab */
const smallTargets = (lab) =>
  lab.page.evaluate(() => {
    const root = document.querySelector('unnoise-lab')?.shadowRoot;
    const controls = root?.querySelectorAll('button, select, summary, label.button, .check') ?? [];
    return [...controls].flatMap((control) => {
      const { width, height } = control.getBoundingClientRect();
      return width && Math.min(width, height) < 24 ? control.outerHTML.slice(0, 120) : [];
    });
  });

/**
 * @param {import('./lab.mjs').LabPage} lab
 * @param {string} name of a chart's table
 */
async function table(lab, name) {
  await lab.by('chart-table').filter({ hasText: name }).click();
  const rows = lab.page.locator('unnoise-chart-table', { hasText: name }).locator('tr');
  await rows.nth(1).waitFor();
  return rows.evaluateAll((all) =>
    all.map((row) => [...row.children].map((cell) => cell.textContent?.trim() ?? '')),
  );
}

test('axe finds nothing, by keys and in words all is there, and nothing sticks out', async () => {
  const lab = new LabPage(await (await site.blank()).context().newPage());
  const { page } = lab;
  // Colours on their way from one theme to the other are of neither.
  await page.emulateMedia({ reducedMotion: 'reduce', colorScheme: 'light' });
  await page.addInitScript(() => localStorage.setItem('unnoise.detail', 'plain'));
  await lab.goto(site.address, SETTINGS);
  await page.evaluate(axe.source);
  await lab.by('edit-run').waitFor();
  await assertAccessible(lab, 'as it opens');

  // By keys alone: to formulas and settings, and to the run.
  await page.keyboard.press('f');
  await page.keyboard.press('t');
  await lab.by('pause').waitFor();
  await lab.by('train').waitFor();
  await lab.ready();
  await eventually(async () => (await lab.text('step')) === '30');
  await page.keyboard.press('3');
  assert.equal(
    await page.evaluate(() => document.querySelector('unnoise-lab')?.shadowRoot?.activeElement?.id),
    'train-title',
  );

  const [head, first, ...rest] = await table(lab, 'The loss');
  assert.deepEqual(head, ['step', 'loss', 'loss, smoothed', 'least possible']);
  assert.ok(Number(first[0]) >= 0 && Number(first[1]) > 0, String(first));
  assert.ok(rest.length > 0);
  assert.equal((await table(lab, 'Image and noise')).length, 17);
  await lab.by('sample-mode-compare').press(' ');
  await lab.by('edit-kind-fill').press(' ');
  await lab.by('edit-kind-fill').and(page.locator(':checked')).waitFor();
  await page.emulateMedia({ colorScheme: 'dark' });
  await assertAccessible(lab, 'all settings, trained, with tables, dark');

  const formula = page.locator('unnoise-forward-panel math').nth(1);
  assert.equal(
    await formula.getAttribute('aria-label'),
    'x t as a sum: x sub t equals square root of alpha bar sub t x sub 0 plus ' +
      'the square root of 1 minus alpha bar sub t, end of root, epsilon',
  );

  await page.keyboard.press('?');
  await lab.by('use-keys').waitFor();
  await assertAccessible(lab, 'the keys', 'unnoise-keys-sheet');
  await lab.by('use-keys').uncheck();
  await page.keyboard.press('Escape');
  await lab.by('use-keys').waitFor({ state: 'detached' });
  await page.keyboard.press('f');
  assert.equal(await lab.by('detail').getAttribute('aria-pressed'), 'true', 'keys are off');
  await page.keyboard.press('?');
  await lab.by('use-keys').check();
  await lab.by('sheet-close').click();

  await lab.by('embed').click();
  await assertAccessible(lab, 'the code to embed', 'unnoise-embed-dialog');
  await page.keyboard.press('Escape');

  // Twice as large on a small screen, and four times.
  for (const width of [700, 640, 320]) {
    await page.setViewportSize({ width, height: 500 });
    await eventually(async () => (await overflow(lab)) <= 0);
    assert.deepEqual(await covered(lab), []);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await assertAccessible(lab, 'narrow');
  assert.deepEqual(await smallTargets(lab), []);

  // On paper there is nothing to press.
  await page.emulateMedia({ media: 'print' });
  const pressable = page.locator('unnoise-lab :is(button, .button)').filter({ visible: true });
  assert.equal(await pressable.count(), await page.locator('.strip button').count());
  await page.screenshot({ path: 'target/screenshots/print.png', fullPage: true });
  assert.deepEqual(lab.errors, []);
  await page.close();
});

test('axe finds nothing in a figure of a frame', async () => {
  const page = await site.context.newPage();
  const lab = new LabPage(page);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await lab.goto(`${site.address}?embed`, { ...SETTINGS, mode: 'diagnostics' });
  await page.evaluate(axe.source);
  await assertAccessible(lab, 'a frame');
  await page.close();
});

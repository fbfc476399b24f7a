// What a visitor sees on opening the page, at several sizes and in both themes. The pictures go to
// target/screenshots/; with UPDATE_PICTURES=1 the README's picture is made anew.
import assert from 'node:assert/strict';
import { cp, mkdir } from 'node:fs/promises';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LabPage, Site } from './lab.mjs';

const folder = fileURLToPath(new URL('../../target/screenshots/', import.meta.url));
const readmePicture = fileURLToPath(new URL('../../docs/page.png', import.meta.url));

/** As a visitor finds it, and with formulas and all settings. */
const VIEWS = [
  { name: 'wide', width: 1440, height: 900, theme: 'light', detail: 'plain' },
  { name: 'wide-dark', width: 1440, height: 900, theme: 'dark', detail: 'all' },
  { name: 'tablet', width: 800, height: 1000, theme: 'light', detail: 'all' },
  { name: 'phone', width: 390, height: 844, theme: 'dark', detail: 'plain' },
];

const site = Site.forTests();

before(async () => {
  await mkdir(folder, { recursive: true });
});

for (const { name, width, height, theme, detail } of VIEWS) {
  test(`${name}: samples appear by themselves and everything fits`, async () => {
    const page = await site.context.newPage();
    await page.setViewportSize({ width, height });
    await page.addInitScript((detail) => localStorage.setItem('unnoise.detail', detail), detail);
    await page.goto(`${site.address}#theme=${theme}`);
    const lab = new LabPage(page);
    // The bundled model samples without being asked.
    await lab
      .by('sample-canvas')
      .and(page.locator('[data-state=done]'))
      .waitFor({ timeout: 120_000 });
    await lab.ready();
    assert.deepEqual(lab.errors, []);
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    assert.equal(overflow, 0);
    await page.screenshot({ path: `${folder}${name}.png`, fullPage: true });
    if (name === 'wide' && process.env.UPDATE_PICTURES) {
      await page.screenshot({ path: `${folder}readme.png` });
      await mkdir(fileURLToPath(new URL('../../docs/', import.meta.url)), { recursive: true });
      await cp(`${folder}readme.png`, readmePicture);
    }
    await page.close();
  });
}

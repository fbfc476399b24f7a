// The first seconds of a visit: something moves before the engine has arrived, it says that it is a
// recording, and it makes room for what is drawn in the tab.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabPage, Site } from './lab.mjs';

const site = Site.forTests();

/**
 * A page whose engine does not arrive until it is released.
 * @param {{ hash?: string, reducedMotion?: 'reduce', width?: number, colorScheme?: 'dark' }}
 *   [options]
 */
async function openHeldBack({ hash = '', reducedMotion, width = 1440, colorScheme } = {}) {
  const page = await site.context.newPage();
  await page.setViewportSize({ width, height: 900 });
  await page.emulateMedia({ reducedMotion, colorScheme });
  /** @type {() => void} */
  let release = () => {};
  const released = new Promise((resolve) => (release = () => resolve(undefined)));
  await page.route(/\.wasm$/, async (route) => {
    await released;
    await route.continue().catch(() => {});
  });
  await page.goto(`${site.address}${hash}`);
  const lab = new LabPage(page);
  return { lab, page, canvas: lab.by('stage-canvas'), caption: lab.by('stage-caption'), release };
}

/** @param {import('playwright-core').Locator} canvas */
const picture = (canvas) =>
  canvas.evaluate((element) => /** @type {HTMLCanvasElement} */ (element).toDataURL());

/**
 * @param {() => Promise<boolean>} condition
 * @param {string} what
 */
async function until(condition, what) {
  const end = Date.now() + 30_000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `${what}: not within 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

for (const { name, ...options } of [
  { name: 'wide' },
  { name: 'phone', width: 375, colorScheme: /** @type {const} */ ('dark') },
]) {
  test(`a recording moves until live samples take its place (${name})`, async () => {
    const { lab, page, canvas, caption, release } = await openHeldBack(options);
    await caption.and(page.locator('[data-source=recording]')).waitFor();
    assert.match((await caption.textContent()) ?? '', /Recorded earlier/);
    const first = await picture(canvas);
    await until(async () => (await picture(canvas)) !== first, 'the recording moves');
    const place = await canvas.boundingBox();
    const frame = await caption.boundingBox();
    await page.screenshot({ path: `target/screenshots/first-picture-${name}.png` });

    release();
    await caption.getByText('Drawn in this tab, just now').waitFor({ timeout: 120_000 });
    assert.deepEqual(await canvas.boundingBox(), place);
    assert.deepEqual(await caption.boundingBox(), frame);
    await lab.ready();
    assert.deepEqual(lab.errors, []);
    await page.close();
  });
}

test('who wants no motion sees the end of the recording, then finished images', async () => {
  const { lab, page, canvas, caption, release } = await openHeldBack({ reducedMotion: 'reduce' });
  await caption.and(page.locator('[data-source=recording]')).waitFor();
  assert.match((await caption.textContent()) ?? '', /Recorded earlier/);
  const pictures = new Set();
  const watch = async () => pictures.add(await picture(canvas));
  for (let look = 0; look < 20; look++) {
    await watch();
    await page.waitForTimeout(50);
  }
  release();
  await until(async () => {
    await watch();
    return (await caption.textContent())?.includes('Drawn in this tab') ?? false;
  }, 'the images are finished');
  await lab.ready();
  assert.ok(pictures.size <= 2, `${pictures.size} pictures, one of them recorded`);
  await page.close();
});

for (const hash of ['#dataset=digits', '#size=16', '#model=own.safetensors', '#sampler=ddim']) {
  test(`a link to something else, ${hash}, shows no recording`, async () => {
    const { page, caption, release } = await openHeldBack({ hash });
    const request = page.waitForRequest(/film\.avif$/, { timeout: 1500 }).catch(() => undefined);
    await caption.waitFor();
    assert.equal(await request, undefined);
    assert.doesNotMatch((await caption.textContent()) ?? '', /Recorded/);
    release();
    await page.close();
  });
}

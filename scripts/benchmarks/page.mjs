// The page itself, as a visitor meets it: what is downloaded, and how long until something is seen.
// Chromium has no GPU here, so the page samples its bundled model on the CPU.
import { gzipSync } from 'node:zlib';
import { launch } from '../../tests/browser/lab.mjs';
import { summary } from './statistics.mjs';

/**
 * One visit with an empty cache.
 * @param {string} address
 */
async function visit(address) {
  const context = await launch();
  try {
    const page = await context.newPage();
    /** @type {Promise<{ bytes: number, compressed: number }>[]} */
    const downloads = [];
    context.on('response', (response) =>
      downloads.push(
        response
          .body()
          .then((body) => ({ bytes: body.length, compressed: gzipSync(body).length }))
          .catch(() => ({ bytes: 0, compressed: 0 })),
      ),
    );
    const started = performance.now();
    await page.goto(address, { waitUntil: 'commit' });
    const lab = page.locator('unnoise-lab[drawn]');
    await lab.waitFor({ timeout: 60_000 });
    const firstPicture = performance.now() - started;
    // Settled before the sample ends: compressing them must not hold up the browser's clock.
    const untilPicture = downloads.slice();
    const canvas = page.getByTestId('sample-canvas').and(page.locator('[data-state=done]'));
    await canvas.waitFor({ timeout: 60_000 });
    const firstSample = performance.now() - started;
    const files = await Promise.all(untilPicture);
    const sum = (/** @type {'bytes' | 'compressed'} */ key) =>
      files.reduce((total, file) => total + file[key], 0);
    return { firstPicture, firstSample, bytes: sum('bytes'), compressed: sum('compressed') };
  } finally {
    await context.close();
  }
}

/**
 * @param {string} address
 * @param {number} visits
 */
export async function measurePage(address, visits = 5) {
  const all = [];
  for (let i = 0; i < visits; i++) all.push(await visit(address));
  const of = (/** @type {'firstPicture' | 'firstSample'} */ key) =>
    summary(all.map((one) => one[key]));
  return {
    firstPictureMs: of('firstPicture'),
    firstSampleMs: of('firstSample'),
    bytesToFirstPicture: all[0].bytes,
    gzippedBytesToFirstPicture: all[0].compressed,
  };
}

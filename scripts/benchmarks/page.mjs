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
    /** @type {Promise<Buffer>[]} */
    const downloads = [];
    context.on('response', (response) =>
      downloads.push(
        // A response without a body has no bytes.
        response.body().catch(() => Buffer.alloc(0)),
      ),
    );
    const started = performance.now();
    await page.goto(address, { waitUntil: 'commit' });
    const canvas = page.getByTestId('sample-canvas');
    const recorded = canvas.and(page.locator(':not([data-frames="0"])'));
    await recorded.waitFor({ state: 'attached', timeout: 60_000 });
    const firstPicture = performance.now() - started;
    const untilPicture = downloads.slice();
    await canvas.and(page.locator('[data-state=done]')).waitFor({ timeout: 60_000 });
    const firstSample = performance.now() - started;
    const files = await Promise.all(untilPicture);
    const sum = (/** @type {(file: Buffer) => Buffer} */ encode) =>
      files.reduce((total, file) => total + encode(file).length, 0);
    return {
      firstPicture,
      firstSample,
      bytes: sum((file) => file),
      compressed: sum((file) => gzipSync(file)),
    };
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

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
    context.on('requestfinished', (request) =>
      downloads.push(
        // A response without a body has no bytes.
        request
          .response()
          .then((response) => response?.body())
          .catch(() => undefined)
          .then((body) => body ?? Buffer.alloc(0)),
      ),
    );
    const started = performance.now();
    await page.goto(address, { waitUntil: 'commit' });
    /** @param {import('playwright-core').Locator} sight */
    const seen = async (sight) => {
      await sight.waitFor({ state: 'attached', timeout: 60_000 });
      return { ms: performance.now() - started, downloads: downloads.slice() };
    };
    const recorded = await seen(page.getByTestId('stage-caption').getByText('Recorded earlier'));
    const canvas = page.getByTestId('sample-canvas');
    const live = await seen(canvas.and(page.locator(':not([data-frames="0"])')));
    const finished = await seen(canvas.and(page.locator('[data-state=done]')));
    return {
      recorded: { ms: recorded.ms, ...(await sizes(recorded.downloads)) },
      live: { ms: live.ms, ...(await sizes(live.downloads)) },
      finished: { ms: finished.ms },
    };
  } finally {
    await context.close();
  }
}

/** @param {Promise<Buffer>[]} downloads */
async function sizes(downloads) {
  const files = await Promise.all(downloads);
  const sum = (/** @type {(file: Buffer) => Buffer} */ encode) =>
    files.reduce((total, file) => total + encode(file).length, 0);
  return { bytes: sum((file) => file), gzipped: sum((file) => gzipSync(file)) };
}

/**
 * `recorded` is the first frame of the recording, `live` the first that the engine drew; `bytes` were
 * downloaded by then.
 *
 * @param {string} address
 * @param {number} visits
 */
export async function measurePage(address, visits = 5) {
  const all = [];
  for (let i = 0; i < visits; i++) all.push(await visit(address));
  const [{ recorded, live }] = all;
  const of = (/** @type {'recorded' | 'live' | 'finished'} */ sight) =>
    summary(all.map((one) => one[sight].ms));
  return {
    recorded: { ...recorded, ms: of('recorded') },
    live: { ...live, ms: of('live') },
    finished: { ms: of('finished') },
  };
}

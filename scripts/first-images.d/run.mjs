// A new user with a stopwatch: nothing in the cache, nothing stored, and a click as soon as there is
// something to click.
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { ALL_IMAGES, launch, serve } from '../../tests/browser/lab.mjs';

const { values: options } = parseArgs({
  options: {
    address: { type: 'string' },
    times: { type: 'string', default: '3' },
    backend: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`usage: scripts/first-images [--address URL] [--times N (3)] [--backend NAME]
  --address  of a page to measure in place of the built one`);
  process.exit(0);
}

/** Whose first image it is, and how many clicks that takes: that of the file dialog's button is one. */
const WAYS = {
  'bundled faces': { clicks: 1, begin: (page) => page.getByTestId('first-set').click() },
  'six images of one’s own': {
    clicks: 2,
    begin: (page) => page.getByTestId('first-images').setInputFiles(ALL_IMAGES),
  },
};

/** What servers compress. */
const COMPRESSED = /\.(js|css|html|json|svg|wasm)$|\/$/;

/**
 * @param {string} address
 * @param {(page: import('playwright-core').Page) => Promise<void>} begin
 */
async function play(address, begin) {
  const context = await launch(undefined, { serviceWorkers: 'allow' });
  const page = await context.newPage();
  // The tests' browser shows everything; a new user does not see that.
  await page.addInitScript(() => localStorage.setItem('unnoise.detail', 'plain'));
  /** @type {Promise<{ served: number, gzipped: number }>[]} */
  const sizes = [];
  page.on('requestfinished', (request) => {
    if (request.url().startsWith('http')) sizes.push(sizeOf(request));
  });
  const started = performance.now();
  const since = () => (performance.now() - started) / 1000;
  await page.goto(options.backend ? `${address}#backend=${options.backend}` : address);
  await page.locator('[data-testid=first-set]:not([disabled])').waitFor();
  const clickable = since();
  const paint = await page.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN,
  );
  await begin(page);
  // A drawing of the model in training that is finished.
  await page.waitForFunction(
    () =>
      /** @type {any} */ (document.querySelector('unnoise-lab')).session?.trainer.preview.snapshots
        .length > 0,
    undefined,
    { timeout: 300_000 },
  );
  const image = since();
  const fetched = await Promise.all(sizes);
  const sum = (/** @type {'served' | 'gzipped'} */ kind) =>
    fetched.reduce((total, size) => total + size[kind], 0);
  const result = {
    paint: paint / 1000,
    clickable,
    image,
    requests: fetched.length,
    served: sum('served'),
    gzipped: sum('gzipped'),
  };
  await context.close();
  return result;
}

/** @param {import('playwright-core').Request} request */
async function sizeOf(request) {
  const { responseBodySize: served } = await request.sizes();
  if (!COMPRESSED.test(new URL(request.url()).pathname)) return { served, gzipped: served };
  const body = await (await request.response())?.body().catch(() => undefined);
  return { served, gzipped: body ? gzipSync(body).length : served };
}

/** @param {number[]} values */
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const seconds = (/** @type {number[]} */ values) => {
  const digits = (/** @type {number} */ value) => value.toFixed(1);
  return `${digits(median(values))} s (${digits(Math.min(...values))}–${digits(Math.max(...values))})`;
};
const megabytes = (/** @type {number} */ bytes) => `${(bytes / 1e6).toFixed(2)} MB`;

const server = options.address ? undefined : await serve();
const address = options.address ?? server?.address ?? '';
console.log(
  '| first image of | first paint | can be clicked | first new image | clicks | fetched | gzipped |',
);
console.log('|---|---|---|---|---|---|---|');
for (const [name, { clicks, begin }] of Object.entries(WAYS)) {
  const runs = [];
  for (let time = 0; time < Number(options.times); time++) runs.push(await play(address, begin));
  const all = (/** @type {string} */ key) => runs.map((run) => run[key]);
  const cells = [
    name,
    seconds(all('paint')),
    seconds(all('clickable')),
    seconds(all('image')),
    String(clicks),
    `${megabytes(median(all('served')))} in ${median(all('requests'))}`,
    megabytes(median(all('gzipped'))),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
server?.stop();

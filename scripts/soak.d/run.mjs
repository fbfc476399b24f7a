// Does each exercise in a browser of its own, measures as it goes, and says what grew.
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { launch, serve } from '../../tests/browser/lab.mjs';
import { exercises } from './exercises.mjs';
import { Gauges } from './gauges.mjs';

/**
 * By how much the least of the last quarter of the measurements may be above that of the second: by
 * a share, or by so much. What is kept for good raises every measurement; what is in use at the moment
 * of one, a state that is being written, only that one. The first quarter is left out, in which pools,
 * caches and compiled code come to their size.
 * @type {Record<keyof import('./gauges.mjs').Sizes, { share: number, slack: number, unit: string }>}
 */
const LIMITS = {
  // The engine compiles functions for minutes, and keeps its list of slow frames and fetches.
  heap: { share: 0.05, slack: 512 * 1024, unit: 'kB' },
  // The drawings of a run are thinned by half once there are 64.
  arrays: { share: 0.02, slack: 512 * 1024, unit: 'kB' },
  // A page: instances that load the same model may differ by it.
  wasm: { share: 0, slack: 64 * 1024, unit: 'kB' },
  buffers: { share: 0, slack: 2, unit: '' },
  bufferBytes: { share: 0.01, slack: 0, unit: 'kB' },
  // The browser's own log of the database grows by megabytes before it is compacted.
  storage: { share: 0.1, slack: 4 * 1024 * 1024, unit: 'kB' },
  nodes: { share: 0.01, slack: 20, unit: '' },
  listeners: { share: 0.01, slack: 5, unit: '' },
  workers: { share: 0, slack: 0, unit: '' },
};

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    steps: { type: 'string', default: '20000' },
    cycles: { type: 'string', default: '1000' },
    elements: { type: 'string', default: '50' },
    loads: { type: 'string', default: '200' },
    crashes: { type: 'string', default: '100' },
    'gpu-steps': { type: 'string', default: '200' },
    minutes: { type: 'string', default: 'Infinity' },
    help: { type: 'boolean', default: false },
  },
});
const { only, help, minutes, ...asked } = options;
const known = exercises(
  Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, Number(value)])),
);
if (help) {
  console.log(
    `usage: scripts/soak [--only ${Object.keys(known)}] [--steps N] [--gpu-steps N] [--cycles N]\n` +
      '  [--elements N] [--loads N] [--crashes N]   how often each is done\n' +
      '  [--minutes N]   after which an exercise ends, however often it was done',
  );
  process.exit(0);
}

/** @param {number} value @param {string} unit */
const inWords = (value, unit) =>
  (unit === 'kB' ? Math.round(value / 1024) : value).toLocaleString('en') + (unit && ` ${unit}`);

/** @param {import('./exercises.mjs').Exercise} exercise */
async function measure({ count, group, begin }) {
  const server = await serve();
  const context = await launch();
  try {
    const page = await context.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    const gauges = await Gauges.of(page);
    const once = await begin(page, server.address);
    const readings = [];
    const end = Date.now() + Number(minutes) * 60_000;
    let done = 0;
    while (done < count && Date.now() < end) {
      const times = Math.min(group, count - done);
      await once(times);
      done += times;
      readings.push(await gauges.read());
    }
    return { done, readings, errors };
  } finally {
    await context.close();
    server.stop();
  }
}

/** @param {import('./gauges.mjs').Sizes[]} readings */
function compare(readings) {
  const quarter = readings.length / 4;
  return Object.entries(LIMITS).map(([name, { share, slack, unit }]) => {
    const values = readings.map((reading) => reading[name]);
    const second = Math.min(...values.slice(Math.floor(quarter), Math.ceil(2 * quarter)));
    const last = Math.min(...values.slice(Math.floor(3 * quarter)));
    const grew = last > second + Math.max(slack, share * second);
    return { name, second, last, grew, unit };
  });
}

const names = only ? only.split(',') : Object.keys(known);
/** Every measurement, for whoever looks into what grew. */
const folder = fileURLToPath(new URL('../../target/soak', import.meta.url));
let failed = false;
for (const name of names) {
  if (!known[name]) throw new Error(`There is no ${name}: one of ${Object.keys(known)}.`);
  const { count } = known[name];
  const start = Date.now();
  const { done, readings, errors } = await measure(known[name]);
  const rows = compare(readings);
  const seconds = Math.round((Date.now() - start) / 1000);
  const times = done < count ? `${done} of ${count}` : count;
  console.log(`\n${name}: ${times} times, ${readings.length} measurements, ${seconds} s`);
  for (const { name: gauge, second, last, grew, unit } of rows) {
    const [from, to] = [second, last].map((value) => inWords(value, unit).padStart(12));
    console.log(`  ${gauge.padEnd(12)}${from} →${to}${grew ? '  GREW' : ''}`);
  }
  for (const error of errors) console.log(`  error: ${error}`);
  failed ||= errors.length > 0 || rows.some(({ grew }) => grew);
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}/${name}.json`, JSON.stringify({ done, readings, errors }));
}
process.exitCode = failed ? 1 : 0;

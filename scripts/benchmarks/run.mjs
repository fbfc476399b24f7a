#!/usr/bin/env node
// Measures every contender one after the other; see docs/benchmarks.md.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { launch, serve } from '../../tests/browser/lab.mjs';
import { BUNDLES, bundle, runInBrowser } from './browser.mjs';
import { CONTENDERS } from './contenders.mjs';
import { writeInputs } from './inputs.mjs';
import { registerLimit } from './limit.mjs';
import { runNatively } from './native.mjs';
import { measurePage } from './page.mjs';
import { markdown, row } from './report.mjs';

const USAGE = `usage: scripts/bench [--only NAME]… [--list]
  --only NAME  only contenders whose name contains NAME (any case); "page" is the page itself.
               The others keep their rows in target/bench.json
  --list       print the names`;
const RESULT = 'target/bench.json';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const names = [...CONTENDERS.map(({ name }) => name), 'page'];
const wanted = names.filter(
  (name) =>
    options.only.length === 0 ||
    options.only.some((part) => name.toLowerCase().includes(part.toLowerCase())),
);
if (options.help || options.list) {
  console.log(options.help ? USAGE : names.join('\n'));
  process.exit(0);
}
if (wanted.length === 0) {
  console.error(`scripts/bench: no contender is called ${options.only}; see --list.`);
  process.exit(2);
}

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));
const program = `${process.env.CARGO_TARGET_DIR ?? 'target'}/release/unnoise`;
const inputs = `${BUNDLES}inputs`;
await bundle();
const reference = await writeInputs(inputs, program);
const server = await serve();

/** @type {any} */
const previous = await readFile(RESULT, 'utf8').then(JSON.parse, () => undefined);
const machine = { cpu: cpus()[0].model, cores: `${cpus().length} cores`, ...(await browser()) };
/** @type {Map<string, import('./report.mjs').Row>} */
const rows = new Map(
  options.only.length ? previous?.rows?.map((/** @type {any} */ old) => [old.name, old]) : [],
);
let page = options.only.length ? previous?.page : undefined;
console.error('the most that registers do in WebAssembly');
const limit = await registerLimit(server.address);

for (const contender of CONTENDERS.filter(({ name }) => wanted.includes(name))) {
  console.error(`${contender.name} (at most ${contender.limit} s)`);
  /** @type {import('./browser.mjs').Outcome} */
  let outcome;
  try {
    const inside = contender.kind === 'browser' || contender.kind === 'lab';
    outcome = inside
      ? await runInBrowser(contender, server.address)
      : await runNatively(contender, { inputs, program });
  } catch (error) {
    outcome = { steps: [], reason: String(error).split('\n')[0] };
  }
  const measured = row(contender, outcome, reference, limit);
  rows.set(contender.name, measured);
  const { training, denoising, reason } = measured;
  const shown = (/** @type {number | undefined} */ ms) => (ms ? `${Math.round(ms)} ms` : '–');
  console.error(
    `  training ${shown(training?.median)}, denoising ${shown(denoising?.median)}` +
      (reason ? `\n  ${reason}` : ''),
  );
  await save();
}
if (wanted.includes('page')) {
  console.error('the page, five visits');
  page = await measurePage(server.address).catch((error) => {
    console.error(`  ${String(error).split('\n')[0]}`);
    return undefined;
  });
}
server.stop();
console.log(markdown(await save()));

async function save() {
  const ordered = names.flatMap((name) => rows.get(name) ?? []);
  const result = { machine, limit, reference, rows: ordered, page };
  await mkdir('target', { recursive: true });
  await writeFile(RESULT, JSON.stringify(result, null, 2));
  return result;
}

/** What the browser is and which adapter its WebGPU runs on. */
async function browser() {
  const context = await launch();
  try {
    const page = await context.newPage();
    await page.goto(`${server.address}README.md`);
    const adapter = await page.evaluate(async () => {
      const gpu = /** @type {any} */ (navigator).gpu;
      const { vendor, architecture, description } = (await gpu?.requestAdapter())?.info ?? {};
      return [vendor, architecture, description].filter(Boolean).join(' ');
    });
    return { browser: `Chromium ${context.browser()?.version() ?? ''}`.trim(), adapter };
  } finally {
    await context.close();
  }
}

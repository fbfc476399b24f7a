/* global Worker */
// Runs the measurements and writes what they found.
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { launch, serve } from '../../tests/browser/lab.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '40' },
    pkg: { type: 'string', default: 'pkg/gpu' },
    profile: { type: 'string' },
    'no-browser': { type: 'boolean', default: false },
  },
});

const DAWN = 'target/gpu-check-modules/node_modules/webgpu/dist/linux-x64/dawn.node';
const root = fileURLToPath(new URL('../..', import.meta.url));
const [dawn, pkg] = [DAWN, options.pkg].map((path) => root + path);

function inNode() {
  const script = fileURLToPath(new URL('node.mjs', import.meta.url));
  const flags = options.profile ? ['--cpu-prof', `--cpu-prof-dir=${options.profile}`] : [];
  const args = [...flags, script, dawn, pkg, options.rounds];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

async function inChromium() {
  const server = await serve();
  const context = await launch();
  try {
    const page = await context.newPage();
    await page.goto(`${server.address}README.md`);
    const job = { pkg: server.address + options.pkg, rounds: Number(options.rounds) };
    const found = await page.evaluate(
      ([script, job]) =>
        new Promise((resolve) => {
          const worker = new Worker(script, { type: 'module' });
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => resolve({ problem: message });
          worker.postMessage(job);
        }),
      /** @type {const} */ ([`${server.address}scripts/host-time.d/worker.js`, job]),
    );
    if (found.problem) throw new Error(found.problem);
    return found;
  } finally {
    await context.close();
    server.stop();
  }
}

const report = { processor: cpus()[0].model, node: inNode() };
if (!options['no-browser']) report.chromium = await inChromium();
console.log(report.processor);
for (const host of ['node', 'chromium']) {
  for (const step of ['training', 'denoising']) {
    if (!report[host]) continue;
    const { queueing, least, whole, calls } = report[host][step];
    const launches = calls['ComputePassEncoder.dispatchWorkgroups'];
    const each = ((1000 * queueing) / launches).toFixed(1);
    console.log(
      `\n${host}, ${step} step: ${queueing.toFixed(2)} ms, at least ${least.toFixed(2)} ms; ${each} µs for ` +
        `each of ${launches} launches; ${whole.toFixed(2)} ms with the answer`,
    );
    const names = Object.keys(calls).sort((a, b) => calls[b] - calls[a]);
    for (const name of names) console.log(`  ${String(calls[name]).padStart(5)} ${name}`);
  }
}
await writeFile(`${root}target/host-time.json`, JSON.stringify(report, undefined, 2));

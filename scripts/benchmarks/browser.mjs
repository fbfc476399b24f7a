/* global Worker, window */
// Contenders that run in Chromium.
import { build } from 'esbuild';
import { launch } from '../../tests/browser/lab.mjs';

/** Where the bundles of the contenders go, seen from the root. */
export const BUNDLES = 'target/benchmarks/';
const RIVALS = 'scripts/benchmarks/node_modules/@tensorflow/tfjs-backend-wasm/dist/';

export async function bundle() {
  const here = 'scripts/benchmarks/';
  await build({
    entryPoints: {
      harness: `${here}harness.js`,
      unnoise: `${here}contenders/unnoise.js`,
      tfjs: `${here}contenders/tfjs.js`,
      jax: `${here}contenders/jax.js`,
    },
    outdir: BUNDLES,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    // Node's parts of the libraries, which a browser never reaches.
    external: ['fs', 'path', 'crypto', 'worker_threads', 'perf_hooks', 'os', 'util'],
    logLevel: 'error',
  });
}

/**
 * @typedef {object} Step
 * @property {'training' | 'denoising'} kind
 * @property {number} ms
 * @property {number} [loss]
 * @property {number} [dispatches]
 * @property {number} [wasmBytes]
 * @property {number} [gpuBytes]
 *
 * @typedef {{ steps: Step[], reason?: string }} Outcome what was measured and why it ended early
 */

/**
 * Runs a contender in a browser of its own, so that none inherits another's heap or GPU process.
 * @param {import('./contenders.mjs').Contender} contender
 * @param {string} address of the server
 * @returns {Promise<Outcome>}
 */
export async function runInBrowser(contender, address) {
  const context = await launch();
  try {
    const page = await context.newPage();
    await page.goto(`${address}README.md`);
    /** @type {Outcome} */
    const outcome = { steps: [] };
    let end = (/** @type {string | undefined} */ _reason) => {};
    const ended = new Promise((resolve) => (end = resolve));
    await page.exposeFunction('report', (/** @type {any} */ message) => {
      const { kind, reason } = message;
      if (kind === 'training' || kind === 'denoising') outcome.steps.push(message);
      else if (kind !== 'ready') end(reason);
    });
    page.on('crash', () => end('the page crashed'));
    const inputs = `${address}${BUNDLES}inputs/`;
    const { steps, denoisingSteps } = contender;
    if (contender.kind === 'lab') {
      await page.evaluate(measureLab, { ...contender, inputs, packages: `${address}pkg/` });
    } else {
      await page.evaluate(startWorker, {
        harness: `${address}${BUNDLES}harness.js`,
        job: {
          module: `${address}${BUNDLES}${contender.library}.js`,
          variant: contender.variant,
          build: contender.build,
          steps,
          denoisingSteps,
          inputs,
          packages: `${address}pkg/`,
          assets: address + RIVALS,
        },
      });
    }
    const seconds = contender.limit;
    const timer = setTimeout(() => {
      const done = outcome.steps.length;
      const reached = done < steps ? `training step ${done + 1}` : 'denoising';
      end(`stopped at its limit of ${seconds} s, in ${reached}`);
    }, seconds * 1000);
    outcome.reason = await ended;
    clearTimeout(timer);
    return outcome;
  } finally {
    await context.close();
  }
}

/** In the page. @param {{ harness: string, job: object }} what */
function startWorker({ harness, job }) {
  const report = /** @type {any} */ (window).report;
  const worker = new Worker(harness, { type: 'module' });
  worker.onmessage = ({ data }) => report(data);
  worker.onerror = ({ message }) => report({ kind: 'failed', reason: message });
  worker.postMessage(job);
}

/**
 * In the page: through the `Lab`, which spreads a step over several workers.
 * @param {any} job
 */
async function measureLab({ packages, inputs, variant, steps, denoisingSteps }) {
  const report = /** @type {any} */ (window).report;
  const timed = async (/** @type {string} */ kind, /** @type {() => Promise<any>} */ run) => {
    const start = performance.now();
    const loss = await run();
    await report({ kind, ms: performance.now() - start, loss });
  };
  // Not awaited: the caller has the time limit.
  (async () => {
    const { Lab } = await import(`${packages}lab.js`);
    const lab = await Lab.create({ backend: variant, workers: 2 });
    if (!('workers' in lab)) throw new Error('the Lab has no `workers` option yet');
    const model = await fetch(new URL('model.safetensors', inputs));
    await lab.load(new Uint8Array(await model.arrayBuffer()));
    const size = 32;
    const tile = size * size * 3;
    // The images that `unnoise bench` makes up.
    lab.setImages(
      Array.from({ length: 16 }, (_, image) => ({
        size,
        rgb: Uint8Array.from({ length: tile }, (_, i) => ((image * tile + i) * 37) % 256),
      })),
    );
    for (let i = 0; i < steps; i++) {
      await timed('training', async () => {
        for await (const { losses } of lab.train({ steps: 1 })) return losses[0];
      });
    }
    const frames = lab.sample({ sampler: 'ddim', steps: 1000, count: 16 });
    // x_T is a frame, but no step.
    await frames.next();
    for (let i = 0; i < denoisingSteps; i++) {
      await timed('denoising', async () => void (await frames.next()));
    }
    await report({ kind: 'done' });
  })().catch((error) => report({ kind: 'failed', reason: String(error?.message ?? error) }));
}

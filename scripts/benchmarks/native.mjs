// Contenders that run outside a browser: the command line, and PyTorch.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

const VENV = 'target/bench-venv';

/**
 * A Python with PyTorch and diffusers: `$BENCH_PYTHON`, or an environment made once under target/.
 * @returns {string}
 */
function python() {
  if (process.env.BENCH_PYTHON) return process.env.BENCH_PYTHON;
  const installed = `${VENV}/installed`;
  if (!existsSync(installed)) {
    console.error('Installing PyTorch and diffusers into target/bench-venv (once)');
    const run = (/** @type {string} */ program, /** @type {string[]} */ ...args) =>
      execFileSync(program, args.flat(), { stdio: ['ignore', 'ignore', 'inherit'] });
    run('python3', ['-m', 'venv', '--clear', VENV]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--retries=1'];
    const wheels = 'https://download.pytorch.org/whl/cpu';
    try {
      run(`${VENV}/bin/python`, [...pip, 'torch', '--index-url', wheels]);
    } catch {
      // The plain wheels are larger but compute the same on a CPU.
      run(`${VENV}/bin/python`, [...pip, 'torch']);
    }
    run(`${VENV}/bin/python`, [...pip, 'diffusers', 'safetensors', 'numpy']);
    run('touch', [installed]);
  }
  return `${VENV}/bin/python`;
}

/**
 * @param {import('./contenders.mjs').Contender} contender
 * @param {{ inputs: string, program: string }} places
 * @returns {Promise<import('./browser.mjs').Outcome & { peakBytes?: number }>}
 */
export async function runNatively({ kind, threads, steps, limit }, { inputs, program }) {
  const model = `${inputs}/model.safetensors`;
  const [command, args] =
    kind === 'cli'
      ? [program, ['bench', '--json', '--steps', `${steps - 1}`, '--model', model]]
      : [python(), ['scripts/benchmarks/contenders/pytorch.py', inputs, `${threads}`, `${steps}`]];
  const child = spawn(command, /** @type {string[]} */ (args), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, RAYON_NUM_THREADS: `${threads}`, OMP_NUM_THREADS: `${threads}` },
  });
  let [output, errors, peakBytes] = ['', '', 0];
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (errors += data));
  const watching = setInterval(async () => {
    peakBytes = Math.max(peakBytes, await peakMemory(child.pid));
  }, 100);
  let stopped = false;
  const timer = setTimeout(() => {
    stopped = true;
    child.kill();
  }, limit * 1000);
  const [status] = await once(child, 'close');
  clearTimeout(timer);
  clearInterval(watching);
  if (stopped) return { steps: [], reason: `stopped after ${limit} s, its limit` };
  if (status !== 0) return { steps: [], reason: errors.trim().split('\n').at(-1) };
  const { losses, training, denoising } = JSON.parse(output);
  const all = ({ first_ms, ms }, /** @type {any} */ kind) =>
    [first_ms, ...ms].map((ms, i) => ({ kind, ms, loss: kind === 'training' ? losses[i] : null }));
  return { steps: [...all(training, 'training'), ...all(denoising, 'denoising')], peakBytes };
}

/**
 * The most memory a process ever had, where the system tells (Linux).
 * @param {number | undefined} pid
 */
async function peakMemory(pid) {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

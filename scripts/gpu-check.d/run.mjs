// Runs the parts of the check, each within its own time, the cheap and important ones first, and
// writes what they found after each, so that a run that is cut short still tells something.
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { markdown } from './report.mjs';

const HELP = `usage: gpu-check run [OPTIONS]

  --only PART,PART…    these parts alone
  --skip PART,PART…    all but these parts
  --limit SECONDS      for all of them together [460]
  --as-gpu             native times of the kernels for GPUs where one is emulated, too

Parts, in their order, with the seconds that each may take:
`;

/** Where an adapter is an emulator: a hundredth of a GPU's speed. */
const SOFTWARE = /llvmpipe|swiftshader|basic render/i;

const [carried, work, ...options] = process.argv.slice(2);
const results = process.env.OUT || join(carried, '..');
const started = Date.now();

/** @type {import('./report.mjs').Report} */
const report = { date: new Date().toISOString(), parts: {}, seconds: {} };

const PRECISIONS = ['no', 'fp16'];
const at = (batch, precisions = PRECISIONS) =>
  precisions.map((precision) => ({ batch, precision }));

/** What a program printed; at most `limit` seconds' worth. */
async function output(program, args, limit, onLine = undefined) {
  // In a group of its own, so that what it starts is ended with it.
  const child = spawn(program, args, {
    cwd: work,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let [text, errors, rest] = ['', '', ''];
  child.stdout.on('data', (data) => {
    text += data;
    rest += data;
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (onLine) lines.forEach(onLine);
  });
  child.stderr.on('data', (data) => (errors += data));
  const end = () => {
    if (child.pid) process.kill(-child.pid, 'SIGKILL');
  };
  const leave = () => {
    end();
    process.exit(1);
  };
  process.on('SIGTERM', leave).on('SIGINT', leave);
  let stopped = false;
  const timer = setTimeout(() => {
    stopped = true;
    end();
  }, limit * 1000);
  const status = await new Promise((resolve) => {
    child.on('error', (error) => {
      errors += error.message;
      resolve(-1);
    });
    child.on('close', resolve);
  });
  clearTimeout(timer);
  process.off('SIGTERM', leave).off('SIGINT', leave);
  const lines = errors.trim().split('\n');
  const last = lines.findLast((line) => /error:?/i.test(line)) ?? lines.at(-1);
  const problem = stopped
    ? `stopped after ${Math.round(limit)} s`
    : status === 0
      ? undefined
      : last || `${status}`;
  return { text, problem };
}

const unnoise = (args, limit) => output(join(work, 'unnoise'), args, limit);

async function configFile(config) {
  const file = join(work, 'config.json');
  await writeFile(file, JSON.stringify(config));
  return file;
}

async function card() {
  const lines = async (program, args) => {
    const { text } = await output(program, args, 20);
    return text.trim();
  };
  const query = [
    '--query-gpu=name,driver_version,memory.total,clocks.max.sm',
    '--format=csv,noheader',
  ];
  // As little as can be compiled.
  const unet = { block_out_channels: [8], layers_per_block: 1, norm_num_groups: 8 };
  const tiny = await configFile({ size: 4, unet, training: { batch_size: 1 } });
  const program = await unnoise(
    ['bench', '--backend', 'webgpu', '--json', '--steps', '1', '--config', tiny],
    60,
  );
  const adapter = program.problem ? `none: ${program.problem}` : JSON.parse(program.text).adapter;
  report.software = SOFTWARE.test(adapter);
  return {
    commit: (await readFile(join(carried, 'commit'), 'utf8').catch(() => '')).trim(),
    adapter,
    nvidia: await lines('nvidia-smi', query),
    processor: `${cpus()[0]?.model}, ${cpus().length} threads`,
  };
}

/** Times and profiles steps of the command line; with Adam, as PyTorch's are, if nothing else is said. */
async function native(limit, jobs) {
  const rows = [];
  const end = Date.now() + limit * 1000;
  for (const { batch, precision, size = 32, optimizer = 'adam' } of jobs) {
    const row = { size, batch, precision, optimizer };
    const left = (end - Date.now()) / 1000;
    if (left < 5) {
      rows.push({ ...row, problem: 'no time was left' });
      continue;
    }
    const training = { batch_size: batch, mixed_precision: precision, optimizer };
    const config = { size, training };
    const args = ['bench', '--backend', 'webgpu', '--json', '--queued', '--profile'];
    args.push('--config', await configFile(config), '--steps', report.software ? '3' : '40');
    if (options.includes('--as-gpu')) args.push('--as-gpu');
    const { text, problem } = await unnoise(args, left);
    rows.push(problem ? { ...row, problem } : { ...row, ...JSON.parse(text) });
  }
  return rows;
}

async function torch(limit, kind) {
  const rows = [];
  const batches = report.software ? '16' : '16,64,256';
  const { problem } = await output(
    'python3',
    [join(carried, 'gpu-check.d/torch_unet.py'), kind, batches],
    limit,
    (line) => line.startsWith('{') && rows.push(JSON.parse(line)),
  );
  return problem ? [...rows, { variant: kind, problem }] : rows;
}

/** The losses of training on bundled faces, against those of a CPU. */
async function losses(limit) {
  const read = async (file) =>
    (await readFile(file, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).loss);
  const expected = await read(join(carried, 'expected/losses.jsonl'));
  const steps = report.software ? 20 : expected.length;
  const runs = [];
  for (const precision of report.software ? ['no'] : PRECISIONS) {
    const log = join(work, `losses-${precision}.jsonl`);
    await rm(log, { force: true });
    const config = await configFile({ training: { mixed_precision: precision } });
    const args = [
      'train',
      '--backend',
      'webgpu',
      '--data',
      join(carried, 'faces'),
      '--config',
      config,
    ];
    args.push(
      '--steps',
      `${steps}`,
      '--log',
      log,
      '--log-every',
      '1',
      '--out',
      join(work, 'm.safetensors'),
    );
    const { problem } = await unnoise(args, limit / (report.software ? 1 : 2));
    const found = await read(log).catch(() => []);
    runs.push({ precision, problem, losses: found });
  }
  return { expected, runs };
}

async function dawn(limit) {
  const jobs = (report.software ? at(2, ['no']) : [...at(16), ...at(256), ...at(64)]).map(
    (job) => ({
      ...job,
      steps: report.software ? 1 : 40,
    }),
  );
  const rows = [];
  const { problem } = await output(
    process.execPath,
    [join(carried, 'gpu-check.d/dawn.mjs'), work, join(carried, 'pkg'), JSON.stringify(jobs)],
    limit,
    (line) => line.startsWith('{') && rows.push(JSON.parse(line)),
  );
  return problem ? [...rows, { problem }] : rows;
}

/** Property tests of the kernels: those of GPUs, in f32 and f16. */
async function tests(limit) {
  const { text, problem } = await output(join(work, 'ops'), ['--test-threads=4', 'webgpu'], limit);
  const failed = [...text.matchAll(/^test (\S+) \.\.\. FAILED$/gm)].map(([, name]) => name);
  const passed = [...text.matchAll(/^test (\S+) \.\.\. ok$/gm)].length;
  const reasons = [...text.matchAll(/panicked at .*\n(.*)/g)].map(([, reason]) =>
    reason.slice(0, 200),
  );
  return { passed, failed, reasons, problem: failed.length ? undefined : problem };
}

/** Parts that an emulator is too slow for. */
const FOR_GPUS = ['native64', 'sizes'];

const PARTS = [
  { name: 'card', limit: 60, run: card },
  {
    name: 'native',
    limit: 150,
    run: (limit) => {
      const muon = { batch: 16, precision: 'no', optimizer: 'muon' };
      return native(limit, report.software ? at(4, ['no']) : [...at(16), muon, ...at(256)]);
    },
  },
  { name: 'eager', limit: 75, run: (limit) => torch(limit, 'eager') },
  { name: 'tests', limit: 75, run: tests },
  { name: 'losses', limit: 60, run: losses },
  { name: 'dawn', limit: 60, run: dawn },
  { name: 'native64', limit: 60, run: (limit) => native(limit, at(64)) },
  { name: 'compile', limit: 150, run: (limit) => torch(limit, 'compile') },
  {
    name: 'sizes',
    limit: 90,
    run: (limit) =>
      native(limit, [
        { size: 64, batch: 16, precision: 'no' },
        { size: 64, batch: 16, precision: 'fp16' },
        { size: 128, batch: 16, precision: 'no' },
      ]),
  },
];

const value = (option) => {
  const place = options.indexOf(option);
  return place < 0 ? undefined : options[place + 1];
};

if (options.includes('--help')) {
  process.stdout.write(HELP + PARTS.map(({ name, limit }) => `  ${name} (${limit})\n`).join(''));
  process.exit(2);
}
const only = value('--only')?.split(',');
const skipped = value('--skip')?.split(',') ?? [];
const unknown = [...(only ?? []), ...skipped].find(
  (name) => !PARTS.some((part) => part.name === name),
);
if (unknown) {
  console.error(`gpu-check: there is no part ${unknown} (see --help)`);
  process.exit(2);
}
const total = Number(value('--limit') ?? 460);
await mkdir(results, { recursive: true });
for (const { name, limit, run } of PARTS) {
  // Everything else wants to know what the card is.
  if (name !== 'card' && ((only && !only.includes(name)) || skipped.includes(name))) continue;
  if (report.software && FOR_GPUS.includes(name) && !only) continue;
  const left = total - (Date.now() - started) / 1000;
  if (left < 10) {
    report.parts[name] = { problem: 'no time was left' };
    continue;
  }
  const start = Date.now();
  try {
    report.parts[name] = await run(Math.min(report.software ? 2 * limit : limit, left));
  } catch (error) {
    report.parts[name] = { problem: String(error) };
  }
  report.seconds[name] = (Date.now() - start) / 1000;
  console.log(markdown(report, name));
  await writeFile(join(results, 'gpu-check.json'), JSON.stringify(report));
  await writeFile(join(results, 'gpu-check.md'), markdown(report));
}

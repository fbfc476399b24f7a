// What was found, as tables.

/**
 * @typedef {object} Report
 * @property {string} date
 * @property {boolean} [software] whether the adapter emulates a GPU on the CPU
 * @property {Record<string, any>} parts
 * @property {Record<string, number>} seconds that each part took
 */

const fixed = (/** @type {number | undefined} */ number, digits = 3) =>
  number === undefined || number === null ? '' : number.toFixed(digits);

const percent = (/** @type {number | undefined} */ fraction) =>
  fraction === undefined ? '' : `${fixed(100 * fraction, 1)} %`;

/** @param {string[]} head @param {(string | number | undefined)[][]} rows */
function table(head, rows) {
  const line = (/** @type {(string | number | undefined)[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const PRODUCTS = ['forward', 'grad_input', 'grad_weight'];

/** Kernels of a training step that are listed. */
const LISTED = 24;

function native(rows) {
  const times = table(
    [
      'size',
      'batch',
      'precision',
      'optimizer',
      'training ms',
      'queued',
      'to queue',
      'on device',
      'launches',
      'denoising ms',
      'queued',
      'to queue',
      'on device',
      'launches',
      'first step ms',
    ],
    rows.map((row) => [
      row.size,
      row.batch,
      row.precision,
      row.optimizer,
      ...(row.problem
        ? [row.problem]
        : [row.training, row.denoising].flatMap((kind) => [
            fixed(kind.median_ms),
            fixed(kind.queued_ms),
            fixed(kind.queueing_ms),
            fixed(kind.profile?.ms_in_order),
            kind.profile?.launches,
          ])),
      fixed(row.training?.first_ms, 0),
    ]),
  );
  const measured = rows.filter((row) => row.peak);
  const convolutions = table(
    ['size', 'batch', 'precision', 'f32 peak GFLOP/s', 'copy GB/s', 'launch µs', ...PRODUCTS],
    measured.map(({ size, batch, precision, peak, training }) => [
      size,
      batch,
      precision,
      fixed(peak.gflops, 0),
      fixed(peak.gb_per_s, 0),
      fixed(peak.launch_us, 2),
      ...PRODUCTS.map((product) => {
        const part = training.profile.convolutions[product];
        return part ? `${fixed(part.ms)} ms, ${percent(part.of_peak)}` : '';
      }),
    ]),
  );
  return [times, convolutions, ...measured.map(kernels)].join('\n\n');
}

function kernels({ size, batch, precision, training }) {
  const all = training.profile.kernels.toSorted((a, b) => b.us * b.count - a.us * a.count);
  const rows = all
    .slice(0, LISTED)
    .map((kernel) => [
      kernel.name,
      kernel.work ?? (kernel.shape ?? []).join('×'),
      kernel.count,
      kernel.workgroups,
      fixed(kernel.us, 2),
      fixed(kernel.us * kernel.count, 1),
      fixed(kernel.gflops, 0),
      percent(kernel.of_peak),
      fixed(kernel.gb_per_s, 0),
    ]);
  const head = [
    'kernel',
    'what',
    'count',
    'workgroups',
    'µs',
    'µs in all',
    'GFLOP/s',
    'of peak',
    'GB/s',
  ];
  return `Training step, ${size}×${size}, batch ${batch}, ${precision}:\n\n${table(head, rows)}`;
}

function torch(rows) {
  return table(
    ['PyTorch', 'batch', 'training ms', 'denoising ms'],
    rows.map(({ variant, batch, training_ms, denoising_ms, error, problem }) => [
      variant,
      batch,
      error ?? problem ?? fixed(training_ms),
      fixed(denoising_ms),
    ]),
  );
}

function dawn(rows) {
  return table(
    [
      'Node, Dawn',
      'batch',
      'precision',
      'training ms',
      'of it CPU',
      'launches',
      'denoising ms',
      'launches',
      'first step ms',
    ],
    rows.map((row) => [
      row.problem ?? row.adapter,
      row.batch,
      row.precision,
      fixed(row.training_ms),
      fixed(row.training_cpu_ms),
      row.dispatches?.training,
      fixed(row.denoising_ms),
      row.dispatches?.denoising,
      fixed(row.first_ms, 0),
    ]),
  );
}

function losses({ expected, runs }) {
  const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  const window = Math.min(50, ...runs.map((run) => run.losses.length || 50));
  const starts = Array.from(
    { length: Math.floor(Math.max(...runs.map((run) => run.losses.length), window) / window) },
    (_, i) => i * window,
  );
  const row = (name, list, note = '') => [
    name,
    ...list.slice(0, 3).map((loss) => fixed(loss, 6)),
    ...starts.map((start) => fixed(mean(list.slice(start, start + window)), 4)),
    note,
  ];
  const note = (list) => {
    const apart = list.map((loss, i) => Math.abs(loss / expected[i] - 1));
    const [first, ten, all] = [1, 10, apart.length].map((count) =>
      Math.max(...apart.slice(0, count)).toExponential(1),
    );
    return `apart: first ${first}, first ten ${ten}, most ${all}`;
  };
  return table(
    [
      'losses',
      '1',
      '2',
      '3',
      ...starts.map((start) => `${start + 1}–${start + window}`),
      'from the CPU',
    ],
    [
      row('CPU', expected),
      ...runs.map((run) =>
        run.losses.length
          ? row(run.precision, run.losses, run.problem ?? note(run.losses))
          : [run.precision, run.problem],
      ),
    ],
  );
}

function tests({ passed, failed, reasons, problem }) {
  const lines = [`${passed} property tests passed, ${failed.length} failed. ${problem ?? ''}`];
  return [
    ...lines,
    ...failed.map((name) => `- ${name}`),
    ...reasons.map((reason) => `- ${reason}`),
  ].join('\n');
}

const card = (found) =>
  Object.entries(found)
    .map(([name, text]) => `- ${name}: ${text}`)
    .join('\n');

const WRITERS = {
  card,
  native,
  native64: native,
  sizes: native,
  eager: torch,
  compile: torch,
  tests,
  losses,
  dawn,
};

/**
 * The report, or one part of it.
 * @param {Report} report
 * @param {string} [only]
 */
export function markdown(report, only) {
  const parts = Object.entries(report.parts).filter(([name]) => !only || name === only);
  const text = parts.map(([name, found]) => {
    const body =
      found.problem && !Array.isArray(found) && !found.failed
        ? found.problem
        : WRITERS[name](found);
    return `## ${name} (${fixed(report.seconds[name], 0)} s)\n\n${body}\n`;
  });
  const kind = report.software ? 'SOFTWARE ADAPTER: times say nothing of a GPU' : 'a GPU';
  return [...(only ? [] : [`# gpu-check, ${report.date}: ${kind}\n`]), ...text].join('\n');
}

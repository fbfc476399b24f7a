// What was measured, as rows, and the rows as a table.
import { judge } from './goals.mjs';
import { summary } from './statistics.mjs';

/**
 * How far the first losses may be from Unnoise's own, relatively. The first is a forward pass in
 * single precision; those after it have steps of Adam behind them, which divides small gradients by
 * their own size and so magnifies rounding.
 */
export const TOLERANCE = [1e-5, 1e-4, 1e-4];

/** Arithmetic of a training step with direct convolutions, whatever a contender does instead. */
const STEP_GFLOP = 23.4;

/**
 * @typedef {{ median: number, min: number, max: number, count: number }} Times in milliseconds
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {string} place
 * @property {string} measured when
 * @property {string} [note]
 * @property {string} [reason] why there is less than was to be measured
 * @property {boolean} [agrees] whether the losses are Unnoise's
 * @property {number[]} losses
 * @property {number} [firstStep]
 * @property {Times} [training]
 * @property {Times} [denoising]
 * @property {boolean} [firstOnly] whether the training time is that of the first step
 * @property {number} [trainingDispatches]
 * @property {number} [denoisingDispatches]
 * @property {number} [wasmBytes]
 * @property {number} [gpuBytes]
 * @property {number} [peakBytes]
 * @property {number} [limit] GFLOP/s of a loop in registers on one thread
 */

/**
 * @param {import('./contenders.mjs').Contender} contender
 * @param {import('./browser.mjs').Outcome & { peakBytes?: number }} outcome
 * @param {number[]} reference losses
 * @param {number} limit GFLOP/s of a loop in registers
 * @returns {Row}
 */
export function row({ name, place, note, library }, outcome, reference, limit) {
  const { steps, reason, peakBytes } = outcome;
  const of = (/** @type {string} */ kind) => steps.filter((step) => step.kind === kind);
  const [training, denoising] = [of('training'), of('denoising')];
  const losses = training.slice(0, 3).map(({ loss }) => loss ?? NaN);
  const compared = losses.slice(0, TOLERANCE.length);
  const agrees =
    compared.length > 0 &&
    compared.every((loss, i) => Math.abs(loss / reference[i] - 1) <= TOLERANCE[i]);
  // The first of several also compiles and allocates.
  const times = (/** @type {typeof steps} */ all) => {
    const counted = all.length > 1 ? all.slice(1) : all;
    return counted.length ? summary(counted.map(({ ms }) => ms)) : undefined;
  };
  const last = steps.at(-1);
  return {
    name,
    place,
    measured: new Date().toISOString(),
    note,
    reason: disagreement(compared, agrees, reference) ?? reason,
    agrees,
    losses,
    firstStep: training[0]?.ms,
    training: times(training),
    denoising: times(denoising),
    firstOnly: training.length === 1,
    trainingDispatches: training.at(-1)?.dispatches || undefined,
    denoisingDispatches: denoising.at(-1)?.dispatches || undefined,
    wasmBytes: last?.wasmBytes || undefined,
    gpuBytes: last?.gpuBytes || undefined,
    peakBytes,
    limit: place === 'Chromium, CPU' && library === 'unnoise' ? limit : undefined,
  };
}

/**
 * @param {number[]} losses
 * @param {boolean} agrees
 * @param {number[]} reference
 */
function disagreement(losses, agrees, reference) {
  if (agrees || losses.length === 0) return undefined;
  return `its losses ${losses} are not ${reference.slice(0, losses.length)}: it computes something else`;
}

const megabytes = (/** @type {number | undefined} */ bytes) =>
  bytes ? `${Math.round(bytes / 1e6)} MB` : '';

/** @param {number} ms */
const time = (ms) => (ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** @param {Times | undefined} times */
function spread(times) {
  if (!times) return '–';
  if (times.count === 1) return `${time(times.median)} (one)`;
  return `${time(times.median)} (${Math.round(times.min)}–${Math.round(times.max)})`;
}

/** @param {Row} row */
function memory({ wasmBytes, gpuBytes, peakBytes }) {
  const parts = [];
  if (peakBytes) parts.push(`${megabytes(peakBytes)} process`);
  if (wasmBytes) parts.push(`${megabytes(wasmBytes)} wasm`);
  if (gpuBytes) parts.push(`${megabytes(gpuBytes)} GPU`);
  return parts.join(', ');
}

/**
 * How much of a loop in registers a training step reaches, counting direct convolutions: more than
 * 1 where a convolution takes fewer operations.
 * @param {Row} row
 */
function ofLimit({ training, limit }) {
  if (!training || !limit) return '';
  return `${(STEP_GFLOP / (training.median / 1000) / limit).toFixed(2)}`;
}

/** @param {Row} row */
function loss({ agrees, losses }) {
  if (losses.length === 0) return '–';
  const shown = losses[0].toFixed(6);
  return agrees ? shown : `${shown} ≠`;
}

/**
 * The whole result in Markdown, which is readable on a terminal as well.
 * @param {{ machine: Record<string, unknown>, limit: number, reference: number[], rows: Row[], page?: Awaited<ReturnType<typeof import('./page.mjs').measurePage>> }} result
 */
export function markdown({ machine, limit, rows, page }) {
  const lines = [Object.values(machine).filter(Boolean).join(', '), ''];
  for (const place of new Set(rows.map((row) => row.place))) {
    const gpu = place.includes('WebGPU');
    const head = ['training step', 'first', 'denoising step', 'first loss', 'peak memory'];
    const limited = rows.some((row) => row.place === place && row.limit);
    if (gpu) head.push('dispatches');
    if (limited) head.push('of the limit');
    const cells = rows
      .filter((row) => row.place === place)
      .map((row) => {
        const { firstStep, trainingDispatches, denoisingDispatches } = row;
        const values = [
          spread(row.training),
          firstStep && !row.firstOnly ? time(firstStep) : '',
          spread(row.denoising),
          loss(row),
          memory(row),
        ];
        if (gpu) values.push(`${trainingDispatches ?? '–'} + ${denoisingDispatches ?? '–'}`);
        if (limited) values.push(ofLimit(row));
        return [row.name, ...values];
      });
    lines.push(...table([place, ...head], cells), '');
    for (const { name, note, reason } of rows.filter((row) => row.place === place)) {
      const remarks = [note, reason].filter(Boolean);
      if (remarks.length) lines.push(`- ${name}: ${remarks.join('; ')}.`);
    }
    lines.push('');
  }
  const inRegisters = `A loop of multiply-adds in registers, one thread: ${limit.toFixed(0)} GFLOP/s.`;
  lines.push(inRegisters, '');
  if (page) lines.push(...pageLines(page), '');
  const verdicts = judge(rows).map(({ text, ratio, met }) => [
    text,
    ratio ?? '–',
    met === undefined ? 'not measured' : met ? 'met' : 'missed',
  ]);
  lines.push(...table(['goal (training step)', 'measured', ''], verdicts));
  return lines.join('\n').replace(/\n{3,}/g, '\n\n');
}

/** @param {NonNullable<Parameters<typeof markdown>[0]['page']>} page */
function pageLines({ recorded, live, finished }) {
  const size = (/** @type {{ bytes: number, gzipped: number }} */ { bytes, gzipped }) =>
    `${megabytesExactly(bytes)} (${megabytesExactly(gzipped)} gzipped)`;
  return table(
    ['the page, empty cache, on the CPU', ''],
    [
      ['first picture (recorded)', spread(recorded.ms)],
      ['first frame of the bundled model’s sampling', spread(live.ms)],
      ['its images finished: 16, after 20 steps', spread(finished.ms)],
      ['downloaded until the first picture', size(recorded)],
      ['downloaded until the first frame', size(live)],
    ],
  );
}

/** @param {number} bytes */
const megabytesExactly = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;

/**
 * @param {string[]} head
 * @param {string[][]} rows
 */
function table(head, rows) {
  const widths = head.map((cell, i) => Math.max(3, cell.length, ...rows.map((r) => r[i].length)));
  const line = (/** @type {string[]} */ cells) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  return [line(head), `|${widths.map((w) => '-'.repeat(w + 2)).join('|')}|`, ...rows.map(line)];
}

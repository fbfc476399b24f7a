import { html } from 'lit';
import { flattenConfig } from '../lib/config.js';
import { define } from '../lib/define.js';
import { integer, loss, since } from '../lib/format.js';
import { msg } from '../lib/localize.js';
import { lossPlot } from '../lib/plot.js';
import { rangeField } from './fields.js';
import { chartTable } from './chart-table.js';
import { Panel } from './panel.js';
import './pixel-grid.js';

/**
 * @import { RunRecord } from '../store/schema.js'
 * @import { Snapshot } from '../element/preview.js'
 */

/** Two runs side by side: their curves, what they drew, and the settings in which they differ. */
export class RunComparison extends Panel {
  static shows = /** @type {const} */ (['storedRuns']);

  static properties = {
    ...Panel.properties,
    runs: { attribute: false },
    share: { state: true },
    samples: { state: true },
  };

  constructor() {
    super();
    /** @type {RunRecord[]} */
    this.runs = [];
    /** How much of the history is looked at, 0 to 1. */
    this.share = 1;
    /** By the ids of the runs. @type {Record<string, Snapshot[]>} */
    this.samples = Object.create(null);
  }

  /** @param {import('lit').PropertyValues} changed */
  willUpdate(changed) {
    if (changed.has('runs')) this.#load();
  }

  async #load() {
    const { storedRuns } = this.session;
    const read = async (/** @type {RunRecord} */ { id }) => [
      id,
      await storedRuns.samplesOf(id).catch(() => []),
    ];
    const entries = await Promise.all(this.runs.map(read));
    this.samples = Object.assign(Object.create(null), Object.fromEntries(entries));
  }

  render() {
    const { runs, share } = this;
    return html`<section
      class="run-comparison"
      data-testid="run-comparison"
      aria-label=${msg('Two runs')}
    >
      <div class="run-pair">${runs.map((run, index) => this.#column(run, index))}</div>
      ${rangeField({
        label: msg('Look back through training'),
        testid: 'run-scrub',
        value: Math.round(share * 100),
        max: 100,
        text: `${Math.round(share * 100)} %`,
        input: (value) => (this.share = value / 100),
      })}
      <div
        class="plot"
        id="runs-plot"
        role="img"
        aria-label=${msg('Loss of both runs by training step')}
      ></div>
      ${chartTable(msg('The losses'), [msg('step'), ...runs.map(({ name }) => name)], () => joined(runs))}
      ${differences(runs)}
    </section>`;
  }

  /**
   * @param {RunRecord} run
   * @param {number} index
   */
  #column({ id, name, step, savedAt, curve }, index) {
    const samples = this.samples[id] ?? [];
    const shown = samples[Math.round(this.share * (samples.length - 1))];
    const { x_t: rgb, count, size } = shown?.frame ?? {};
    const tiles = rgb && count && size ? { rgb, count, size } : undefined;
    const drawn = shown
      ? msg('drawn after step {0}', integer(shown.step))
      : msg('nothing drawn yet');
    return html`<figure>
      <unnoise-pixels .label=${msg('Samples of {0}', name)} .tiles=${tiles}></unnoise-pixels>
      <figcaption>
        <span class="swatch ${index ? 'noise' : ''}">${name}</span>
        <span class="muted">
          ${`step ${integer(step)}, loss ${loss(curve.smoothed.at(-1))}, ${since(savedAt)}; ${drawn}`}
        </span>
      </figcaption>
    </figure>`;
  }

  updated() {
    this.plot('runs-plot', comparisonPlot).set(joined(this.runs));
  }
}

/** @param {RunRecord[]} runs */
function differences(runs) {
  const [a, b] = runs.map(({ config }) => (config ? flattenConfig(config) : undefined));
  if (!a || !b)
    return html`<p class="note">${msg('An older version did not note the settings.')}</p>`;
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const differing = names.filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]));
  if (!differing.length) return html`<p class="note">${msg('Both have the same settings.')}</p>`;
  const cell = (/** @type {unknown} */ value) =>
    html`<td>${value === undefined ? '—' : String(value)}</td>`;
  return html`<table data-testid="run-differences">
    <caption class="visually-hidden">
      ${msg('Settings that differ')}
    </caption>
    <thead>
      <tr>
        <th scope="col">${msg('Setting')}</th>
        ${runs.map(({ name }) => html`<th scope="col">${name}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${differing.map(
        (name) =>
          html`<tr>
            <th scope="row">${name}</th>
            ${cell(a[name])}${cell(b[name])}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/**
 * The curves over the steps of all of them.
 * @param {RunRecord[]} runs
 * @returns {import('uplot').AlignedData}
 */
function joined(runs) {
  const steps = [...new Set(runs.flatMap(({ curve }) => curve.steps))].sort((a, b) => a - b);
  const curves = runs.map(({ curve }) => {
    const values = new Map(curve.steps.map((step, index) => [step, curve.smoothed[index]]));
    return steps.map((step) => values.get(step) ?? null);
  });
  return [steps, ...curves];
}

/** @param {HTMLElement} container */
const comparisonPlot = (container) =>
  lossPlot(container, (colour) => [
    { stroke: () => colour('--signal'), width: 2, spanGaps: true, points: { show: false } },
    { stroke: () => colour('--noise'), width: 2, spanGaps: true, points: { show: false } },
  ]);

define('unnoise-run-comparison', RunComparison);

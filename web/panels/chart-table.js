import { html, LitElement, nothing } from 'lit';
import { define } from '../lib/define.js';
import { compact } from '../lib/format.js';
import { mixed, msg } from '../lib/localize.js';
import { LanguageController } from './language-controller.js';

/** Rows are few enough to be read from top to bottom. */
const MAX_ROWS = 16;

/**
 * The numbers of a chart, for those who cannot see it: nothing until it is opened, then some points
 * of each curve, evenly spread, the first and the last among them.
 */
export class ChartTable extends LitElement {
  static properties = {
    caption: {},
    /** What the columns have; the first is the horizontal axis. */
    columns: { attribute: false },
    /** Of the same length each, in the order of the columns. */
    data: { attribute: false },
    opened: { state: true },
  };

  constructor() {
    super();
    new LanguageController(this);
    this.caption = '';
    /** @type {string[]} */
    this.columns = [];
    /** @type {() => ArrayLike<number | null | undefined>[]} */
    this.data = () => [];
    this.opened = false;
  }

  createRenderRoot() {
    return this;
  }

  render() {
    return html`<details
      class="chart-table"
      @toggle=${(/** @type {any} */ { target }) => (this.opened = target.open)}
    >
      <summary data-testid="chart-table">${mixed('{0} as a table', this.caption)}</summary>
      ${this.opened ? this.#table() : nothing}
    </details>`;
  }

  #table() {
    const data = this.data();
    const length = data[0]?.length ?? 0;
    if (length === 0) return html`<p class="note">${msg('There is nothing to show yet.')}</p>`;
    return html`<div class="table-frame">
      <table>
        <caption class="visually-hidden">
          ${this.caption}
        </caption>
        <thead>
          <tr>
            ${this.columns.map((name) => html`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${pick(length).map(
            (row) =>
              html`<tr>
                ${this.columns.map((_, column) => {
                  const value = data[column]?.[row];
                  return column ? html`<td>${word(value)}</td>` : head(value);
                })}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }
}

/** @param {number | null | undefined} value */
const head = (value) => html`<th scope="row">${value === undefined ? '—' : value}</th>`;

/** @param {number | null | undefined} value */
function word(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '—';
  return Math.abs(value) >= 10_000 ? compact(value) : String(Number(value.toPrecision(4)));
}

/**
 * Places in a list of so many.
 * @param {number} length
 */
function pick(length) {
  const rows = Math.min(MAX_ROWS, length);
  return Array.from({ length: rows }, (_, row) =>
    rows === 1 ? 0 : Math.round((row / (rows - 1)) * (length - 1)),
  );
}

/**
 * @param {string} caption
 * @param {string[]} columns
 * @param {() => ArrayLike<number | null | undefined>[]} data
 */
export const chartTable = (caption, columns, data) =>
  html`<unnoise-chart-table
    .caption=${caption}
    .columns=${columns}
    .data=${data}
  ></unnoise-chart-table>`;

define('unnoise-chart-table', ChartTable);

import { restoreLanguage } from './valid-language.js';
import uPlot from 'uplot';
import { ThemeColours } from './theme-colours.js';

restoreLanguage();

/**
 * A uPlot chart that fills its container and takes its colours from the element's theme.
 *
 * @typedef {(colour: (name: string) => string) => Omit<uPlot.Options, 'width' | 'height'>}
 *   PlotOptions
 */
export class Plot {
  #container;
  #chart;
  #observer;
  #shown = new AbortController();
  /** Data that wait to be drawn. @type {uPlot.AlignedData | undefined} */
  #next;

  /**
   * @param {HTMLElement} container
   * @param {number} height
   * @param {PlotOptions} options
   */
  constructor(container, height, options) {
    this.#container = container;
    const colours = new ThemeColours(container, () => this.redraw(), this.#shown.signal);
    const width = Math.max(100, container.clientWidth);
    this.#chart = new uPlot({ ...options(colours.get), width, height }, [[]], container);
    this.#observer = new ResizeObserver(() => this.#resize(height));
    this.#observer.observe(container);
  }

  /** @param {number} height */
  #resize(height) {
    const width = this.#container.clientWidth;
    if (width > 0 && width !== this.#chart.width) this.#chart.setSize({ width, height });
  }

  /**
   * Draws in a task of its own, once however often the data change before: what changes them has the rest
   * of the page to bring up to date.
   * @param {uPlot.AlignedData} data
   */
  set(data) {
    if (!this.#next) {
      setTimeout(() => {
        if (this.#next && !this.#shown.signal.aborted) this.#chart.setData(this.#next);
        this.#next = undefined;
      });
    }
    this.#next = data;
  }

  redraw() {
    this.#chart.redraw(false, true);
  }

  destroy() {
    this.#observer.disconnect();
    this.#shown.abort();
    this.#chart.destroy();
  }
}

/**
 * @param {(name: string) => string} colour
 * @param {Partial<uPlot.Axis>} axis
 * @returns {uPlot.Axis}
 */
export const plotAxis = (colour, axis) => ({
  stroke: () => colour('--muted'),
  font: '11px ui-sans-serif, sans-serif',
  grid: { stroke: () => colour('--line'), width: 1 },
  ticks: { show: false },
  gap: 4,
  ...axis,
});

/** A chart that only shows. */
export const quietPlot = { legend: { show: false }, cursor: { show: false }, select: undefined };

/**
 * Logarithmic, and not rounded to powers of ten: most of the height would stay empty.
 * @type {uPlot.Scale}
 */
export const logScale = {
  distr: 3,
  range: (_, low, high) => (low > 0 ? [low * 0.85, high * 1.15] : [0.1, 1]),
};

/**
 * The axis of a logarithmic scale.
 * @param {(name: string) => string} colour
 */
export const logAxis = (colour) =>
  plotAxis(colour, {
    size: 44,
    // The chart's own ticks need powers of ten at both ends, and never end without.
    splits: (_, axis, low, high) => logTicks(low, high),
    filter: (_, ticks) => ticks,
    values: (_, ticks) => ticks.map((tick) => (tick < 1e-4 ? tick.toExponential() : String(tick))),
  });

/**
 * Curves of a loss over the steps of training.
 *
 * @param {HTMLElement} container
 * @param {(colour: (name: string) => string) => uPlot.Series[]} curves
 * @param {() => number | undefined} [marked] a step
 */
export const lossPlot = (container, curves, marked = () => undefined) =>
  new Plot(container, 200, (colour) => ({
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: { x: { time: false }, y: logScale },
    axes: [plotAxis(colour, { size: 22, space: 80 }), logAxis(colour)],
    series: [{}, ...curves(colour)],
    plugins: [plotMarker(colour, marked)],
  }));

/**
 * 1, 2 and 5 times the powers of ten within a range, or fewer where they would crowd.
 * @param {number} low
 * @param {number} high
 */
function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const digits = decades > 2.5 ? [1] : [1, 2, 5];
  const stride = Math.ceil(decades / 6);
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    if (power % stride !== 0) continue;
    // By way of text: 3 * 0.1 would show as 0.30000000000000004.
    for (const digit of digits) ticks.push(Number(`${digit}e${power}`));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

/**
 * A vertical line at a value of x.
 * @param {(name: string) => string} colour
 * @param {() => number | undefined} at
 * @returns {uPlot.Plugin}
 */
export const plotMarker = (colour, at) => ({
  hooks: {
    draw: (chart) => {
      const value = at();
      if (value === undefined || !chart.data[0].length) return;
      const { ctx, bbox } = chart;
      const left = Math.round(chart.valToPos(value, 'x', true)) + 0.5;
      ctx.save();
      ctx.strokeStyle = colour('--accent');
      // The curve before it may have been dashed.
      ctx.setLineDash([]);
      ctx.lineWidth = Math.max(1, 1.5 * devicePixelRatio);
      ctx.beginPath();
      ctx.moveTo(left, bbox.top);
      ctx.lineTo(left, bbox.top + bbox.height);
      ctx.stroke();
      ctx.restore();
    },
  },
});

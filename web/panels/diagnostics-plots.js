import { logAxis, logScale, Plot, plotAxis, quietPlot } from '../lib/plot.js';

/** The charts of the diagnostics panel. Each is drawn anew only when there is something new. */
export class DiagnosticsPlots {
  /** What was last drawn. @type {WeakMap<Plot, unknown[]>} */
  #drawn = new WeakMap();

  /** @param {import('./panel.js').Panel} panel */
  constructor(panel) {
    this.panel = panel;
  }

  /** @param {import('../element/diagnostics.js').Diagnostics} diagnostics */
  draw({ bound, optimalLoss, memorisation }) {
    this.#draw('bound-plot', stacked, [bound.history], () => [
      bound.history.map(({ step }) => step),
      // Each on top of the next: the last is drawn in front.
      bound.history.map(({ bound }) => bound.total_bpd),
      bound.history.map(({ bound }) => bound.prior_bpd + bound.kl_bpd),
      bound.history.map(({ bound }) => bound.prior_bpd),
    ]);
    this.#draw('vb-plot', vbPlot, [bound.parts], () => [
      bound.parts.map(({ t }) => t),
      bound.parts.map(({ vb }) => positive(vb)),
    ]);
    this.#draw('optimal-loss-plot', optimalLossPlot, [bound.parts, optimalLoss.t], () =>
      joined(
        bound.parts.map(({ t, loss }) => [t, positive(loss)]),
        optimalLoss.t.map((t, index) => [t, positive(optimalLoss.losses[index])]),
      ),
    );
    this.#draw('copies-plot', shares, [memorisation.steps], () => [
      memorisation.steps,
      memorisation.shares,
    ]);
  }

  /**
   * @param {string} id
   * @param {(container: HTMLElement) => Plot} make
   * @param {unknown[]} sources lists that are replaced, never changed
   * @param {() => import('uplot').AlignedData} data
   */
  #draw(id, make, sources, data) {
    const plot = this.panel.plot(id, make);
    const drawn = this.#drawn.get(plot);
    if (drawn && sources.every((source, index) => source === drawn[index])) return;
    this.#drawn.set(plot, sources);
    plot.set(data());
  }
}

/** A logarithm has no zero. @param {number} value */
const positive = (value) => (value > 1e-9 ? value : null);

/**
 * Two curves over their own timesteps, on one axis.
 * @param {[number, number | null][]} first
 * @param {[number, number | null][]} second
 * @returns {import('uplot').AlignedData}
 */
export function joined(first, second) {
  const [of, others] = [new Map(first), new Map(second)];
  const timesteps = [...new Set([...of.keys(), ...others.keys()])].sort((a, b) => a - b);
  // uPlot joins points over what is undefined, not over null.
  return /** @type {import('uplot').AlignedData} */ ([
    timesteps,
    timesteps.map((t) => of.get(t)),
    timesteps.map((t) => others.get(t)),
  ]);
}

/** @param {HTMLElement} container */
const stacked = (container) =>
  new Plot(container, 280, (colour) => ({
    ...quietPlot,
    scales: { x: { time: false }, y: { range: (_, low, high) => [0, Math.max(high, 1) * 1.05] } },
    axes: [plotAxis(colour, { size: 22, space: 80 }), plotAxis(colour, { size: 34 })],
    series: [
      {},
      ...['decoder', 'kl', 'prior'].map((name) => ({
        stroke: () => colour(`--${name}`),
        fill: () => colour(`--${name}-fill`),
        width: 1.5,
        points: { show: false },
      })),
    ],
  }));

/**
 * @param {HTMLElement} container
 * @param {{ colour: string, dash?: number[] }[]} curves
 */
const byTimestep = (container, curves) =>
  new Plot(container, 130, (colour) => ({
    ...quietPlot,
    scales: { x: { time: false }, y: logScale },
    axes: [plotAxis(colour, { size: 22, space: 80 }), logAxis(colour)],
    series: [
      {},
      ...curves.map(({ colour: name, dash }) => ({
        stroke: () => colour(name),
        dash,
        width: 1.5,
        points: { show: false },
      })),
    ],
  }));

/** @param {HTMLElement} container */
const vbPlot = (container) => byTimestep(container, [{ colour: '--kl' }]);

/** @param {HTMLElement} container */
const optimalLossPlot = (container) =>
  byTimestep(container, [{ colour: '--accent' }, { colour: '--muted', dash: [6, 5] }]);

/** @param {HTMLElement} container */
const shares = (container) =>
  new Plot(container, 100, (colour) => ({
    ...quietPlot,
    scales: { x: { time: false }, y: { range: [0, 1.02] } },
    axes: [
      plotAxis(colour, { size: 22, space: 80 }),
      plotAxis(colour, {
        size: 44,
        incrs: [0.5],
        values: (_, ticks) => ticks.map((tick) => `${tick * 100}%`),
      }),
    ],
    series: [{}, { stroke: () => colour('--accent'), width: 2, points: { show: true, size: 5 } }],
  }));

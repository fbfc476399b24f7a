import { html, nothing } from 'lit';
import { define } from '../lib/define.js';
import { decibels, decimal, integer } from '../lib/format.js';
import { msg } from '../lib/localize.js';
import { Plot, plotAxis, plotMarker, quietPlot } from '../lib/plot.js';
import { whenSeen } from '../lib/when-seen.js';
import { forwardEquation, forwardMeaning } from './equations/forward.js';
import { chartTable } from './chart-table.js';
import { rangeField } from './fields.js';
import { imageChooser } from './image-chooser.js';
import { TermHighlighter } from './term-highlighter.js';
import { Panel } from './panel.js';
import './pixel-grid.js';
import { scheduleField, zeroSnrField } from './process-settings.js';

/** 2: how an image turns into noise. */
export class ForwardPanel extends Panel {
  static shows = /** @type {const} */ (['forward', 'images', 'run']);

  /** The chart and the schedule that were last drawn. @type {unknown[]} */
  #plotted = [];
  #giveUp = () => {};

  constructor() {
    super();
    new TermHighlighter(this);
  }

  connectedCallback() {
    super.connectedCallback();
    // Its worker costs a second copy of the wasm instance: only whoever gets here pays for it.
    this.#giveUp = whenSeen(this, () => this.session.showForward());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#giveUp();
  }

  render() {
    const { session } = this;
    const { forward } = session;
    const { schedule, noisy, t, size } = forward;
    const { config, training: disabled } = session.run;
    return html`<section class="panel forward" part="panel" aria-labelledby="forward-title">
      <header>
        <span class="number" aria-hidden="true">2</span>
        <h2 id="forward-title">${msg('Into noise')}</h2>
        ${forwardEquation(config)}
      </header>
      <p class="lead">
        ${msg(
          'Noise drowns an image little by little until nothing is left. The model will learn ' +
            'the way back.',
        )}
      </p>
      ${forwardMeaning(config)}
      <div class="forward-body">
        <div class="forward-picture">
          <unnoise-pixels
            .testid=${'forward-canvas'}
            .label=${msg('The image with the noise of t = {0}', t)}
            .tiles=${noisy && { rgb: noisy.x_t, count: 1, size }}
          ></unnoise-pixels>
          ${this.#imageChooser()}
        </div>
        <div class="forward-side">
          ${schedule ? this.#numbers(schedule, t) : nothing}
          <div
            class="plot"
            id="mix-plot"
            role="img"
            aria-label=${msg('Share of image and noise by t')}
          ></div>
          <p class="plot-title">${msg('signal to noise, in decibels')}</p>
          <div
            class="plot"
            id="snr-plot"
            role="img"
            aria-label=${msg('Signal-to-noise ratio by t')}
          ></div>
          ${schedule ? scheduleTable(schedule) : nothing}
          ${
            config
              ? html`<div class="schedule expert">
                  ${scheduleField(session, { testid: 'beta-schedule', disabled })}
                  ${zeroSnrField(session, { testid: 'zero-snr', disabled })}
                </div>`
              : nothing
          }
        </div>
      </div>
      <div class="timeline">
        ${this.#strip()}
        <label class="slider">
          <span class="label"
            >t = <output data-testid="forward-t-value">${integer(t)}</output></span
          >
          ${rangeField({
            label: msg('Timestep t'),
            testid: 'forward-t',
            changes: 't',
            value: t,
            max: forward.timesteps - 1,
            text: `t = ${t}`,
            disabled: !schedule,
            input: (value) => forward.choose({ t: value }),
          })}
        </label>
      </div>
    </section>`;
  }

  #imageChooser() {
    const { forward, imageSet } = this.session;
    return imageChooser({
      prefix: 'forward',
      changes: 'x0',
      index: forward.index,
      length: imageSet.images.length,
      choose: (index) => forward.choose({ index }),
      after: html`<button
        type="button"
        class="icon"
        aria-label=${msg('Other noise')}
        title=${msg('Other noise')}
        data-testid="forward-noise"
        data-changes="eps"
        @click=${() => forward.choose({ seed: forward.seed + 1 })}
      >
        ⟳
      </button>`,
    });
  }

  /**
   * @param {import('../worker/protocol.js').Schedule} schedule
   * @param {number} t
   */
  #numbers(schedule, t) {
    const signal = schedule.sqrt_alphas_cumprod[t];
    const noise = schedule.sqrt_one_minus_alphas_cumprod[t];
    return html`<dl class="numbers">
      <div>
        <dt class="swatch signal">${msg('image')}</dt>
        <dd>${decimal(signal, 3)}</dd>
      </div>
      <div>
        <dt class="swatch noise">${msg('noise')}</dt>
        <dd>${decimal(noise, 3)}</dd>
      </div>
      <div>
        <dt>${msg('signal to noise')}</dt>
        <dd data-testid="snr">${decibels(schedule.snr[t])}</dd>
      </div>
    </dl>`;
  }

  #strip() {
    const { forward } = this.session;
    return html`<div class="strip" role="group" aria-label=${msg('Steps on the way')}>
      ${forward.strip.map(
        ({ t, noisy }, index) =>
          html`<button
            type="button"
            part="button"
            data-testid="forward-strip-${index}"
            aria-label="t = ${t}"
            aria-pressed=${t === forward.t}
            @click=${() => forward.choose({ t })}
          >
            <unnoise-pixels
              .label=${`t = ${t}`}
              .tiles=${{ rgb: noisy.x_t, count: 1, size: forward.size }}
            ></unnoise-pixels>
          </button>`,
      )}
    </div>`;
  }

  updated() {
    const { forward } = this.session;
    const { schedule } = forward;
    const at = () => forward.t;
    const mix = this.plot('mix-plot', (container) => mixPlot(container, at));
    const snr = this.plot('snr-plot', (container) => snrPlot(container, at));
    if (!schedule) return;
    if (this.#plotted[0] === mix && this.#plotted[1] === schedule) {
      mix.redraw();
      snr.redraw();
      return;
    }
    this.#plotted = [mix, schedule];
    const steps = Array.from(schedule.betas, (_, t) => t);
    mix.set([steps, schedule.sqrt_alphas_cumprod, schedule.sqrt_one_minus_alphas_cumprod]);
    // In decibels; a ratio of zero has none, and its floor keeps the rest readable.
    snr.set([steps, Array.from(schedule.snr, (r) => Math.max(-60, 10 * Math.log10(r)))]);
  }
}

/** @param {import('../worker/protocol.js').Schedule} schedule */
const scheduleTable = ({
  sqrt_alphas_cumprod: signal,
  sqrt_one_minus_alphas_cumprod: noise,
  snr,
}) =>
  chartTable(
    msg('Image and noise'),
    ['t', msg('image'), msg('noise'), msg('signal to noise, dB')],
    () => [
      Array.from(signal, (_, t) => t),
      signal,
      noise,
      Array.from(snr, (ratio) => 10 * Math.log10(ratio)),
    ],
  );

/**
 * How much of the image and of the noise is in x_t.
 * @param {HTMLElement} container
 * @param {() => number} at the timestep that is marked
 */
const mixPlot = (container, at) =>
  new Plot(container, 130, (colour) => ({
    ...quietPlot,
    scales: { x: { time: false }, y: { range: [0, 1.02] } },
    axes: [plotAxis(colour, { size: 20, space: 80 }), plotAxis(colour, { size: 34, incrs: [0.5] })],
    series: [
      {},
      { stroke: () => colour('--signal'), width: 2, points: { show: false } },
      { stroke: () => colour('--noise'), width: 2, points: { show: false } },
    ],
    plugins: [plotMarker(colour, at)],
  }));

/**
 * The signal-to-noise ratio.
 * @param {HTMLElement} container
 * @param {() => number} at the timestep that is marked
 */
const snrPlot = (container, at) =>
  new Plot(container, 110, (colour) => ({
    ...quietPlot,
    scales: { x: { time: false } },
    axes: [
      plotAxis(colour, { size: 20, space: 80 }),
      plotAxis(colour, { size: 34, space: 24, values: (_, ticks) => ticks.map(String) }),
    ],
    series: [{}, { stroke: () => colour('--text'), width: 1.5, points: { show: false } }],
    plugins: [plotMarker(colour, at)],
  }));

define('unnoise-forward-panel', ForwardPanel);

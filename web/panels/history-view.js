import { html, nothing } from 'lit';
import { define } from '../lib/define.js';
import { integer, loss, percent } from '../lib/format.js';
import { marked, mixed, msg, translated } from '../lib/localize.js';
import { Plot, plotAxis, plotMarker } from '../lib/plot.js';
import { SCALES } from '../lib/similarity.js';
import { button } from './buttons.js';
import { rangeField } from './fields.js';
import { MeasuredPanel } from './measured-panel.js';
import './pixel-grid.js';
import { readout } from './readout.js';
import { takeAway } from './take-away.js';
import './unlearnt-images.js';

/**
 * @import { Estimate, Similarity } from '../lib/similarity.js'
 * @import { Snapshot } from '../element/preview.js'
 */

/** Off by less than this a contrast is as good as that of the images. */
const SAME = 0.15;

/** What a model draws of the same noise as it learns: now, before, and as a film. */
export class HistoryView extends MeasuredPanel {
  static shows = /** @type {const} */ (['preview', 'diagnostics', 'training', 'run', 'milestones']);

  #plotted = '';

  render() {
    const { film, trainer } = this.session;
    const { snapshot } = film;
    const picture = snapshot?.frame ?? trainer.preview.frame;
    if (!picture) return nothing;
    const { x_t: rgb, count, size } = picture;
    return html`<figure class="history">
      <figcaption>
        ${mixed(
          'The same noise, drawn again and again {0}',
          html`<span class="muted" data-testid="preview-step"
            >${snapshot ? this.#place(snapshot) : msg('first drawing under way')}</span
          >`,
        )}
      </figcaption>
      <div class="history-body">
        <div class="history-picture">
          <unnoise-pixels
            .testid=${'preview-canvas'}
            .label=${msg('Samples of the model in training')}
            .tiles=${{ rgb, count, size }}
          ></unnoise-pixels>
          ${this.#scrubber()}
        </div>
        <div class="history-quality">
          ${this.#quality(snapshot)}
          <unnoise-unlearnt .session=${this.session}></unnoise-unlearnt>
        </div>
      </div>
      <div class="row">
        ${this.#play()}
        <div class="row">
          ${takeAway(this.session, {
            prefix: 'preview-',
            name: `unnoise-training-to-step-${this.session.lab.step}`,
            canvas: () => this.querySelector('[data-testid="preview-canvas"]'),
            frames: trainer.preview.snapshots.map(({ frame }) => ({ ...frame, rgb: frame.x_t })),
          })}
        </div>
      </div>
    </figure>`;
  }

  /**
   * When it was drawn.
   * @param {Snapshot} snapshot
   */
  #place({ step, kept }) {
    const { steps, smoothed } = this.session.trainer.curve;
    const point = steps.findLastIndex((at) => at <= step);
    return [
      msg('after step {0}', integer(step)),
      ...(kept ? [msg('kept with the run')] : []),
      ...(point < 0 ? [] : [msg('loss {0}', loss(smoothed[point]))]),
    ].join(', ');
  }

  #scrubber() {
    const { film, trainer } = this.session;
    const { snapshots } = trainer.preview;
    if (snapshots.length < 2) return nothing;
    return rangeField({
      label: msg('Look back through training'),
      testid: 'preview-scrub',
      value: film.position,
      max: snapshots.length - 1,
      text: film.snapshot ? msg('after step {0}', integer(film.snapshot.step)) : '',
      input: (position) => film.seek(position),
    });
  }

  #play() {
    const { film, trainer } = this.session;
    return button({
      label: film.playing ? msg('Pause the film') : msg('Play the whole run'),
      testid: 'preview-play',
      disabled: trainer.preview.snapshots.length < 2,
      click: () => (film.playing ? film.pause() : film.play()),
    });
  }

  /** @param {Snapshot | undefined} snapshot */
  #quality(snapshot) {
    const { similarity, memorisation } = this.session.diagnostics;
    const measured = similarity.of(snapshot);
    const place = memorisation.steps.indexOf(snapshot?.step ?? -1);
    if (!snapshot || !measured) return nothing;
    const { count } = snapshot.frame;
    const copies =
      place < 0 ? '—' : msg('{0} of {1}', Math.round(memorisation.shares[place] * count), count);
    const charted = this.#charted.length > 1;
    return html`<div class="history-measures" data-testid="quality" data-step=${snapshot.step}>
      <dl class="readouts">
        ${distance(msg('distance, layout'), 'layout', measured.distance.layout)}
        ${distance(msg('distance, edges'), 'edges', measured.distance.edges)}
        ${readout(msg('copies'), 'preview-copies', copies)}
      </dl>
      <div
        class="plot"
        id="similarity-plot"
        role="img"
        aria-label=${msg('Distance of the drawings from the images by training step')}
        ?hidden=${!charted}
      ></div>
      <p class="note" data-testid="contrast">${contrastInWords(measured)}</p>
      <details class="history-about">
        <summary>${msg('What is measured')}</summary>
        <p class="note">
          ${mixed(
            'Distance: the squared maximum mean discrepancy between these {0} drawings and the ' +
              'images, times 1000 (Gretton et al. 2012), of averages of 8 × 8 cells (layout) and ' +
              'of differences between neighbouring pixels (edges). New images of the kind have 0 ' +
              'on average, give or take what is said after ±. Contrast: the mean square, against ' +
              'the images, of the average colour, of what the cells add to it, and of what the ' +
              'pixels add to the cells. It says how strong each is, not whether it is right.',
            count,
          )}
        </p>
      </details>
    </div>`;
  }

  /** The drawings that have been measured. */
  get #charted() {
    const { trainer, diagnostics } = this.session;
    return trainer.preview.snapshots.flatMap((snapshot) => {
      const measured = diagnostics.similarity.of(snapshot);
      return measured ? [{ step: snapshot.step, ...measured.distance }] : [];
    });
  }

  updated() {
    const charted = this.querySelector('#similarity-plot') ? this.#charted : [];
    if (charted.length < 2) return;
    const { film } = this.session;
    const plot = this.plot('similarity-plot', (container) =>
      similarityPlot(container, () => (film.looksBack ? film.snapshot?.step : undefined)),
    );
    const key = `${charted.length} ${charted[0].step} ${film.snapshot?.step}`;
    if (key === this.#plotted) return;
    this.#plotted = key;
    plot.set([
      charted.map(({ step }) => step),
      charted.map(({ layout }) => layout.value),
      charted.map(({ edges }) => edges.value),
    ]);
  }
}

/** @param {HTMLElement} container @param {() => number | undefined} marked */
const similarityPlot = (container, marked) =>
  new Plot(container, 120, (colour) => ({
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { time: false },
      y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high) * 1.05] },
    },
    axes: [plotAxis(colour, { size: 22, space: 80 }), plotAxis(colour, { size: 44, space: 24 })],
    series: [
      {},
      { stroke: () => colour('--signal'), width: 2, points: { show: false } },
      { stroke: () => colour('--noise'), width: 2, points: { show: false } },
    ],
    plugins: [plotMarker(colour, marked)],
  }));

/**
 * @param {string} label
 * @param {'layout' | 'edges'} view
 * @param {Estimate} estimate
 */
const distance = (label, view, { value, error }) =>
  html`<div>
    <dt class="swatch ${view === 'edges' ? 'noise' : ''}">${label}</dt>
    <dd data-testid="distance-${view}">
      ${Math.round(value)}${error === undefined ? nothing : html` <small>± ${Math.round(error)}</small>`}
    </dd>
  </div>`;

/**
 * What of the drawings is as strong as in the images.
 * @param {Similarity} similarity
 */
function contrastInWords({ contrast }) {
  const said = SCALES.flatMap((scale) => {
    const estimate = contrast[scale];
    return estimate ? [`${translated(NAMES[scale])} ${strength(estimate)}`] : [];
  });
  return msg('Contrast of the drawings: {0}.', said.join('; '));
}

const NAMES = {
  colours: marked('colours'),
  layout: marked('layout'),
  detail: marked('detail'),
};

/** @param {Estimate} estimate */
function strength({ value, error = 0 }) {
  const share = value < 10 ? percent(value) : msg('{0} times', Math.round(value));
  if (Math.abs(value - 1) <= Math.max(SAME, 2 * error)) return msg('as in the images ({0})', share);
  return value < 1
    ? msg('weaker than in the images ({0})', share)
    : msg('stronger than in the images ({0})', share);
}

define('unnoise-history', HistoryView);

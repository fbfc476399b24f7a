import { html, nothing } from 'lit';
import { decodeImage } from '../lib/decode-images.js';
import { learnsCrops } from '../lib/config.js';
import { define } from '../lib/define.js';
import { bits, integer, percent } from '../lib/format.js';
import { mixed, msg } from '../lib/localize.js';
import { boundEquation, boundMeaning, copyRatio, optimalLossEquation } from './equations/bound.js';
import { fileField } from './fields.js';
import { imageChooser } from './image-chooser.js';
import './image-thumb.js';
import { DiagnosticsPlots } from './diagnostics-plots.js';
import { bitsTable, boundTable, copiesTable, lossTable } from './diagnostics-tables.js';
import { MeasuredPanel } from './measured-panel.js';
import { readout } from './readout.js';
import { TermHighlighter } from './term-highlighter.js';

/** How well the model knows the images, measured while it trains. */
export class DiagnosticsPanel extends MeasuredPanel {
  static shows = /** @type {const} */ (['diagnostics', 'images', 'run', 'status']);

  #plots = new DiagnosticsPlots(this);

  constructor() {
    super();
    new TermHighlighter(this);
  }

  render() {
    const { config } = this.session.lab;
    const { diagnostics } = this.session;
    const { bound, optimalLoss, memorisation } = diagnostics;
    const noLosses = optimalLoss.t.length + bound.parts.length === 0;
    const crops = learnsCrops(config);
    const noCopies = memorisation.steps.length === 0;
    return html`<section class="panel diagnostics" part="panel" aria-labelledby="diagnostics-title">
      <header>
        <h2 id="diagnostics-title">${msg('What it has learnt')}</h2>
        ${boundEquation}
      </header>
      <p class="lead">
        ${msg(
          'A model that knows images of a kind can store one in few bits. One that knows them ' +
            'too well only draws copies.',
        )}
      </p>
      ${boundMeaning}
      <div class="diagnostics-body">
        <figure>
          <figcaption>
            ${mixed('Bits per dimension of one image {0}', html`<span class="muted">${this.#estimate()}</span>`)}
          </figcaption>
          ${this.#subject()} ${this.#terms()}
          ${chart('bound-plot', msg('Bits per dimension by training step'), bound.history.length < 2)}
          ${
            bound.history.length < 2
              ? html`<p class="note">${msg('The curve grows while the model trains.')}</p>`
              : boundTable(diagnostics)
          }
        </figure>
        <figure>
          <figcaption>
            ${mixed('Bits at each t {0}', html`<span class="muted">${msg('where an image costs the most')}</span>`)}
          </figcaption>
          ${chart('vb-plot', msg('Bits per dimension by timestep'), bound.parts.length === 0)}
          ${bound.parts.length ? bitsTable(diagnostics) : nothing}
          <figcaption>
            ${mixed(
              'Loss at each t {0}',
              html`<span class="muted"
                ><span class="swatch loss">${msg('this image')}</span> ${
                  crops
                    ? nothing
                    : html`<span class="swatch optimal"
                        >${msg('least possible, all images, estimated')}</span
                      >`
                }</span
              >`,
            )}
          </figcaption>
          ${
            crops
              ? html`<p class="note">
                  ${msg(
                    'The image is the middle of the picture. The least possible loss, copies and the ' +
                      'nearest image are not known of crops: there are thousands, most alike but for a ' +
                      'shift.',
                  )}
                </p>`
              : optimalLossEquation(config)
          }
          ${chart('optimal-loss-plot', msg('Loss by timestep'), noLosses)}
          ${noLosses ? nothing : lossTable(diagnostics)}
          <figcaption ?hidden=${noCopies}>
            ${msg('Copies among the drawings of training')}
            <output data-testid="copies">${percent(memorisation.shares.at(-1))}</output>
          </figcaption>
          ${noCopies ? nothing : copyRatio}
          ${chart('copies-plot', msg('Share of copies by training step'), noCopies)}
          ${noCopies ? nothing : copiesTable(diagnostics)}
        </figure>
      </div>
    </section>`;
  }

  #estimate() {
    const { lab } = this.session;
    const { step, timesteps } = this.session.diagnostics.bound;
    const all = lab.config.scheduler?.num_train_timesteps ?? 0;
    const from = msg('estimated from {0} of {1} timesteps', Math.min(timesteps, all), integer(all));
    return step === undefined ? from : `${from}, ${msg('after step {0}', integer(step))}`;
  }

  #subject() {
    const { lab, diagnostics, phase } = this.session;
    const { image } = diagnostics.bound;
    const subject = diagnostics.bound.subject(lab);
    const { length } = lab.images;
    return imageChooser({
      prefix: 'bound',
      changes: 'x0',
      index: typeof image === 'number' ? image : undefined,
      length,
      name: subject ? msg('not in training') : msg('no image'),
      choose: (index) => diagnostics.chooseImage(index),
      before: subject ? html`<unnoise-thumb .image=${subject}></unnoise-thumb>` : nothing,
      after: fileField({
        label: msg('Another picture'),
        testid: 'bound-file',
        accept: 'image/*',
        disabled: phase !== 'ready' || length === 0,
        change: ([file]) => this.#measureFile(file),
      }),
    });
  }

  /** @param {File} file */
  async #measureFile(file) {
    const { session } = this;
    try {
      session.diagnostics.chooseImage((await decodeImage(file)).image);
    } catch (error) {
      session.fail(error, 'diagnostics');
    }
  }

  #terms() {
    const { latest } = this.session.diagnostics.bound;
    return html`<dl class="readouts terms">
      ${readout('total_bpd', 'total-bpd', bits(latest?.total_bpd))}
      ${readout(msg('decoder, vb[0]'), 'decoder-bpd', bits(latest?.decoder_bpd), 'decoder')}
      ${readout(msg('steps, Σ vb[t]'), 'kl-bpd', bits(latest?.kl_bpd), 'kl')}
      ${readout('prior_bpd', 'prior-bpd', bits(latest?.prior_bpd), 'prior')}
    </dl>`;
  }

  updated() {
    this.#plots.draw(this.session.diagnostics);
  }
}

/**
 * @param {string} id
 * @param {string} label
 * @param {boolean} hidden
 */
const chart = (id, label, hidden) =>
  html`<div class="plot" id=${id} role="img" aria-label=${label} ?hidden=${hidden}></div>`;

define('unnoise-diagnostics-panel', DiagnosticsPanel);

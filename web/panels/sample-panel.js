import { html, nothing } from 'lit';
import { define } from '../lib/define.js';
import { msg } from '../lib/localize.js';
import { where } from './equations/symbols.js';
import { updateEquation, updateMeaning } from './equations/update.js';
import './compare-panel.js';
import { comparisonChoice } from './compare-panel.js';
import { segmentedField } from './fields.js';
import { idealSwitch } from './ideal-switch.js';
import { labelFields } from './label-fields.js';
import { TermHighlighter } from './term-highlighter.js';
import './nearest-view.js';
import { Panel } from './panel.js';
import './pixel-grid.js';
import { takeAway } from './take-away.js';
import { button, runButton } from './buttons.js';
import './favourites-tray.js';
import {
  moreSamplerFields,
  newSeed,
  samplerField,
  samplerFields,
  countAndSeedFields,
  weightsField,
  stepsField,
} from './sample-controls.js';
import { playbackControls } from './playback-controls.js';

/** 4: noise into new images. */
export class SamplePanel extends Panel {
  static shows = /** @type {const} */ (['samples', 'sampling', 'images', 'run', 'status']);

  static properties = {
    ...Panel.properties,
    /** Whether to show the picture alone, without controls. */
    bare: { type: Boolean },
  };

  constructor() {
    super();
    new TermHighlighter(this);
    this.bare = false;
  }

  render() {
    if (this.bare)
      return html`<section class="panel sample bare" part="panel">${this.#results()}</section>`;
    const { sampleOptions, lab, comparison } = this.session;
    const runs = comparison.shown ? comparison.options : [sampleOptions];
    const samplers = new Map(runs.map((options) => [options.sampler, options]));
    const updates = [...samplers.values()].map((options) => updateEquation(options, lab.config));
    return html`<section class="panel sample" part="panel" aria-labelledby="sample-title">
      <header>
        <span class="number" aria-hidden="true">4</span>
        <h2 id="sample-title">${msg('Out of noise')}</h2>
        ${comparison.shown ? nothing : updates}
      </header>
      <p class="lead">
        ${msg(
          'Start from pure noise and take the guess out of it, a little at a time: what ' +
            'remains is an image that nobody drew.',
        )}
      </p>
      ${comparison.shown ? where(...updates) : nothing}
      ${updateMeaning([...samplers.values()], lab.config)}
      <div class="split">
        <div class="controls">${this.#controls()}</div>
        <div class="results">${this.#results()}</div>
      </div>
    </section>`;
  }

  #results() {
    const { session } = this;
    return session.comparison.shown
      ? html`<unnoise-compare-panel .session=${session}></unnoise-compare-panel>`
      : this.#pictures();
  }

  #controls() {
    const { session } = this;
    const { comparison } = session;
    const runs = comparison.shown ? comparison.options : [session.sampleOptions];
    return html`${this.#buttons()}
      ${
        !session.run.canContinue && session.sampleOptions.weights !== 'ideal'
          ? html`<p class="note">
              ${msg('This model has not learnt anything yet: it can only turn noise into noise.')}
            </p>`
          : nothing
      }
      <div class="expert">
        ${segmentedField({
          label: msg('Show'),
          name: 'sample-mode',
          value: comparison.shown ? 'compare' : 'one',
          options: [
            ['one', msg('one sampler')],
            ['compare', msg('side by side')],
          ],
          change: (mode) => comparison.show(mode === 'compare'),
        })}
        ${comparison.shown ? comparisonChoice(session) : samplerField(session)}
      </div>
      <div class="fields">
        ${labelFields(session)}
        <div class="expert">${comparison.shown ? nothing : stepsField(session)}</div>
        ${countAndSeedFields(session)}
        <div class="expert">${weightsField(session)} ${samplerFields(session, runs)}</div>
      </div>
      <div class="expert">${idealSwitch(session)} ${moreSamplerFields(session, runs)}</div>`;
  }

  #buttons() {
    const { session } = this;
    const ready = session.phase === 'ready' && !session.activity;
    const { shown } = session.comparison;
    const { sampling } = shown ? session.comparison : session.samples;
    return html`<div class="row">
      ${runButton({
        running: sampling,
        start: {
          label: msg('Sample'),
          testid: 'sample',
          disabled: !ready,
          click: () => session.draw(),
        },
        stop: { label: msg('Stop'), testid: 'sample-stop', click: () => session.stopDrawing() },
      })}
      ${button({
        label: msg('New noise'),
        testid: 'sample-new',
        disabled: !ready,
        click: () => {
          newSeed(session);
          session.draw();
        },
      })}
    </div>`;
  }

  #pictures() {
    const { samples, lab } = this.session;
    const { frame } = samples;
    const size = frame?.size ?? lab.config.size;
    const count = frame?.count ?? this.session.sampleOptions.count;
    const current = frame && { rgb: frame.x_t, count, size };
    // Before the first guess there is nothing but the noise itself.
    const guess = frame && { rgb: frame.pred_x0 ?? frame.x_t, count, size };
    return html`<div class="pictures">
        <figure>
          <unnoise-pixels
            .testid=${'sample-canvas'}
            .label=${msg('Samples on their way from noise to images')}
            .tiles=${current}
            .picks=${this.bare || !samples.finished ? undefined : PICKS}
            @pick=${(/** @type {CustomEvent} */ { detail }) =>
              this.session.selectedSample.openSample(detail)}
          ></unnoise-pixels>
          <figcaption>
            x<sub>t</sub>
            <span class="muted"
              >${this.bare || !samples.finished ? msg('what is there') : msg('what is there; choose one to look at it closely')}</span
            >
          </figcaption>
        </figure>
        ${
          this.bare
            ? nothing
            : html`<figure>
                <unnoise-pixels
                  .testid=${'pred-canvas'}
                  .label=${msg('The guess at the finished images')}
                  .tiles=${guess}
                ></unnoise-pixels>
                <figcaption>
                  x̂<sub>0</sub>
                  <span class="muted"
                    >${samples.options?.weights === 'ideal' ? msg('what the ideal denoiser takes it for') : msg('what the network takes it for')}</span
                  >
                </figcaption>
              </figure>`
        }
      </div>
      ${this.#playback()}
      ${
        this.bare
          ? nothing
          : html`<unnoise-favourites .session=${this.session}></unnoise-favourites>
              <unnoise-nearest .session=${this.session}></unnoise-nearest>`
      }`;
  }

  #playback() {
    const { samples } = this.session;
    const { position, total, playing, frame, frames } = samples;
    const step = frame?.index ?? 0;
    return playbackControls({
      playing,
      position,
      max: Math.max(0, frames.length - 1),
      text: msg('step {0} of {1}', step, total),
      prefix: '',
      changes: 't',
      disabled: this.session.phase !== 'ready',
      place: html`<span class="tick" data-testid="sample-step"
        >${step} / ${total}<span class="muted"> t = ${frame?.t ?? '—'}</span></span
      >`,
      actions: this.bare ? nothing : this.#takeAway(),
      toggle: () => this.#playOrPause(),
      seek: (value) => {
        samples.pause();
        samples.seek(value);
      },
    });
  }

  #playOrPause() {
    const { samples } = this.session;
    if (samples.playing) samples.pause();
    else if (samples.frames.length > 1) samples.play();
    else this.session.sample({ play: true });
  }

  #takeAway() {
    const { samples, sampleOptions } = this.session;
    return takeAway(this.session, {
      prefix: 'save-',
      name: `unnoise-seed-${samples.options?.seed ?? sampleOptions.seed}`,
      canvas: () => this.querySelector('[data-testid="sample-canvas"]'),
      frames: samples.frames.map(({ x_t: rgb, count, size }) => ({ rgb, count, size })),
    });
  }

  updated() {
    const { samples } = this.session;
    const canvas = /** @type {HTMLElement | null} */ (
      this.querySelector('[data-testid="sample-canvas"]')
    );
    if (!canvas) return;
    canvas.dataset.frames = String(samples.frames.length);
    canvas.dataset.frame = String(samples.position);
    canvas.dataset.total = String(samples.total);
    canvas.dataset.state = samples.sampling ? 'sampling' : samples.frames.length ? 'done' : 'empty';
  }
}

/** Of the buttons that the samples are. */
const PICKS = {
  testid: 'tile',
  label: (/** @type {number} */ place) => msg('Look at sample {0} closely', place + 1),
};

define('unnoise-sample-panel', SamplePanel);

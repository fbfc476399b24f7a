import { html, nothing } from 'lit';
import { learnsCrops } from '../lib/config.js';
import { define } from '../lib/define.js';
import { ratio } from '../lib/format.js';
import { mixed, msg } from '../lib/localize.js';
import { button } from './buttons.js';
import { rangeField } from './fields.js';
import './image-thumb.js';
import { Panel } from './panel.js';
import './pixel-grid.js';
import { playbackControls } from './playback-controls.js';
import { sendButtons } from './send-sample.js';
import { takeAway } from './take-away.js';

/** @import { Frame } from '../worker/protocol.js' */

/** One sample, closely: its way out of the noise, and what to make of it. */
export class SampleDialog extends Panel {
  static shows = /** @type {const} */ (['selectedSample', 'favourites', 'run', 'status', 'images']);

  render() {
    const { selectedSample } = this.session;
    return html`<dialog
      class="embed touch"
      aria-labelledby="touch-title"
      @close=${() => selectedSample.close()}
      @click=${(/** @type {MouseEvent} */ { target }) => {
        if (target instanceof HTMLDialogElement) target.close();
      }}
    >
      ${selectedSample.subject ? this.#content(selectedSample.subject) : nothing}
    </dialog>`;
  }

  /** @param {import('../element/selected-sample.js').Subject} subject */
  #content(subject) {
    return html`<div class="touch-body">
      <header>
        <h2 id="touch-title">${msg('One sample')}</h2>
        <button
          type="button"
          class="icon"
          aria-label=${msg('Close')}
          data-testid="touch-close"
          @click=${() => this.#dialog?.close()}
        >
          ×
        </button>
      </header>
      ${this.#views(subject)} ${this.#playback()} ${this.#actions(subject)} ${this.#around()}
    </div>`;
  }

  get #dialog() {
    return this.querySelector('dialog');
  }

  /** @param {import('../element/selected-sample.js').Subject} subject */
  #views({ rgb, size }) {
    const { selectedSample, lab, samples } = this.session;
    const { frame } = selectedSample.recording;
    const at = frame ?? { x_t: rgb, pred_x0: null, eps: null, size };
    const { by } = selectedSample.recording;
    const learnt =
      selectedSample.tile !== undefined && samples.by && by && samples.by.step !== by.step;
    return html`<div class="touch-views" data-testid="touch-views" data-step=${frame?.index ?? ''}>
        ${view('touch-x', html`x<sub>t</sub>`, msg('what is there'), at.x_t, at.size)}
        ${view('touch-x0', html`x̂<sub>0</sub>`, msg('what the network takes it for'), at.pred_x0, at.size)}
        ${view('touch-eps', html`ε̂`, msg('the rest: the noise in it'), at.eps, at.size)}
        ${this.#nearest()}
      </div>
      ${
        learnt
          ? html`<p class="note">
              ${mixed('Drawn by the model of step {0}, which has learnt on since the samples were drawn.', lab.step)}
            </p>`
          : nothing
      }`;
  }

  #nearest() {
    if (learnsCrops(this.session.lab.config)) return nothing;
    const { nearest } = this.session.selectedSample;
    const image = nearest && this.session.lab.images[nearest.index];
    return html`<figure>
      <div class="touch-picture">
        ${
          image
            ? html`<unnoise-thumb
                .image=${image}
                class=${nearest.mirrored ? 'mirrored' : ''}
              ></unnoise-thumb>`
            : nothing
        }
      </div>
      <figcaption data-testid="touch-nearest">
        ${
          image
            ? html`${msg('image {0}', nearest.index + 1)}
                <span class="muted"
                  >${
                    nearest.ratio === null
                      ? msg('nearest to the guess')
                      : msg(
                          'nearest to the guess, {0} of the distance of the second',
                          ratio(nearest.ratio),
                        )
                  }</span
                >
                ${nearest.copy ? html`<b class="badge">${msg('copy')}</b>` : nothing}`
            : html`<span class="muted">${msg('the nearest training image')}</span>`
        }
      </figcaption>
    </figure>`;
  }

  #playback() {
    const { recording } = this.session.selectedSample;
    const { playing, position, total, frames, frame } = recording;
    const step = frame?.index ?? 0;
    return playbackControls({
      playing,
      position,
      max: Math.max(0, frames.length - 1),
      text: msg('step {0} of {1}', step, total),
      prefix: 'touch-',
      disabled: frames.length < 2,
      place: html`<span class="tick" data-testid="touch-step"
        >${step} / ${total}<span class="muted"> t = ${frame?.t ?? '—'}</span></span
      >`,
      toggle: () => (playing ? recording.pause() : recording.play()),
      seek: (place) => {
        recording.pause();
        recording.seek(place);
      },
    });
  }

  /** @param {import('../element/selected-sample.js').Subject} subject */
  #actions(subject) {
    const { session } = this;
    const { selectedSample, favourites } = session;
    const kept = favourites.find(subject);
    const busy = selectedSample.recording.sampling;
    const frames = selectedSample.recording.frames.map(({ x_t: rgb, count, size }) => ({
      rgb,
      count,
      size,
    }));
    return html`<div class="row">
        ${button({
          label: msg('Reroll this one'),
          testid: 'touch-reroll',
          disabled: busy || session.phase !== 'ready',
          click: () => selectedSample.reroll(),
        })}
        ${button({
          label: kept ? msg('Kept') : msg('Keep'),
          testid: 'touch-keep',
          pressed: !!kept,
          disabled: busy,
          click: () => (kept ? favourites.remove(kept.id) : favourites.add(subject)),
        })}
        ${takeAway(session, {
          prefix: 'touch-',
          name: 'unnoise-sample',
          canvas: () => this.querySelector('[data-testid="touch-x"]'),
          frames,
        })}
      </div>
      <div class="row" role="group" aria-label=${msg('More from this sample')}>
        ${sendButtons(session, subject, { prefix: 'touch-', sent: () => this.#dialog?.close() })}
      </div>`;
  }

  #around() {
    const { session } = this;
    const { selectedSample } = session;
    const { strength, around, varying, subject } = selectedSample;
    return html`<section class="touch-around" aria-labelledby="touch-around-title">
      <h3 id="touch-around-title">${msg('Around it')}</h3>
      <p class="note">
        ${msg('Eight samples from noise close by: choose one to go there, and look around again.')}
      </p>
      <label class="field">
        <span class="label"
          >${mixed('How far, as a share of the way to other noise: {0}', strength)}</span
        >
        ${rangeField({
          label: msg('How far around'),
          testid: 'touch-strength',
          value: strength,
          min: 0.05,
          max: 1,
          step: 0.05,
          input: (value) => selectedSample.setStrength(value),
        })}
      </label>
      <div class="row">
        ${button({
          label: msg('Vary'),
          testid: 'touch-vary',
          disabled: varying || selectedSample.recording.sampling || session.phase !== 'ready',
          click: () => selectedSample.vary(),
        })}
      </div>
      ${
        around && subject
          ? html`<unnoise-pixels
              class="touch-neighbours"
              data-state=${varying ? 'varying' : 'done'}
              .testid=${'touch-around'}
              .label=${msg('Samples around this one')}
              .tiles=${{ rgb: around.frame.x_t, count: around.subjects.length, size: around.frame.size, columns: 4 }}
              .picks=${
                varying
                  ? undefined
                  : {
                      testid: 'neighbour',
                      label: (/** @type {number} */ place) => msg('Go to neighbour {0}', place + 1),
                    }
              }
              @pick=${(/** @type {CustomEvent} */ { detail }) => selectedSample.choose(detail)}
            ></unnoise-pixels>`
          : nothing
      }
    </section>`;
  }

  updated() {
    const dialog = this.#dialog;
    const { subject } = this.session.selectedSample;
    if (subject && !dialog?.open) dialog?.showModal();
    if (!subject && dialog?.open) dialog.close();
  }
}

/**
 * @param {string} testid
 * @param {unknown} symbol
 * @param {string} meaning
 * @param {Frame['eps']} rgb nothing where there is none at this step
 * @param {number} size
 */
const view = (testid, symbol, meaning, rgb, size) =>
  html`<figure>
    <div class="touch-picture">
      ${
        rgb
          ? html`<unnoise-pixels
              .testid=${testid}
              .label=${meaning}
              .tiles=${{ rgb, count: 1, size }}
            ></unnoise-pixels>`
          : nothing
      }
    </div>
    <figcaption>${symbol} <span class="muted">${meaning}</span></figcaption>
  </figure>`;

define('unnoise-sample-dialog', SampleDialog);

import { html, nothing } from 'lit';
import { define } from '../lib/define.js';
import { integer, since } from '../lib/format.js';
import { msg } from '../lib/localize.js';
import { Panel } from './panel.js';
import './pixel-grid.js';

/** How long something was drawn just now, in milliseconds. */
const JUST_NOW_MS = 60_000;

/** How far a frame is on its way. @param {{ index: number, total: number }} frame */
const percent = ({ index, total }) => (index / Math.max(1, total)) * 100;

/**
 * The stage: what the model can do right now, noise turning into images. Until it can, a recording
 * of the same.
 */
export class Stage extends Panel {
  static shows = /** @type {const} */ ([
    'bundledRecording',
    'samples',
    'sampling',
    'preview',
    'training',
    'run',
    'status',
  ]);

  #ageing = 0;

  connectedCallback() {
    super.connectedCallback();
    // What is said of its age changes without anything else.
    this.#ageing = window.setInterval(() => this.requestUpdate(), JUST_NOW_MS / 2);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.#ageing);
  }

  render() {
    const { samples, run, trainer, bundledRecording, activity } = this.session;
    const live = (run.training && trainer.preview.frame) || samples.frame;
    const frame = bundledRecording.frame ?? live;
    return html`<figure class="stage" part="stage">
      <unnoise-pixels
        .testid=${'stage-canvas'}
        .label=${msg('New images on their way out of noise')}
        .tiles=${frame && { rgb: frame.x_t, count: frame.count, size: frame.size }}
      ></unnoise-pixels>
      <figcaption
        data-testid="stage-caption"
        data-source=${bundledRecording.frame ? 'recording' : frame ? 'model' : nothing}
      >
        <span class="bar"
          >${frame && html`<span .style=${`width: ${percent(frame)}%`}></span>`}</span
        >
        ${
          frame
            ? html`<span
                >${bundledRecording.frame ? msg('Recorded earlier') : this.#origin()}
                <span class="muted">${bundledRecording.frame ? activity : this.#detail()}</span>
                ${this.#pause()}</span
              >`
            : html`<span class="muted">${activity || msg('What it will learn from')}</span>`
        }
      </figcaption>
    </figure>`;
  }

  /** Whatever moves by itself can be stopped; drawings of a training run are over soon enough. */
  #pause() {
    const { bundledRecording, samples, run, trainer } = this.session;
    if (!bundledRecording.frame && run.training && trainer.preview.frame) return nothing;
    const recording = bundledRecording.frame ? bundledRecording : samples;
    return html`<button
      type="button"
      class="icon"
      data-testid="stage-play"
      aria-label=${recording.playing ? msg('Pause the animation') : msg('Play the animation')}
      @click=${() => (recording.playing ? recording.pause() : recording.play())}
    >
      ${recording.playing ? '❚❚' : '▶'}
    </button>`;
  }

  /** The preview that is shown, if one is. */
  get #preview() {
    const { run, trainer } = this.session;
    return run.training && trainer.preview.frame ? trainer.preview : undefined;
  }

  /** Where what is shown was drawn, and when, in words. */
  #origin() {
    const { step, kept } = this.#preview?.origin ?? {};
    if (step !== undefined) return kept ? msg('Kept with the run') : msg('Your model in training');
    const { drawnAt } = this.session.samples;
    const age = Date.now() - drawnAt;
    return msg('Drawn in this tab, {0}', age < JUST_NOW_MS ? msg('just now') : since(drawnAt));
  }

  /** By which model, and how far on its way out of the noise. */
  #detail() {
    const { samples } = this.session;
    const preview = this.#preview;
    const { t } = preview?.frame ?? samples.frame ?? {};
    const by = preview ? msg('step {0}', integer(preview.origin.step)) : modelName(samples.by);
    return html`${by}<span class="wide">, t = ${t}</span>`;
  }
}

/**
 * A model in few words.
 * @param {import('../element/recording.js').Model | undefined} model
 */
function modelName({ state, step } = { state: 'untrained', step: 0 }) {
  if (state === 'bundled') return msg('bundled model');
  if (state === 'file') return msg('loaded model');
  return step > 0 ? msg('step {0}', integer(step)) : msg('untrained model');
}

define('unnoise-stage', Stage);

import { html, nothing } from 'lit';
import { define } from '../lib/define.js';
import { integer } from '../lib/format.js';
import { Panel } from './panel.js';
import './pixel-grid.js';

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

  render() {
    const { samples, run, trainer, bundledRecording, activity } = this.session;
    const live = (run.training && trainer.preview.frame) || samples.frame;
    const frame = bundledRecording.frame ?? live;
    return html`<figure class="stage" part="stage">
      <unnoise-pixels
        .testid=${'stage-canvas'}
        .label=${'New images on their way out of noise'}
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
                >${bundledRecording.frame ? 'Recorded earlier' : this.#origin()}
                <span class="muted">${bundledRecording.frame ? activity : `t = ${live?.t}`}</span>
                ${this.#pause()}</span
              >`
            : html`<span class="muted">${activity || 'What it will learn from'}</span>`
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
      aria-label="${recording.playing ? 'Pause' : 'Play'} the animation"
      @click=${() => (recording.playing ? recording.pause() : recording.play())}
    >
      ${recording.playing ? '❚❚' : '▶'}
    </button>`;
  }

  /** Who drew what is shown, in words. */
  #origin() {
    const { run, trainer, samples, lab } = this.session;
    if (run.training && trainer.preview.frame) return `Your model at step ${integer(lab.step)}`;
    const { state, step = 0 } = samples.by ?? {};
    if (state === 'bundled' || step === 0) return 'Drawn in this tab, just now';
    return `Drawn by the model of step ${integer(step)}`;
  }
}

define('unnoise-stage', Stage);

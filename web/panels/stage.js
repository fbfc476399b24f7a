import { html, nothing } from 'lit';
import { integer } from '../lib/format.js';
import { Panel } from './panel.js';
import './pixel-grid.js';

/**
 * The hero: what the model can do right now, noise turning into images. Until it can, a recording of
 * the same.
 */
export class Stage extends Panel {
  static shows = /** @type {const} */ ([
    'recording',
    'samples',
    'sampling',
    'preview',
    'training',
    'run',
    'status',
  ]);

  render() {
    const { player, run, trainer, film, activity } = this.session;
    const live = (run.training && trainer.preview.frame) || player.frame;
    const frame = film.frame ?? live;
    return html`<figure class="stage" part="stage">
      <unnoise-pixels
        .testid=${'hero-canvas'}
        .label=${'New images on their way out of noise'}
        .tiles=${frame && { rgb: frame.x_t, count: frame.count, size: frame.size }}
      ></unnoise-pixels>
      <figcaption
        data-testid="hero-caption"
        data-source=${film.frame ? 'recording' : frame ? 'model' : nothing}
      >
        <span class="bar"
          >${
            frame &&
            html`<span style="width: ${(frame.index / Math.max(1, frame.total)) * 100}%"></span>`
          }</span
        >
        ${
          frame
            ? html`<span
                >${film.frame ? 'Recorded earlier' : this.#origin()}
                <span class="muted">${film.frame ? activity : `t = ${live?.t}`}</span>
                ${this.#pause()}</span
              >`
            : html`<span class="muted">${activity || 'What it will learn from'}</span>`
        }
      </figcaption>
    </figure>`;
  }

  /** Whatever moves by itself can be stopped; drawings of a training run are over soon enough. */
  #pause() {
    const { film, player, run, trainer } = this.session;
    if (!film.frame && run.training && trainer.preview.frame) return nothing;
    const reel = film.frame ? film : player;
    return html`<button
      type="button"
      class="icon"
      data-testid="hero-play"
      aria-label="${reel.playing ? 'Pause' : 'Play'} the animation"
      @click=${() => (reel.playing ? reel.pause() : reel.play())}
    >
      ${reel.playing ? '❚❚' : '▶'}
    </button>`;
  }

  /** Who drew what is shown, in words. */
  #origin() {
    const { run, trainer, player, lab } = this.session;
    if (run.training && trainer.preview.frame) return `Your model at step ${integer(lab.step)}`;
    const { state, step = 0 } = player.by ?? {};
    if (state === 'bundled' || step === 0) return 'Drawn in this tab, just now';
    return `Drawn by the model of step ${integer(step)}`;
  }
}

customElements.define('unnoise-stage', Stage);

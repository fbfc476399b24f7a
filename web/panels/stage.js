import { html } from 'lit';
import { integer } from '../lib/format.js';
import { Panel } from './panel.js';
import './pixel-grid.js';

/** The hero: what the model can do right now, noise turning into images. */
export class Stage extends Panel {
  sources() {
    return /** @type {[EventTarget, string][]} */ ([
      ...super.sources(),
      [this.session.player, 'frame'],
      [this.session.trainer.preview, 'frame'],
    ]);
  }

  render() {
    const { player, trainer, origin, lab } = this.session;
    const live = trainer.running && trainer.preview.frame;
    const frame = live || player.frame;
    return html`<figure class="stage" part="stage">
      <unnoise-pixels
        .testid=${'hero-canvas'}
        .label=${'New images on their way out of noise'}
        .tiles=${frame && { rgb: frame.x_t, count: frame.count, size: frame.size }}
      ></unnoise-pixels>
      <figcaption>
        ${
          frame
            ? html`<span class="bar"
                  ><span style="width: ${(frame.index / Math.max(1, frame.total)) * 100}%"></span
                ></span>
                <span
                  >${
                    live
                      ? `Your model at step ${integer(lab.step)}`
                      : origin === 'bundled' || lab.step === 0
                        ? 'Drawn in this tab, just now'
                        : `Drawn by the model of step ${integer(lab.step)}`
                  } <span class="muted">t = ${frame.t}</span></span
                >`
            : html`<span class="bar"></span>
                <span class="muted">${this.session.activity || 'What it will learn from'}</span>`
        }
      </figcaption>
    </figure>`;
  }
}

customElements.define('unnoise-stage', Stage);

import { html, nothing } from 'lit';
import { canvasToPng, download } from '../lib/canvas.js';
import { updateEquation } from './equations.js';
import { idealSwitch } from './ideal-switch.js';
import './nearest-view.js';
import { numberField, rangeField, segmentedField, selectField } from './fields.js';
import { Panel } from './panel.js';
import './pixel-grid.js';

const MAX_SEED = 0xffffffff;
const COUNTS = /** @type {[string, string][]} */ (
  ['1', '4', '8', '16', '32', '64'].map((count) => [count, count])
);

/** 4: noise into new images. */
export class SamplePanel extends Panel {
  static properties = {
    ...Panel.properties,
    /** Whether to show the picture alone, without controls. */
    bare: { type: Boolean },
  };

  constructor() {
    super();
    this.bare = false;
  }

  sources() {
    return /** @type {[EventTarget, string][]} */ ([
      ...super.sources(),
      [this.session.player, 'frame'],
    ]);
  }

  render() {
    if (this.bare)
      return html`<section class="panel sample bare" part="panel">${this.#pictures()}</section>`;
    const { sampleOptions } = this.session;
    return html`<section class="panel sample" part="panel" aria-labelledby="sample-title">
      <header>
        <span class="number" aria-hidden="true">4</span>
        <h2 id="sample-title">Out of noise</h2>
        ${updateEquation(sampleOptions.sampler)}
      </header>
      <p class="lead">
        Start from pure noise and take the guess out of it, a little at a time: what remains is an
        image that nobody drew.
      </p>
      <div class="split">
        <div class="controls">${this.#controls()}</div>
        <div class="results">${this.#pictures()}</div>
      </div>
    </section>`;
  }

  #controls() {
    const { session } = this;
    const { sampleOptions: options, player } = session;
    const ready = session.phase === 'ready' && !session.activity;
    const deterministic = options.sampler === 'ddim';
    return html`<div class="row">
        ${
          player.sampling
            ? html`<button
                type="button"
                class="primary"
                data-testid="sample-stop"
                @click=${() => player.stop()}
              >
                Stop
              </button>`
            : html`<button
                type="button"
                class="primary"
                data-testid="sample"
                ?disabled=${!ready}
                @click=${() => session.sample()}
              >
                Sample
              </button>`
        }
        <button
          type="button"
          data-testid="sample-new"
          ?disabled=${!ready}
          title="Another seed, other images"
          @click=${() => this.#another()}
        >
          New noise
        </button>
      </div>
      ${
        !session.canContinue && options.weights !== 'ideal'
          ? html`<p class="note">
              This model has not learnt anything yet: it can only turn noise into noise.
            </p>`
          : nothing
      }
      ${segmentedField({
        label: 'Sampler',
        name: 'sampler',
        value: options.sampler,
        options: [
          ['ddim', 'DDIM'],
          ['ddpm', 'DDPM'],
        ],
        change: (value) => session.setSample({ sampler: /** @type {'ddim'} */ (value) }),
      })}
      <div class="fields">
        ${numberField({
          label: 'Sampler steps',
          testid: 'sample-steps',
          value: options.steps,
          min: 1,
          max: session.lab.config.scheduler?.num_train_timesteps ?? 1000,
          change: (steps) => session.setSample({ steps: Math.round(steps) }),
        })}
        ${selectField({
          label: 'Images',
          testid: 'sample-count',
          value: String(options.count),
          options: COUNTS,
          change: (count) => session.setSample({ count: Number(count) }),
        })}
        ${numberField({
          label: 'Seed',
          testid: 'sample-seed',
          value: options.seed,
          min: 0,
          max: MAX_SEED,
          change: (seed) => session.setSample({ seed: Math.round(seed) }),
        })}
        ${selectField({
          label: 'Weights',
          testid: 'sample-weights',
          value: options.weights,
          options: [
            ['ema', 'averaged (EMA)'],
            ['raw', 'raw'],
            ['ideal', 'none: the ideal denoiser'],
          ],
          change: (weights) => session.setSample({ weights: /** @type {'ema'} */ (weights) }),
        })}
        ${
          deterministic
            ? html`<label class="field wide">
                <span class="label"
                  >Fresh noise in each step, η = <output>${options.eta}</output></span
                >
                ${rangeField({
                  label: 'Eta',
                  testid: 'sample-eta',
                  value: options.eta,
                  max: 1,
                  step: 0.05,
                  input: (eta) => session.setSample({ eta }),
                })}
              </label>`
            : selectField({
                label: 'Variance',
                testid: 'sample-variance',
                value: options.variance,
                options: [
                  ['fixed_small', 'small (β̃)'],
                  ['fixed_large', 'large (β)'],
                ],
                change: (variance) =>
                  session.setSample({ variance: /** @type {'fixed_small'} */ (variance) }),
              })
        }
      </div>
      ${idealSwitch(session)}`;
  }

  #another() {
    const { session } = this;
    session.setSample({ seed: Math.floor(Math.random() * MAX_SEED) });
    session.sample();
  }

  #pictures() {
    const { player, lab } = this.session;
    const { frame } = player;
    const size = frame?.size ?? lab.config.size;
    const count = frame?.count ?? this.session.sampleOptions.count;
    const current = frame && { rgb: frame.x_t, count, size };
    // Before the first guess there is nothing but the noise itself.
    const guess = frame && { rgb: frame.pred_x0 ?? frame.x_t, count, size };
    return html`<div class="pictures">
        <figure>
          <unnoise-pixels
            .testid=${'sample-canvas'}
            .label=${'Samples on their way from noise to images'}
            .tiles=${current}
          ></unnoise-pixels>
          <figcaption>x<sub>t</sub> <span class="muted">what is there</span></figcaption>
        </figure>
        ${
          this.bare
            ? nothing
            : html`<figure>
                <unnoise-pixels
                  .testid=${'pred-canvas'}
                  .label=${'The guess at the finished images'}
                  .tiles=${guess}
                ></unnoise-pixels>
                <figcaption>
                  x̂<sub>0</sub>
                  <span class="muted"
                    >what the ${player.options?.weights === 'ideal' ? 'ideal denoiser' : 'network'}
                    takes it for</span
                  >
                </figcaption>
              </figure>`
        }
      </div>
      ${this.#transport()}
      ${this.bare ? nothing : html`<unnoise-nearest .session=${this.session}></unnoise-nearest>`}`;
  }

  #transport() {
    const { player } = this.session;
    const { position, total, playing, frame, frames } = player;
    const label = playing ? 'Pause' : 'Play';
    return html`<div class="transport" part="transport">
      <button
        type="button"
        class="icon"
        data-testid="play"
        aria-label="${label} the animation"
        ?disabled=${this.session.phase !== 'ready'}
        @click=${() => this.#playOrPause()}
      >
        ${playing ? '❚❚' : '▶'}
      </button>
      ${rangeField({
        label: 'Step of the sampler',
        testid: 'scrub',
        value: position,
        max: Math.max(1, frames.length - 1),
        text: `step ${position} of ${total}`,
        disabled: frames.length < 2,
        input: (value) => {
          player.pause();
          player.seek(value);
        },
      })}
      <output class="tick" data-testid="sample-step"
        >${position} / ${total}<span class="muted"> t = ${frame?.t ?? '—'}</span></output
      >
      ${
        this.bare
          ? nothing
          : html`<button
              type="button"
              data-testid="save-picture"
              ?disabled=${!frame}
              @click=${() => this.#savePicture()}
            >
              Save PNG
            </button>`
      }
    </div>`;
  }

  #playOrPause() {
    const { player } = this.session;
    if (player.playing) player.pause();
    else if (player.frames.length > 1) player.play();
    else this.session.sample({ play: true });
  }

  async #savePicture() {
    const canvas = /** @type {HTMLCanvasElement | null} */ (
      this.querySelector('[data-testid="sample-canvas"]')
    );
    if (!canvas) return;
    // Large enough to look at, still pixel for pixel.
    const scale = Math.max(1, Math.floor(1024 / canvas.width));
    download(
      await canvasToPng(canvas, scale),
      `unnoise-seed-${this.session.sampleOptions.seed}.png`,
    );
  }

  updated() {
    const { player } = this.session;
    const canvas = /** @type {HTMLElement | null} */ (
      this.querySelector('[data-testid="sample-canvas"]')
    );
    if (!canvas) return;
    canvas.dataset.frames = String(player.frames.length);
    canvas.dataset.frame = String(player.position);
    canvas.dataset.total = String(player.total);
    canvas.dataset.state = player.sampling ? 'sampling' : player.frames.length ? 'done' : 'empty';
  }
}

customElements.define('unnoise-sample-panel', SamplePanel);

import { html, nothing } from 'lit';
import { PLANE_TRAIN_STEPS } from '../element/plane.js';
import {
  DISTRIBUTIONS,
  MAX_PLANE_COUNT,
  MAX_PLANE_STEPS,
  PROCESSES,
  SAMPLERS,
  TARGETS,
  isClaim,
  isStochastic,
  samplerOf,
  targetOf,
} from '../element/plane-settings.js';
import { define } from '../lib/define.js';
import { decimal, integer } from '../lib/format.js';
import { marked, msg, translated, translatedOptions } from '../lib/localize.js';
import { lossPlot } from '../lib/plot.js';
import { whenSeen } from '../lib/when-seen.js';
import { button, runButton } from './buttons.js';
import { fileField, numberField, rangeField, segmentedField, selectField } from './fields.js';
import { Panel } from './panel.js';
import './plane-canvas.js';
import { playbackControls } from './playback-controls.js';
import { readout } from './readout.js';

/** @import { Scene } from '../element/plane.js' */

const TITLES = {
  forward: marked('Data into noise'),
  ideal: marked('Ideal denoiser'),
  mlp: marked('Network'),
  'claim-2': marked('Broad: the mean step, measured. Thin: Δt/t of the way to E[x₀ | xₜ].'),
  'claim-4': marked('Broad: the linear flow with time √t. Thin: DDIM.'),
};

/** Points instead of images, so that all of a diffusion process is seen at once. */
export class PlanePanel extends Panel {
  static shows = /** @type {const} */ (['plane', 'planeFrame']);
  static properties = { ...Panel.properties, bare: { type: Boolean } };

  #giveUp = () => {};

  constructor() {
    super();
    /** Whether the settings stay hidden. */
    this.bare = false;
  }

  connectedCallback() {
    super.connectedCallback();
    this.#giveUp = whenSeen(this, () => this.session.plane.show());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#giveUp();
  }

  render() {
    const { plane } = this.session;
    const { settings, scenes, playback } = plane;
    const shown = scenes.length ? scenes : [undefined];
    const time = this.#time(scenes[0]);
    return html`<section class="panel plane" part="panel" aria-labelledby="plane-title">
      <header><h2 id="plane-title">${msg('Points in the plane')}</h2></header>
      <p class="lead">${this.#lead()}</p>
      <div class="plane-body ${this.bare ? 'bare' : ''}">
        <div class="plane-main">
          <div class="plane-scenes">${shown.map((scene, index) => this.#figure(scene, index))}</div>
          ${playbackControls({
            playing: playback.playing,
            position: plane.progress,
            max: 1,
            step: 0.005,
            text: time,
            prefix: 'plane-',
            disabled: scenes.length === 0,
            place: html`<span class="tick" data-testid="plane-time">${time}</span>`,
            actions: html`<button
              type="button"
              class="icon"
              aria-label=${msg('Other noise')}
              title=${msg('Other noise')}
              data-testid="plane-noise"
              @click=${() => plane.choose({ seed: settings.seed + 1 })}
            >
              ⟳
            </button>`,
            toggle: () => plane.toggle(),
            seek: (progress) => plane.seek(progress),
          })}
          ${settings.view === 'reverse' ? this.#errors() : nothing}
          ${isClaim(settings) ? this.#claim(scenes[0]) : nothing}
          ${this.#network(settings.denoiser === 'ideal' || settings.view !== 'reverse')}
        </div>
        ${this.bare ? this.#drawing() : this.#settings()}
      </div>
    </section>`;
  }

  #lead() {
    const { settings } = this.session.plane;
    switch (settings.view) {
      case 'forward':
        return msg(
          'Every point moves towards noise. Far enough, nothing tells which distribution it ' +
            'came from.',
        );
      case 'claim-2':
        return msg(
          'Where did a point come from, one step of the chain before? The broad arrows are the ' +
            'mean of all answers, summed up over the plane; the thin ones a share Δt/t of the way ' +
            'to the mean of the data that it may have started as.',
        );
      case 'claim-4':
        return msg(
          'From the same noise, two rules: DDIM, and steps along straight lines to the estimate ' +
            'of the data, in a time that is the root of t.',
        );
      default:
        return msg(
          'The sampler starts from noise and moves every point back. The thin lines are the ' +
            'ways of some of them; the arrows say where the denoiser sends a point at ' +
            'this time.',
        );
    }
  }

  /** @param {Scene | undefined} scene */
  #time(scene) {
    if (!scene) return '';
    const { times } = scene;
    const last = times.length - 1;
    const at = this.session.plane.progress * last;
    const from = Math.min(Math.floor(at), last);
    const to = Math.min(from + 1, last);
    const t = times[from] + (at - from) * (times[to] - times[from]);
    const still = scene.kind === 'forward' || scene.kind === 'claim-2';
    const step = still ? '' : ` · ${msg('step {0} of {1}', from, last)}`;
    return `t = ${decimal(t, 2)}${step}`;
  }

  /**
   * @param {Scene | undefined} scene
   * @param {number} index
   */
  #figure(scene, index) {
    const { plane } = this.session;
    const { settings, trainingSet, extent } = plane;
    const own = settings.distribution === 'points';
    // Ways that noise has jagged cover much more of the plane.
    const ways = settings.view === 'reverse' && isStochastic(settings) ? 12 : 48;
    const kind = scene?.kind ?? (settings.view === 'reverse' ? 'ideal' : settings.view);
    return html`<figure>
      <unnoise-plane
        .testid=${`plane-canvas-${index}`}
        .label=${this.#words(kind)}
        .drawable=${own}
        .picture=${{ scene, data: trainingSet, extent, ways, progress: plane.progress }}
        @points=${(/** @type {CustomEvent} */ { detail }) => plane.addPoints(detail)}
        @stroke=${() => plane.usePoints()}
      ></unnoise-plane>
      ${own && plane.drawn.length === 0 ? html`<p class="plane-hint">${msg('Draw here.')}</p>` : nothing}
      <figcaption>${translated(TITLES[kind])}</figcaption>
    </figure>`;
  }

  /** @param {Scene['kind']} kind */
  #words(kind) {
    const { settings } = this.session.plane;
    const name = translated(
      DISTRIBUTIONS.find(([value]) => value === settings.distribution)?.[1] ?? '',
    );
    if (kind === 'claim-2') return msg('{0}: arrows of two kinds at places of a grid', name);
    if (kind === 'claim-4') return msg('{0}: points on their way from noise by two rules', name);
    return kind === 'forward'
      ? msg('{0}: the points on their way into noise', name)
      : kind === 'mlp'
        ? msg('{0}: samples of the network on their way from noise', name)
        : msg('{0}: samples of the ideal denoiser on their way from noise', name);
  }

  /** What the samples get wrong, and why. */
  #errors() {
    const { plane } = this.session;
    const of = (/** @type {'ideal' | 'mlp'} */ kind) =>
      plane.scenes.find((scene) => scene.kind === kind)?.errors;
    const [ideal, mlp] = [of('ideal'), of('mlp')];
    const errors = mlp ?? ideal;
    if (!errors) return nothing;
    const { discretisation, training, nearest } = errors;
    return html`<dl class="numbers plane-errors" aria-live="off">
        ${discretisation === null ? nothing : readout(msg('error of the steps'), 'plane-discretisation', short(discretisation))}
        ${training === null ? nothing : readout(msg('error of training'), 'plane-training', short(training))}
        ${readout(msg('distance to the data'), 'plane-nearest', short(nearest))}
      </dl>
      <p class="note">
        ${
          discretisation === null
            ? msg(
                'Steps that add noise have no single right end, so that only distances to the data ' +
                  'can be told.',
              )
            : msg(
                'Error of the steps: how far the ideal denoiser ends, on average, from where 100 ' +
                  'steps of Heun’s method would take it.',
              )
        }
        ${
          training === null
            ? nothing
            : msg(
                'Error of training: how far the network ends from the ideal denoiser, with the same ' +
                  'steps.',
              )
        }
      </p>`;
  }

  /**
   * How far what a claim says is one is apart.
   * @param {Scene | undefined} scene
   */
  #claim(scene) {
    if (!scene?.compared) return nothing;
    const { plane } = this.session;
    const { differences } = scene.compared;
    const arrows = scene.kind === 'claim-2';
    const show = (/** @type {number} */ value) =>
      arrows ? `${decimal(100 * value, 2)} %` : decimal(value, 4);
    const frame = Math.round(plane.progress * (differences.length - 1));
    const what = arrows
      ? msg('difference of the arrows, at this t')
      : msg('distance between the two, at this t');
    const explodes = plane.settings.process === 'variance-exploding';
    return html`<dl class="numbers plane-errors" aria-live="off">
        ${readout(what, 'plane-difference', show(differences[frame]))}
        ${readout(msg('the most at any t'), 'plane-most', show(Math.max(...differences)))}
      </dl>
      <p class="note">
        ${
          arrows
            ? msg(
                'Root mean squares over the grid. Claim 2 of “Step-by-Step Diffusion” says that ' +
                  'there is no difference where the variance explodes.',
              )
            : msg(
                'Mean over the points. Claim 4 of “Step-by-Step Diffusion” says that they move as ' +
                  'one where the variance explodes.',
              )
        }
        ${explodes ? msg('It does so here.') : msg('Here it is preserved, and they part.')}
      </p>`;
  }

  /** @param {boolean} hidden */
  #network(hidden) {
    const { plane } = this.session;
    const { training, step, rate, curve } = plane;
    const done = step >= PLANE_TRAIN_STEPS;
    return html`<div class="plane-network" ?hidden=${hidden}>
      <div class="row">
        ${runButton({
          running: training,
          start: {
            label: step > 0 ? msg('Go on training') : msg('Train the network'),
            testid: 'plane-train',
            disabled: done || plane.waitsForPoints,
            click: () => plane.train(),
          },
          stop: { label: msg('Pause'), testid: 'plane-pause', click: () => plane.pause() },
        })}
        ${button({
          label: msg('Forget'),
          testid: 'plane-forget',
          disabled: step === 0 || training,
          click: () => plane.reset(),
        })}
      </div>
      <dl class="numbers">
        ${readout(msg('step'), 'plane-step', integer(step))}
        ${readout(msg('loss'), 'plane-loss', curve.latest === undefined ? '–' : decimal(curve.latest, 3))}
        ${training ? readout(msg('steps a second'), 'plane-rate', integer(Math.round(rate))) : nothing}
      </dl>
      <div
        class="plot"
        id="plane-loss"
        role="img"
        aria-label=${msg('Loss of the network by step')}
      ></div>
    </div>`;
  }

  /** What is needed to draw points. */
  #drawing() {
    const { plane } = this.session;
    if (plane.settings.distribution !== 'points') return nothing;
    return html`<div class="row">
      ${button({
        label: msg('Clear'),
        testid: 'plane-clear',
        disabled: plane.drawn.length === 0,
        click: () => plane.clearPoints(),
      })}
      ${fileField({
        label: msg('Dark pixels of a picture'),
        testid: 'plane-picture',
        accept: 'image/*',
        change: ([file]) => plane.usePicture(file),
      })}
    </div>`;
  }

  #settings() {
    const { plane } = this.session;
    const { settings } = plane;
    const flow = settings.process === 'rectified-flow';
    const sampler = samplerOf(settings);
    const reverse = settings.view === 'reverse';
    const claim = isClaim(settings);
    const samplers = SAMPLERS.filter(
      ([name]) =>
        (flow || name !== 'euler-flow') && (name !== 'ddpm' || settings.source === 'gaussian'),
    );
    return html`<div class="plane-settings">
      ${segmentedField({
        label: msg('Direction'),
        name: 'plane-view',
        value: settings.view,
        options: [
          ['forward', msg('Into noise')],
          ['reverse', msg('Back to the data')],
        ],
        change: (view) => plane.choose({ view: /** @type {'forward'} */ (view) }),
      })}
      <div class="fields expert">
        ${selectField({
          label: msg('Put to the test'),
          testid: 'plane-claim',
          value: claim ? settings.view : 'none',
          options: [
            ['none', msg('nothing')],
            ['claim-2', msg('claim 2: a step is a share of the way to x₀')],
            ['claim-4', msg('claim 4: DDIM is a linear flow')],
          ],
          hint: msg('Claims of “Step-by-Step Diffusion” (Nakkiran et al. 2024)'),
          change: (name) =>
            plane.choose({ view: name === 'none' ? 'reverse' : /** @type {'claim-2'} */ (name) }),
        })}
      </div>
      ${segmentedField({
        label: msg('What denoises'),
        name: 'plane-denoiser',
        value: settings.denoiser,
        hidden: !reverse,
        options: [
          ['ideal', msg('Ideal')],
          ['mlp', msg('Network')],
          ['both', msg('Both')],
        ],
        change: (denoiser) => plane.choose({ denoiser: /** @type {'both'} */ (denoiser) }),
      })}
      <div class="fields">
        ${selectField({
          label: msg('Distribution'),
          testid: 'plane-distribution',
          value: settings.distribution,
          options: translatedOptions(DISTRIBUTIONS),
          change: (name) => plane.choose({ distribution: /** @type {'moons'} */ (name) }),
        })}
        ${selectField({
          label: msg('Process'),
          testid: 'plane-process',
          value: settings.process,
          options: translatedOptions(PROCESSES),
          // What suited the old process may not suit the new one.
          change: (name) =>
            plane.choose({
              process: /** @type {'rectified-flow'} */ (name),
              sampler: null,
              target: null,
              karras: null,
            }),
        })}
        ${
          flow
            ? selectField({
                label: msg('Starts from'),
                testid: 'plane-source',
                value: settings.source,
                options: [
                  ['gaussian', msg('a Gaussian')],
                  ['annulus', msg('an annulus')],
                ],
                change: (source) => plane.choose({ source: /** @type {'annulus'} */ (source) }),
              })
            : nothing
        }
        ${
          reverse
            ? selectField({
                label: msg('Sampler'),
                testid: 'plane-sampler',
                value: sampler,
                options: samplers,
                change: (name) => plane.choose({ sampler: /** @type {'ddim'} */ (name) }),
              })
            : nothing
        }
        ${
          claim
            ? nothing
            : selectField({
                label: msg('Arrows'),
                testid: 'plane-field',
                value: settings.field,
                options: [
                  ['none', msg('none')],
                  ['velocity', msg('velocity')],
                  .../** @type {[string, string][]} */ (
                    settings.source === 'gaussian' ? [['score', msg('score ∇ log p')]] : []
                  ),
                ],
                change: (field) => plane.choose({ field: /** @type {'none'} */ (field) }),
              })
        }
        ${
          settings.view === 'claim-2'
            ? nothing
            : numberField({
                label: msg('Points'),
                testid: 'plane-count',
                value: settings.count,
                min: 1,
                max: MAX_PLANE_COUNT,
                change: (count) => plane.choose({ count }),
              })
        }
      </div>
      ${
        claim
          ? this.#range(msg('Steps'), 'plane-steps', settings.steps, {
              min: 2,
              max: MAX_PLANE_STEPS,
              input: (steps) => plane.choose({ steps }),
            })
          : nothing
      }
      ${
        reverse
          ? html`${this.#range(msg('Steps'), 'plane-steps', settings.steps, {
                min: 1,
                max: MAX_PLANE_STEPS,
                input: (steps) => plane.choose({ steps }),
              })}
              ${
                sampler === 'ddim' && settings.source === 'gaussian'
                  ? this.#range(msg('Noise of each step, η'), 'plane-eta', settings.eta, {
                      max: 1,
                      step: 0.05,
                      input: (eta) => plane.choose({ eta }),
                    })
                  : nothing
              }
              <div class="fields expert">${this.#expert()}</div>`
          : nothing
      }
      ${this.#drawing()}
    </div>`;
  }

  #expert() {
    const { plane } = this.session;
    const { settings } = plane;
    const variance = selectField({
      label: msg('Variance of a step'),
      testid: 'plane-variance',
      value: settings.variance ?? 'fixed_small',
      options: [
        ['fixed_small', msg('β̃, the smaller')],
        ['fixed_large', msg('β, the larger')],
      ],
      change: (name) => plane.choose({ variance: /** @type {'fixed_small'} */ (name) }),
    });
    const usual = samplerOf(settings) === 'heun' && settings.process !== 'rectified-flow';
    return html`${samplerOf(settings) === 'ddpm' ? variance : nothing}
    ${selectField({
      label: msg('Noise levels'),
      testid: 'plane-karras',
      value: String(settings.karras ?? usual),
      options: [
        ['false', msg('even in time')],
        ['true', msg('as Karras et al.')],
      ],
      change: (karras) => plane.choose({ karras: karras === 'true' }),
    })}
    ${
      settings.denoiser === 'ideal'
        ? nothing
        : selectField({
            label: msg('The network predicts'),
            testid: 'plane-target',
            value: targetOf(settings),
            options: TARGETS.filter(
              ([name]) => name !== 'previous' || settings.source === 'gaussian',
            ),
            change: (target) => plane.choose({ target: /** @type {'sample'} */ (target) }),
          })
    }`;
  }

  /**
   * @param {string} label
   * @param {string} testid
   * @param {number} value
   * @param {{ min?: number, max: number, step?: number, input: (value: number) => void }} range
   */
  #range(label, testid, value, range) {
    return html`<label class="plane-range">
      <span class="label">${label}: <output>${value}</output></span>
      ${rangeField({ label, testid, value, ...range })}
    </label>`;
  }

  /** The curve that was last drawn, and its length. @type {unknown[]} */
  #plotted = [];

  updated() {
    const { curve } = this.session.plane;
    const plot = this.plot('plane-loss', planeLossPlot);
    const drawn = [plot, curve, curve.steps.length];
    if (drawn.every((part, i) => part === this.#plotted[i])) return;
    this.#plotted = drawn;
    plot.set([curve.steps, curve.means, curve.smoothed]);
  }
}

/** @param {number} distance */
const short = (distance) => decimal(distance, 3);

/** @param {HTMLElement} container */
const planeLossPlot = (container) =>
  lossPlot(container, (colour) => [
    { stroke: () => colour('--faint'), width: 1, points: { show: false } },
    { stroke: () => colour('--accent'), width: 2, points: { show: false } },
  ]);

define('unnoise-plane-panel', PlanePanel);

import { html, nothing } from 'lit';
import { define } from '../lib/define.js';
import { mixed, msg } from '../lib/localize.js';
import { MAX_COMPARED, maxSteps, MIN_COMPARED, SAMPLERS, samplersFor } from '../lib/samplers.js';
import { Panel } from './panel.js';
import './pixel-grid.js';
import { playbackControls } from './playback-controls.js';

/**
 * The samplers of a comparison, to be chosen.
 * @param {import('../element/session.js').Session} session
 */
export function comparisonChoice({ comparison, lab }) {
  const { choices, options } = comparison;
  const replace = (/** @type {number} */ index, /** @type {typeof choices} */ ...by) =>
    comparison.choose(choices.toSpliced(index, 1, ...by));
  const unused = samplersFor(lab.config).find((name) =>
    options.every(({ sampler }) => sampler !== name),
  );
  return html`<div class="compared" role="group" aria-label=${msg('Samplers side by side')}>
    ${options.map(
      (run, index) =>
        html`<div class="compared-row">
          <select
            aria-label=${msg('Sampler {0}', index + 1)}
            data-testid="compare-sampler-${index}"
            data-changes=${run.sampler}
            .value=${run.sampler}
            @change=${(/** @type {any} */ { target }) =>
              replace(index, { sampler: target.value, steps: undefined })}
          >
            ${samplersFor(lab.config).map(
              (name) =>
                html`<option value=${name} ?selected=${name === run.sampler}>
                  ${SAMPLERS[name].label}
                </option>`,
            )}
          </select>
          <input
            type="number"
            aria-label=${msg('Steps of sampler {0}', index + 1)}
            data-testid="compare-steps-${index}"
            data-changes="steps"
            min="1"
            max=${maxSteps(lab.config, run)}
            .value=${String(run.steps)}
            @change=${(/** @type {any} */ { target }) => {
              const asked = Math.round(target.valueAsNumber);
              const steps = asked >= 1 ? Math.min(asked, maxSteps(lab.config, run)) : run.steps;
              target.value = String(steps);
              replace(index, { sampler: run.sampler, steps });
            }}
          />
          <span class="muted">${msg('steps')}</span>
          <button
            type="button"
            class="icon"
            aria-label=${msg('Remove sampler {0}', index + 1)}
            data-testid="compare-remove-${index}"
            data-changes=${run.sampler}
            ?disabled=${choices.length <= MIN_COMPARED}
            @click=${() => replace(index)}
          >
            ×
          </button>
        </div>`,
    )}
    ${
      choices.length < MAX_COMPARED
        ? html`<button
            type="button"
            class="link"
            data-testid="compare-add"
            @click=${() =>
              comparison.choose([...choices, { sampler: unused ?? options[0].sampler }])}
          >
            ${msg('Add a sampler')}
          </button>`
        : nothing
    }
  </div>`;
}

/** The same noise through several samplers, in step. */
export class ComparePanel extends Panel {
  static shows = /** @type {const} */ (['comparison', 'sampling', 'run', 'status']);

  render() {
    const { comparison, lab, phase } = this.session;
    const { runs, playing, progress, recorded } = comparison;
    const shown = runs.length
      ? runs
      : comparison.options.map((options) => ({ options, frames: [], total: options.steps }));
    const percent = Math.round(progress * 100);
    return html`<div class="comparison" .style=${`--columns: ${shown.length === 3 ? 3 : 2}`}>
        ${shown.map((run, index) => this.#run(run, index))}
      </div>
      ${playbackControls({
        playing,
        position: progress,
        max: 1,
        step: 0.001,
        text: msg('{0} % of the way', percent),
        prefix: 'compare-',
        changes: 't',
        disabled: phase !== 'ready',
        place: html`<span class="tick" data-testid="compare-progress"
          >${percent} % <span class="muted">${msg('of the way')}</span></span
        >`,
        toggle: () => {
          if (playing) comparison.pause();
          else if (runs.length && recorded > 0) comparison.play();
          else comparison.sample({ play: true });
        },
        seek: (value) => {
          comparison.pause();
          comparison.seek(value);
        },
      })}
      ${
        lab.step > 0 && !runs.length
          ? html`<p class="note">
              ${msg('All begin with the same noise: how they differ is their own doing.')}
            </p>`
          : nothing
      }`;
  }

  /**
   * @param {import('../element/comparison.js').Run} run
   * @param {number} index
   */
  #run(run, index) {
    const { options, total } = run;
    const frame = this.session.comparison.frameOf(run);
    const { label, evaluations } = SAMPLERS[options.sampler];
    return html`<figure>
      <unnoise-pixels
        .testid=${`compare-canvas-${index}`}
        .label=${msg('Samples by {0} in {1} steps', label, total)}
        .tiles=${frame && { rgb: frame.x_t, count: frame.count, size: frame.size }}
      ></unnoise-pixels>
      <figcaption data-testid="compare-label-${index}">
        ${label}
        <span class="muted"
          >${mixed('step {0} of {1}, {2} evaluations', frame?.index ?? 0, total, evaluations(total))}</span
        >
      </figcaption>
    </figure>`;
  }

  updated() {
    const { comparison } = this.session;
    for (const [index, run] of comparison.runs.entries()) {
      const canvas = /** @type {HTMLElement | null} */ (
        this.querySelector(`[data-testid="compare-canvas-${index}"]`)
      );
      if (!canvas) continue;
      canvas.dataset.frames = String(run.frames.length);
      canvas.dataset.frame = String(comparison.frameOf(run)?.index);
      canvas.dataset.state = comparison.sampling ? 'sampling' : 'done';
    }
  }
}

define('unnoise-compare-panel', ComparePanel);

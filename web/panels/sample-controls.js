import { html, nothing } from 'lit';
import { learnsCrops } from '../lib/config.js';
import { mixed, msg } from '../lib/localize.js';
import { maxSteps, SAMPLERS, samplersFor } from '../lib/samplers.js';
import { checkField, numberField, rangeField, segmentedField, selectField } from './fields.js';

/**
 * What can be chosen about sampling.
 *
 * @import { Session } from '../element/session.js'
 * @import { SampleOptions } from '../worker/protocol.js'
 * @typedef {import('../lib/samplers.js').SamplerFacts['choices'][number]} OwnChoice
 */

const MAX_SEED = 0xffffffff;
const COUNTS = /** @type {[string, string][]} */ (
  ['1', '4', '8', '16', '32', '64'].map((count) => [count, count])
);
/** Imagen's quantile (Saharia et al. 2022). */
const USUAL_QUANTILE = 0.995;
/** Stands for null, as the model or the sampler has it. */
const AS_IS = 'auto';

/**
 * A seed that nobody has seen.
 * @param {Session} session
 */
export const newSeed = (session) =>
  session.setSample({ seed: Math.floor(Math.random() * MAX_SEED) });

/**
 * One of the samplers that suit the model in the lab.
 * @param {Session} session
 */
export function samplerField(session) {
  return segmentedField({
    label: msg('Sampler'),
    name: 'sampler',
    changes: Object.keys(SAMPLERS).join(' '),
    value: session.sampleOptions.sampler,
    options: samplersFor(session.lab.config).map((name) => [name, SAMPLERS[name].label]),
    change: (sampler) => session.setSample({ sampler: /** @type {'ddim'} */ (sampler) }),
  });
}

/**
 * @param {Session} session
 */
export function stepsField(session) {
  const { sampleOptions: options, lab } = session;
  const evaluations = SAMPLERS[options.sampler].evaluations(options.steps);
  return numberField({
    label: msg('Sampler steps'),
    testid: 'sample-steps',
    changes: 'steps',
    value: options.steps,
    min: 1,
    max: maxSteps(lab.config, options),
    hint: msg('The network is asked {0} times', evaluations),
    change: (steps) => session.setSample({ steps: Math.round(steps) }),
  });
}

/**
 * What every sampler takes.
 * @param {Session} session
 */
export function countAndSeedFields(session) {
  const { sampleOptions: options } = session;
  return html`${selectField({
    label: msg('Images'),
    testid: 'sample-count',
    value: String(options.count),
    options: COUNTS,
    change: (count) => session.setSample({ count: Number(count) }),
  })}
  ${numberField({
    label: msg('Seed'),
    testid: 'sample-seed',
    changes: 'seed',
    value: options.seed,
    min: 0,
    max: MAX_SEED,
    change: (seed) => session.setSample({ seed: Math.round(seed) }),
  })}`;
}

/** @returns {[string, string]} */
const ideal = () => ['ideal', msg('none: the ideal denoiser')];

/** @param {Session} session */
export const weightsField = (session) =>
  selectField({
    label: msg('Weights'),
    testid: 'sample-weights',
    changes: 'network',
    value: session.sampleOptions.weights,
    options: [
      ['ema', msg('averaged (EMA)')],
      ['raw', msg('raw')],
      ...(learnsCrops(session.lab.config) ? [] : [ideal()]),
    ],
    change: (weights) => session.setSample({ weights: /** @type {'ema'} */ (weights) }),
  });

/**
 * What is the business of one sampler, or of one of several.
 *
 * @param {Session} session
 * @param {SampleOptions[]} runs what is about to be run
 */
export function samplerFields(session, runs) {
  const own = (/** @type {OwnChoice} */ choice) =>
    runs.some(({ sampler }) => SAMPLERS[sampler].choices.includes(choice));
  return html`${own('eta') ? etaField(session) : nothing}
  ${own('variance') ? varianceField(session) : nothing}
  ${own('karras') ? karrasField(session, runs) : nothing}`;
}

/** @param {Session} session */
function etaField(session) {
  const { eta } = session.sampleOptions;
  return html`<label class="field wide">
    <span class="label"
      >${mixed('Fresh noise in each step, η = {0}', html`<span>${eta}</span>`)}</span
    >
    ${rangeField({
      label: msg('Eta'),
      testid: 'sample-eta',
      changes: 'eta',
      value: eta,
      max: 1,
      step: 0.05,
      input: (value) => session.setSample({ eta: value }),
    })}
  </label>`;
}

/** @param {Session} session */
function varianceField(session) {
  const { variance_type } = session.lab.config.scheduler;
  const learned = variance_type === 'learned_range';
  return selectField({
    label: msg('Variance'),
    testid: 'sample-variance',
    changes: 'variance',
    value: learned ? variance_type : (session.sampleOptions.variance ?? variance_type),
    options: learned
      ? [['learned_range', msg('learned by the model')]]
      : [
          ['fixed_small', msg('small (β̃)')],
          ['fixed_large', msg('large (β)')],
          ['fixed_forward', msg('of the forward step (β / (1 − β))')],
        ],
    disabled: learned,
    hint: msg('Of the noise that each step adds'),
    change: (variance) =>
      session.setSample({ variance: /** @type {SampleOptions['variance']} */ (variance) }),
  });
}

/**
 * @param {Session} session
 * @param {SampleOptions[]} runs
 */
function karrasField(session, runs) {
  // What a sampler does unless asked otherwise; several may differ.
  const usual = runs.length > 1 ? [[AS_IS, msg('as is usual for each')]] : [];
  const byDefault = runs.length > 1 ? AS_IS : String(runs[0].sampler === 'heun');
  return selectField({
    label: msg('Noise levels'),
    testid: 'sample-karras',
    changes: 'karras grid',
    value: String(session.sampleOptions.use_karras_sigmas ?? byDefault),
    options: /** @type {[string, string][]} */ ([
      ...usual,
      ['true', msg('finer near the end (Karras)')],
      ['false', msg('even in t')],
    ]),
    hint: msg('Where on the way from noise to image the steps are taken'),
    change: (value) =>
      session.setSample({ use_karras_sigmas: value === AS_IS ? null : value === 'true' }),
  });
}

/**
 * What few change.
 *
 * @param {Session} session
 * @param {SampleOptions[]} runs what is about to be run
 */
export function moreSamplerFields(session, runs) {
  const { sampleOptions: options } = session;
  const spaced = runs.some(({ sampler }) => SAMPLERS[sampler].choices.includes('spacing'));
  const ddim = runs.some(({ sampler }) => sampler === 'ddim');
  return html`<details>
    <summary>${msg('More settings')}</summary>
    <div class="fields">
      ${
        spaced
          ? selectField({
              label: msg('Timesteps visited'),
              testid: 'sample-spacing',
              changes: 'steps grid',
              value: options.timestep_spacing ?? session.lab.config.scheduler.timestep_spacing,
              options: [
                ['trailing', msg('from T downwards')],
                ['leading', msg('from 0 upwards')],
                ['linspace', msg('both ends, evenly between')],
              ],
              hint: msg('trailing, leading and linspace in diffusers'),
              change: (spacing) =>
                session.setSample({ timestep_spacing: /** @type {'leading'} */ (spacing) }),
            })
          : nothing
      }
      ${limitFields(session)}
    </div>
    ${
      ddim
        ? checkField({
            label: msg('Work out ε again from the limited x̂₀'),
            testid: 'sample-rederive',
            changes: 'rederive',
            value: options.use_clipped_model_output,
            hint: msg(
              'DDIM goes on with the ε that the network meant otherwise, as diffusers does',
            ),
            change: (value) => session.setSample({ use_clipped_model_output: value }),
          })
        : nothing
    }
  </details>`;
}

/** @param {Session} session */
function limitFields(session) {
  const { clip, dynamic_threshold } = session.sampleOptions;
  const limit =
    dynamic_threshold !== null ? 'dynamic' : clip === null ? AS_IS : clip ? 'clip' : 'none';
  const choose = (/** @type {string} */ value) =>
    session.setSample({
      clip: value === AS_IS ? null : value !== 'none',
      dynamic_threshold: value === 'dynamic' ? USUAL_QUANTILE : null,
    });
  return html`${selectField({
    label: msg('Limit of x̂₀'),
    testid: 'sample-limit',
    changes: 'limit',
    value: limit,
    options: [
      [AS_IS, msg('as the model: {0}', modelLimit(session))],
      ['clip', msg('clamp to [−1, 1]')],
      ['dynamic', msg('dynamic threshold')],
      ['none', msg('none')],
    ],
    hint: msg('A guess at the image may not be brighter or darker than images can be'),
    change: choose,
  })}
  ${
    dynamic_threshold === null
      ? nothing
      : numberField({
          label: msg('Quantile kept'),
          testid: 'sample-quantile',
          changes: 'limit',
          value: dynamic_threshold,
          min: 0.5,
          max: 1,
          step: 'any',
          hint: msg(
            'Values of an image above this quantile are cut off, the rest is scaled (Saharia et ' +
              'al. 2022)',
          ),
          change: (value) => session.setSample({ dynamic_threshold: value }),
        })
  }`;
}

/** @param {Session} session */
function modelLimit({ lab }) {
  const { thresholding, clip_sample, prediction_type } = lab.config.scheduler;
  if (thresholding) return msg('dynamic threshold');
  return clip_sample && prediction_type !== 'flow_prediction' ? msg('clamp') : msg('none');
}

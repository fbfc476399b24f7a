/**
 * The samplers: which models each suits, how many steps it needs and what can be chosen about it.
 *
 * @import { Config } from './config.js'
 * @import { SampleOptions } from '../worker/protocol.js'
 * @typedef {SampleOptions['sampler']} SamplerName
 *
 * @typedef {object} SamplerFacts
 * @property {string} label
 * @property {number} steps enough for a good picture
 * @property {(steps: number) => number} evaluations of the network
 * @property {('variance' | 'eta' | 'karras' | 'spacing')[]} choices what is its own to choose
 */

/** How few and how many samplers are compared side by side. */
export const MIN_COMPARED = 2;
export const MAX_COMPARED = 4;

const once = (/** @type {number} */ steps) => steps;

/** @type {Record<SamplerName, SamplerFacts>} */
export const SAMPLERS = {
  ddpm: { label: 'DDPM', steps: 30, evaluations: once, choices: ['variance', 'spacing'] },
  ddim: { label: 'DDIM', steps: 20, evaluations: once, choices: ['eta', 'spacing'] },
  heun: {
    label: 'Heun',
    steps: 20,
    // Two slopes a step, but for the last.
    evaluations: (steps) => 2 * steps - 1,
    choices: ['karras', 'spacing'],
  },
  dpmpp2m: {
    label: 'DPM++',
    steps: 20,
    evaluations: once,
    choices: ['karras', 'spacing'],
  },
  'euler-flow': { label: 'Euler', steps: 20, evaluations: once, choices: [] },
};

/** @type {SamplerName[]} The first draws best in a given time: docs/recipe.md has the measurements. */
const OF_A_DIFFUSION = ['dpmpp2m', 'ddpm', 'ddim', 'heun'];
/** @type {SamplerName[]} The first three solve its differential equation; the last adds noise. */
const OF_A_FLOW = ['euler-flow', 'heun', 'dpmpp2m', 'ddpm'];

/** @param {Config | undefined} config */
export const isFlow = (config) => config?.scheduler?.prediction_type === 'flow_prediction';

/**
 * Those that make sense for a model, the usual one first.
 * @param {Config | undefined} config
 */
export const samplersFor = (config) => (isFlow(config) ? OF_A_FLOW : OF_A_DIFFUSION);

/**
 * @param {string | null | undefined} name
 * @returns {SamplerName | undefined}
 */
export const samplerNamed = (name) =>
  name && Object.hasOwn(SAMPLERS, name) ? /** @type {SamplerName} */ (name) : undefined;

/**
 * The most steps a sampler takes of a model.
 *
 * @param {Config | undefined} config
 * @param {Pick<SampleOptions, 'sampler' | 'timestep_spacing'>} options
 */
export function maxSteps(config, { sampler, timestep_spacing }) {
  const timesteps = config?.scheduler?.num_train_timesteps ?? 1000;
  const spacing = timestep_spacing ?? config?.scheduler?.timestep_spacing;
  // It then visits one timestep more than it takes steps.
  const one = sampler === 'dpmpp2m' && spacing !== 'trailing' ? 1 : 0;
  return Math.max(1, timesteps - one);
}

/**
 * What of a visitor's wishes a model can do: a sampler that suits it, as many steps as it has, a
 * variance that it knows. Every result can be sampled with.
 *
 * @param {Partial<SampleOptions>} wishes
 * @param {Config | undefined} config
 * @returns {Pick<SampleOptions, 'sampler' | 'steps' | 'variance' | 'timestep_spacing'>}
 */
export function adaptSampling(wishes, config) {
  const possible = samplersFor(config);
  const sampler = possible.find((name) => name === wishes.sampler) ?? possible[0];
  const timestep_spacing = wishes.timestep_spacing ?? null;
  const requested = wishes.steps ?? SAMPLERS[sampler].steps;
  const max = maxSteps(config, { sampler, timestep_spacing });
  return {
    sampler,
    timestep_spacing,
    steps: Math.max(1, Math.min(Math.round(requested), max)),
    // A learned variance is the model's own, and no other model has one.
    variance:
      config?.scheduler?.variance_type === 'learned_range' ? null : (wishes.variance ?? null),
  };
}

import { among, whole, within, yesOrNo } from '../lib/link-values.js';
import { marked } from '../lib/localize.js';

/**
 * What can be chosen of a plane, and how it stands in a link.
 *
 * @import { PageState } from '../lib/hash-state.js'
 * @import { PlaneConfig, PlaneRun } from '../worker/protocol.js'
 *
 * @typedef {object} PlaneSettings
 * @property {PlaneConfig['distribution']} distribution
 * @property {PlaneConfig['process']} process
 * @property {'gaussian' | 'annulus'} source what a rectified flow starts from
 * @property {PlaneRun['sampler'] | null} sampler null is what is usual for the process
 * @property {number} steps
 * @property {number} eta
 * @property {number} seed
 * @property {number} count
 * @property {'ideal' | 'mlp' | 'both'} denoiser
 * @property {PlaneConfig['target']} target null is what is usual for the process
 * @property {'forward' | 'reverse' | 'claim-2' | 'claim-4'} view the claims are those of Nakkiran et al.
 *   2024, “Step-by-Step Diffusion”
 * @property {'none' | 'score' | 'velocity'} field
 * @property {PlaneRun['variance']} variance
 * @property {boolean | null} karras
 */

/** @type {Readonly<PlaneSettings>} */
export const PLANE_DEFAULTS = {
  distribution: 'moons',
  process: 'variance-preserving',
  source: 'gaussian',
  sampler: null,
  steps: 30,
  eta: 0,
  seed: 0,
  count: 1000,
  denoiser: 'ideal',
  target: null,
  view: 'reverse',
  field: 'velocity',
  variance: null,
  karras: null,
};

/** The most points and steps that are drawn without a delay. */
export const MAX_PLANE_COUNT = 2000;
export const MAX_PLANE_STEPS = 200;

/**
 * @template {string} Name
 * @typedef {[value: Name, label: string][]} Options
 */

export const DISTRIBUTIONS = /** @type {Options<PlaneSettings['distribution']>} */ ([
  ['moons', marked('Two moons')],
  ['spiral', marked('Spiral')],
  ['checkerboard', marked('Checkerboard')],
  ['gaussians', marked('Eight Gaussians')],
  ['annulus', marked('Annulus')],
  ['points', marked('Your own points')],
]);

export const PROCESSES = /** @type {Options<PlaneSettings['process']>} */ ([
  ['variance-preserving', marked('Variance preserving')],
  ['variance-exploding', marked('Variance exploding')],
  ['rectified-flow', marked('Rectified flow')],
]);

export const SAMPLERS = /** @type {Options<NonNullable<PlaneSettings['sampler']>>} */ ([
  ['ddpm', 'DDPM'],
  ['ddim', 'DDIM'],
  ['heun', marked('Probability-flow ODE (Heun)')],
  ['dpmpp2m', 'DPM-Solver++(2M)'],
  ['euler-flow', marked('Flow (Euler)')],
]);

export const TARGETS = /** @type {Options<NonNullable<PlaneSettings['target']>>} */ ([
  ['epsilon', marked('the noise ε')],
  ['sample', 'x₀'],
  ['previous', marked('the previous step')],
  ['velocity', marked('the velocity')],
]);

/** Whether two things are compared that a claim says are one. @param {PlaneSettings} settings */
export const isClaim = ({ view }) => view === 'claim-2' || view === 'claim-4';

/** The sampler in force. @param {PlaneSettings} settings */
export const samplerOf = ({ sampler, process }) =>
  sampler ?? (process === 'rectified-flow' ? 'euler-flow' : 'ddim');

/** What the network learns. @param {PlaneSettings} settings */
export function targetOf({ target, process }) {
  if (target) return target;
  if (process === 'rectified-flow') return 'velocity';
  return process === 'variance-exploding' ? 'sample' : 'epsilon';
}

/** Whether each step adds noise. @param {PlaneSettings} settings */
export const isStochastic = (settings) =>
  samplerOf(settings) === 'ddpm' || (samplerOf(settings) === 'ddim' && settings.eta > 0);

/** @param {Options<string>} options */
const oneOf = (options) => among(...options.map(([value]) => value));

/**
 * Each setting, its name in a link, and how it is read there: what makes no sense is left out.
 *
 * @type {[keyof PlaneSettings, string, (text: string) => unknown][]}
 */
const OPTIONS = [
  ['distribution', 'distribution', oneOf(DISTRIBUTIONS)],
  ['process', 'process', oneOf(PROCESSES)],
  ['source', 'source', among('gaussian', 'annulus')],
  ['sampler', 'sampler', oneOf(SAMPLERS)],
  ['steps', 'steps', whole(1, MAX_PLANE_STEPS)],
  ['eta', 'eta', within(0, 1)],
  ['seed', 'sample_seed', whole(0, 0xffffffff)],
  ['count', 'count', whole(1, MAX_PLANE_COUNT)],
  ['denoiser', 'denoiser', among('ideal', 'mlp', 'both')],
  ['target', 'target', oneOf(TARGETS)],
  ['view', 'view', among('forward', 'reverse', 'claim-2', 'claim-4')],
  ['field', 'field', among('none', 'score', 'velocity')],
  ['variance', 'variance', among('fixed_small', 'fixed_large')],
  ['karras', 'karras', yesOrNo],
];

/**
 * @param {PageState} page
 * @returns {Partial<PlaneSettings>}
 */
export function readPlane(page) {
  const read = OPTIONS.map(([name, link, of]) => [name, of(page[link] ?? '')]);
  return Object.fromEntries(read.filter(([, value]) => value !== undefined));
}

/**
 * What differs from the defaults, by the names in links.
 * @param {PlaneSettings} settings
 * @returns {Record<string, unknown>}
 */
export const writeChangedPlane = (settings) =>
  Object.fromEntries(
    OPTIONS.filter(([name]) => settings[name] !== PLANE_DEFAULTS[name]).map(([name, link]) => [
      link,
      settings[name],
    ]),
  );

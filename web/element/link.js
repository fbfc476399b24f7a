import { flattenConfig } from '../lib/config.js';
import { formatHash, parseHash } from '../lib/hash-state.js';
import { SAMPLE_DEFAULTS } from '../lab.js';

/**
 * @typedef {import('./session.js').Session} Session
 * @typedef {import('./session.js').SessionOptions} SessionOptions
 * @typedef {import('./unnoise-lab.js').UnnoiseLab} UnnoiseLab
 */

/**
 * What a session starts with: the hash where the element follows it, else the attributes.
 *
 * @param {UnnoiseLab} element
 * @returns {SessionOptions}
 */
export function sessionOptions(element) {
  const { page, config } = parseHash(element.hash ? location.hash : '');
  const number = (/** @type {string | number | undefined} */ value) =>
    value === undefined || value === '' || Number.isNaN(Number(value)) ? undefined : Number(value);
  const overrides = /** @type {Record<string, unknown>} */ ({ ...config });
  if (overrides.size === undefined && element.size) overrides.size = element.size;
  if (overrides.seed === undefined && element.seed !== undefined) overrides.seed = element.seed;
  const sampler = page.sampler ?? element.sampler;
  const sample = {
    sampler: sampler === 'ddpm' || sampler === 'ddim' ? sampler : undefined,
    steps: number(page.steps) ?? element.steps,
    eta: number(page.eta),
    seed: number(page.sample_seed),
    count: number(page.count),
    weights: page.weights === 'raw' || page.weights === 'ideal' ? page.weights : undefined,
  };
  return {
    backend: page.backend ?? element.backend ?? 'auto',
    overrides,
    dataset: page.dataset ?? element.datasetName ?? null,
    model: page.model ?? element.model ?? null,
    trainSteps: number(page.train_steps),
    sample: /** @type {SessionOptions['sample']} */ (defined(sample)),
    keep: element.mode === 'lab' || element.mode === 'train',
    still: matchMedia('(prefers-reduced-motion: reduce)').matches,
  };
}

/**
 * The hash while one works: what differs from the defaults, so that it stays readable.
 *
 * @param {Session} session
 * @param {UnnoiseLab} element
 */
export function shortHash(session, element) {
  const { sampleOptions: sample, options, data } = session;
  const differs = (/** @type {'sampler' | 'steps' | 'eta' | 'count' | 'weights'} */ name) =>
    sample[name] === SAMPLE_DEFAULTS[name] ? undefined : sample[name];
  return formatHash({
    ...pageSettings(session, element),
    dataset: data.dataset === session.data.sets[0]?.id ? undefined : data.dataset,
    backend: options.backend === 'auto' ? undefined : options.backend,
    train_steps: session.trainSteps === session.defaultTrainSteps ? undefined : session.trainSteps,
    sampler: differs('sampler'),
    steps: differs('steps'),
    eta: differs('eta'),
    count: differs('count'),
    weights: differs('weights'),
    sample_seed: sample.seed === Number(session.overrides.seed ?? 0) ? undefined : sample.seed,
    ...session.overrides,
  });
}

/**
 * A link that reproduces the run even if a later version has other defaults: every setting.
 *
 * @param {Session} session
 * @param {UnnoiseLab} element
 */
export function fullLink(session, element) {
  const { sampleOptions: sample, shownConfig: config } = session;
  const url = new URL(location.href);
  url.hash = formatHash({
    ...pageSettings(session, element),
    backend: session.lab?.backend,
    train_steps: session.trainSteps,
    sampler: sample.sampler,
    steps: sample.steps,
    eta: sample.eta,
    sample_seed: sample.seed,
    count: sample.count,
    weights: sample.weights,
    ...(config ? flattenConfig(config) : {}),
  });
  return url.href;
}

/**
 * @param {Session} session
 * @param {UnnoiseLab} element
 */
const pageSettings = (session, element) => ({
  mode: element.mode === 'lab' ? undefined : element.mode,
  theme: element.theme === 'auto' ? undefined : element.theme,
  model: session.options.model,
  dataset: session.data.dataset,
});

/**
 * @template {Record<string, unknown>} T
 * @param {T} values
 */
const defined = (values) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

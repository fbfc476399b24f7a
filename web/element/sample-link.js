import { among, whole, within, yesOrNo } from '../lib/link-values.js';
import { SAMPLE_DEFAULTS } from '../lab.js';
import { EACH } from '../lib/labels.js';
import { adaptSampling, samplerNamed, samplersFor } from '../lib/samplers.js';

/**
 * Sampling in a link.
 *
 * @import { PageState } from '../lib/hash-state.js'
 * @import { SampleOptions } from '../worker/protocol.js'
 * @import { Config } from '../lib/config.js'
 */

/** @param {SampleOptions['labels']} labels */
const labelText = (labels) => (labels.length > 1 ? EACH : labels[0]);

/**
 * Each option, its name in a link, how it is read there (what makes no sense is left out) and, if
 * it is no plain value, written.
 *
 * @typedef {(text: string) => unknown} Read
 * @typedef {(value: any) => unknown} Write
 * @type {[keyof SampleOptions, string, Read, Write?][]}
 */
const OPTIONS = [
  ['sampler', 'sampler', samplerNamed],
  ['steps', 'steps', whole(1, 10_000)],
  ['eta', 'eta', within(0, 1)],
  ['seed', 'sample_seed', whole(0, 0xffffffff)],
  ['count', 'count', whole(1, 1024)],
  ['weights', 'weights', among('ema', 'raw', 'ideal')],
  ['variance', 'variance', among('fixed_small', 'fixed_large', 'fixed_forward')],
  ['clip', 'clip', yesOrNo],
  ['dynamic_threshold', 'dynamic_threshold', within(0.01, 1)],
  ['timestep_spacing', 'spacing', among('leading', 'trailing', 'linspace')],
  ['use_karras_sigmas', 'karras', yesOrNo],
  ['use_clipped_model_output', 'rederive_eps', yesOrNo],
  ['labels', 'label', (text) => [text], labelText],
  ['guidance', 'guidance', within(0, 100)],
];

/**
 * @param {PageState} page
 * @returns {Partial<SampleOptions>}
 */
export function readSample(page) {
  const options = OPTIONS.map(([option, name, read]) => {
    const text = page[name];
    return [option, text === undefined ? undefined : read(text)];
  });
  return Object.fromEntries(options.filter(([, value]) => value !== undefined));
}

/**
 * @param {SampleOptions} options
 * @returns {Record<string, unknown>}
 */
export const writeSample = (options) =>
  Object.fromEntries(
    OPTIONS.map(([option, name, , write = asIs]) => [name, write(options[option])]),
  );

const asIs = (/** @type {unknown} */ value) => value;

/**
 * Only what differs from the defaults for the model.
 *
 * @param {SampleOptions} options
 * @param {Config} config
 * @param {number} seed
 * @returns {Record<string, unknown>}
 */
export function writeChangedSample(options, config, seed) {
  const usual = /** @type {SampleOptions} */ ({
    ...SAMPLE_DEFAULTS,
    ...adaptSampling({ sampler: options.sampler }, config),
    sampler: samplersFor(config)[0],
    seed,
  });
  const before = writeSample(usual);
  return Object.fromEntries(
    Object.entries(writeSample(options)).filter(([name, value]) => value !== before[name]),
  );
}

/**
 * The samplers of a comparison, as `ddim:20,heun`: a number of steps where one was chosen.
 *
 * @import { Choice } from './comparison.js'
 * @param {string | undefined} text
 * @returns {Choice[] | undefined}
 */
export function readComparison(text) {
  const choices = (text ?? '').split(',').flatMap((item) => {
    const [name, steps = ''] = item.split(':');
    const sampler = samplerNamed(name.trim());
    return sampler ? [{ sampler, steps: whole(1, 10_000)(steps) }] : [];
  });
  return choices.length ? choices : undefined;
}

/**
 * @param {PageState} page
 * @returns {import('./session.js').SessionOptions['edit']}
 */
export function readEdit({ edit, strength, to_seed }) {
  const kind = among('between', 'redraw', 'fill')(edit ?? '');
  const values = {
    kind: /** @type {import('./editor.js').EditKind | undefined} */ (kind),
    strength: within(0.05, 1)(strength ?? ''),
    to: whole(0, 0xffffffff)(to_seed ?? ''),
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** @param {Choice[]} choices */
export const writeComparison = (choices) =>
  choices.map(({ sampler, steps }) => (steps ? `${sampler}:${steps}` : sampler)).join(',');

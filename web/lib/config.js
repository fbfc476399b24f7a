import { deriveSettings } from './derived-settings.js';
import { LabError } from './errors.js';
import { marked, msg, translated } from './localize.js';

/**
 * The settings of a run, in the words of the diffusers library.
 *
 * @typedef {object} UNetConfig
 * @property {number[]} block_out_channels
 * @property {number} layers_per_block
 * @property {number} norm_num_groups
 * @property {('DownBlock2D' | 'AttnDownBlock2D')[]} down_block_types
 * @property {('UpBlock2D' | 'AttnUpBlock2D')[]} up_block_types
 * @property {boolean} add_attention
 * @property {number} in_channels of the images: 1 (grey), 3 (RGB) or 4 (RGB and alpha)
 * @property {number} out_channels
 * @property {number | null} num_class_embeds
 *
 * @typedef {object} SchedulerConfig
 * @property {number} num_train_timesteps
 * @property {'linear' | 'scaled_linear' | 'squaredcos_cap_v2' | 'sigmoid' | 'variance_exploding'} beta_schedule
 * @property {number} beta_start
 * @property {number} beta_end
 * @property {'epsilon' | 'sample' | 'v_prediction' | 'flow_prediction'} prediction_type
 * @property {'fixed_small' | 'fixed_large' | 'learned_range'} variance_type
 * @property {boolean} rescale_betas_zero_snr
 * @property {boolean} clip_sample
 * @property {boolean} thresholding
 * @property {number} shift
 * @property {'leading' | 'trailing' | 'linspace'} timestep_spacing
 *
 * @typedef {object} TrainingConfig
 * @property {number} batch_size
 * @property {'adam' | 'muon'} optimizer
 * @property {number} learning_rate
 * @property {number} muon_learning_rate
 * @property {number} lr_warmup_steps
 * @property {number} ema_max_decay
 * @property {boolean} random_flip
 * @property {boolean} random_crop whether it learns from random crops of larger pictures
 * @property {'simple' | 'min_snr' | 'vlb' | 'previous'} loss_weighting
 * @property {number} min_snr_gamma
 * @property {number} min_snr_floor
 * @property {number} vlb_weight
 * @property {'no' | 'fp16'} mixed_precision what feature maps are stored as while training
 *
 * @typedef {object} Config
 * @property {number} size
 * @property {number} seed
 * @property {UNetConfig & Record<string, unknown>} unet
 * @property {SchedulerConfig & Record<string, unknown>} scheduler
 * @property {TrainingConfig & Record<string, unknown>} training
 * @property {string[]} labels what the classes are called; empty without labels
 */

/**
 * A partial config: nested as in `Config`, or flat with dotted or bare names, as in a link
 * (`unet.norm_num_groups`, `batch_size`).
 * @typedef {Record<string, unknown>} ConfigOverrides
 */

/**
 * Whether a model learns from crops of larger pictures: then there are no whole images that its samples
 * or its loss could be held against, but tens of thousands of crops, most alike but for a shift.
 * @param {Config} config
 */
export const learnsCrops = (config) => config.training.random_crop;

const SECTIONS = /** @type {const} */ (['unet', 'scheduler', 'training']);

/**
 * @param {Config} defaults complete
 * @param {ConfigOverrides} [overrides]
 * @returns {Config}
 */
export function mergeConfig(defaults, overrides = {}) {
  const config = structuredClone(defaults);
  const flat = flatten(overrides);
  for (const [path, value] of Object.entries(flat)) {
    const place = locate(config, path);
    if (!place) throw badSetting(path, msg('There is no setting called “{0}”.', path));
    place.parent[place.key] = parseLike(place.parent[place.key], value, path);
  }
  return deriveSettings(config, (name) => settingIn(flat, name) !== undefined);
}

/**
 * What overrides, in whatever form, say about a setting.
 * @param {ConfigOverrides} overrides
 * @param {string} name without its section
 */
export const givenSetting = (overrides, name) => settingIn(flatten(overrides), name);

/**
 * @param {Record<string, unknown>} flat
 * @param {string} name
 */
const settingIn = (flat, name) =>
  (Object.hasOwn(flat, name) ? flat[name] : undefined) ??
  SECTIONS.map((section) => flat[`${section}.${name}`]).find((value) => value !== undefined);

/**
 * @param {string} path the setting at fault, which becomes the error's `cause`
 * @param {string} message
 */
const badSetting = (path, message) => new LabError('bad-config', message, { cause: path });

/**
 * Every setting by its shortest unambiguous name, for a link. Labels are those of the images.
 * @param {Config} config
 * @returns {Record<string, unknown>}
 */
export function flattenConfig(config) {
  /** @type {Record<string, unknown>} */
  const flat = { size: config.size, seed: config.seed };
  for (const section of SECTIONS) {
    for (const [key, value] of Object.entries(config[section])) {
      if (key === 'num_class_embeds') continue;
      flat[section === 'unet' ? `unet.${key}` : key] = value;
    }
  }
  return flat;
}

/**
 * @param {Config | undefined} a
 * @param {Config | undefined} b
 */
export const sameConfig = (a, b) => !!a && !!b && comparable(a) === comparable(b);

/** @param {Config} config */
const comparable = (config) =>
  JSON.stringify([flattenConfig(config), config.labels, config.unet.num_class_embeds]);

/**
 * @param {ConfigOverrides} overrides
 * @returns {Record<string, unknown>}
 */
export function flatten(overrides) {
  const entries = Object.entries(overrides).flatMap(([key, value]) => {
    const section = SECTIONS.some((name) => name === key);
    if (!section || !value || typeof value !== 'object') return [[key, value]];
    return Object.entries(value).map(([name, inner]) => [`${key}.${name}`, inner]);
  });
  // Whatever the names are, they are names of its own.
  return Object.fromEntries(entries);
}

/**
 * @param {Config} config
 * @param {string} path
 * @returns {{ parent: Record<string, unknown>, key: string } | undefined}
 */
function locate(config, path) {
  const [first, ...rest] = path.split('.');
  const root = /** @type {Record<string, any>} */ (config);
  if (rest.length) {
    const parent = SECTIONS.some((name) => name === first) ? root[first] : undefined;
    return parent && Object.hasOwn(parent, rest[0]) ? { parent, key: rest[0] } : undefined;
  }
  const levels = [root, ...SECTIONS.map((name) => root[name])];
  const parent = levels.find((level) => Object.hasOwn(level, first));
  return parent && !SECTIONS.some((name) => name === first) ? { parent, key: first } : undefined;
}

/**
 * Reads a value from a link with the type that the default has.
 *
 * @param {unknown} model
 * @param {unknown} value
 * @param {string} path
 * @returns {unknown}
 */
function parseLike(model, value, path) {
  if (typeof value !== 'string') return requireKind(model, value, path);
  if (typeof model === 'string') return value;
  if (Array.isArray(model)) {
    return value.split(',').map((item) => parseLike(model[0], item.trim(), path));
  }
  if (typeof model === 'boolean') return value === 'true' || value === '1';
  if (model === null || model === undefined) return value === 'null' ? null : guess(value);
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number)) {
    throw badSetting(path, msg('The setting “{0}” needs a number, not “{1}”.', path, value));
  }
  return number;
}

/** Kinds of values, by `kindOf`, in words. @type {Record<string, string>} */
const KINDS = {
  number: marked('a number'),
  string: marked('text'),
  boolean: marked('true or false'),
  list: marked('a list'),
};

const kindOf = (/** @type {unknown} */ value) => (Array.isArray(value) ? 'list' : typeof value);

/**
 * That a value has the type that the default has. What may be null, and what is in a list, the core
 * knows.
 *
 * @param {unknown} model
 * @param {unknown} value
 * @param {string} path
 */
function requireKind(model, value, path) {
  const kind = kindOf(model);
  const absent = value === null && kind === 'number';
  if (!Object.hasOwn(KINDS, kind) || kindOf(value) === kind || absent) return value;
  throw badSetting(path, msg('The setting “{0}” needs {1}.', path, translated(KINDS[kind])));
}

/** @param {string} value */
function guess(value) {
  const number = Number(value);
  return value.trim() === '' || Number.isNaN(number) ? value : number;
}

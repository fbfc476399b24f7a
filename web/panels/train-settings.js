import { html, nothing } from 'lit';
import { neededChannels } from '../lib/channels.js';
import { givenSetting } from '../lib/config.js';
import { marked, midSentence, msg, translated, translatedOptions } from '../lib/localize.js';
import { checkField, numberField, selectField } from './fields.js';
import { processSettings } from './process-settings.js';

/** Every size is divisible by 4: each of the U-Net's levels but the last halves it. */
/** @type {[string, string][]} */
const SIZES = ['16', '32', '64'].map((size) => [size, `${size} × ${size}`]);
/** @type {[string, string][]} */
const WIDTHS = [
  ['16,32,32', marked('narrow (16, 32, 32)')],
  ['32,64,64', marked('medium (32, 64, 64)')],
  ['64,128,128', marked('wide (64, 128, 128)')],
];
/** @type {[string, string][]} */
const CHANNELS = [
  ['3', marked('Colour')],
  ['1', marked('Grey')],
  ['4', marked('With transparency')],
];
/** @type {[string, string][]} */
const OPTIMIZERS = [
  ['muon', 'Muon'],
  ['adam', 'Adam'],
];
/** @type {[string, string][]} */
const RATES = ['0.0001', '0.0003', '0.0005', '0.001', '0.002'].map((value) => [value, value]);
/** @type {[string, string][]} */
const MUON_RATES = ['0.002', '0.005', '0.01', '0.02', '0.05'].map((value) => [value, value]);
/** @type {[string, string][]} */
const BATCHES = ['4', '8', '16', '32', '64'].map((value) => [value, value]);

/**
 * @param {import('../element/session.js').Session} session
 * @param {boolean} disabled
 */
function adamRateField(session, disabled) {
  const { optimizer, learning_rate } = configOf(session).training;
  return selectField({
    label: optimizer === 'muon' ? msg('Learning rate of Adam') : msg('Learning rate'),
    testid: 'learning-rate',
    changes: 'rate',
    value: String(learning_rate),
    options: RATES,
    disabled,
    hint: optimizer === 'muon' ? msg('For the first and last layer, biases and norms') : undefined,
    change: (value) => session.set('learning_rate', Number(value)),
  });
}

/**
 * @param {import('../element/session.js').Session} session
 * @param {boolean} disabled
 */
function muonRateField(session, disabled) {
  return selectField({
    label: msg('Learning rate'),
    testid: 'muon-learning-rate',
    changes: 'muon-rate',
    value: String(configOf(session).training.muon_learning_rate),
    options: MUON_RATES,
    disabled,
    change: (value) => session.set('muon_learning_rate', Number(value)),
  });
}

/**
 * What the images are learnt as: what they need, unless something else is chosen.
 * @param {import('../element/session.js').Session} session
 * @param {boolean} disabled
 */
function channelsField(session, disabled) {
  const name = 'unet.in_channels';
  const needed = String(neededChannels(session.imageSet.images));
  const found = CHANNELS.find(([channels]) => channels === needed)?.[1] ?? '';
  const chosen = givenSetting(session.run.overrides, 'in_channels') !== undefined;
  return selectField({
    label: msg('Colours'),
    testid: 'image-channels',
    changes: 'x0',
    value: chosen || disabled ? String(configOf(session).unet.in_channels) : '',
    options: disabled
      ? translatedOptions(CHANNELS)
      : [
          ['', msg('As the images are ({0})', midSentence(translated(found)))],
          ...translatedOptions(CHANNELS),
        ],
    disabled,
    hint: msg('Without transparency, what is transparent becomes white'),
    change: (value) => session.set(name, value ? Number(value) : undefined),
  });
}

/** @param {import('../element/session.js').Session} session that has settings by now */
const configOf = (session) => /** @type {import('../lib/config.js').Config} */ (session.run.config);

/**
 * The settings of the run that Start would begin; fixed once there is something to go on with.
 * @param {import('../element/session.js').Session} session
 */
export function trainSettings(session) {
  const { run } = session;
  const { config } = run;
  if (!config) return nothing;
  const { unet, training, size, seed } = config;
  const fixed = run.training || run.continues || session.phase !== 'ready';
  const set = (/** @type {string} */ name) => (/** @type {unknown} */ value) =>
    session.set(name, value);
  const muon = training.optimizer === 'muon';
  return html`<div class="fields">
      ${selectField({
        label: msg('Image size'),
        testid: 'size',
        value: String(size),
        options: SIZES,
        disabled: fixed,
        change: (value) => session.set('size', Number(value)),
      })}
      ${numberField({
        label: msg('Steps'),
        testid: 'train-steps',
        changes: 'train-steps',
        value: run.steps,
        min: 1,
        max: 1e7,
        step: 'any',
        change: (value) => run.setSteps(value),
      })}
      <div class="expert">
        ${selectField({
          label: msg('Batch size'),
          testid: 'batch-size',
          changes: 'batch',
          value: String(training.batch_size),
          options: BATCHES,
          disabled: fixed,
          hint: msg('Images looked at in each step'),
          change: (value) => session.set('batch_size', Number(value)),
        })}
        ${muon ? muonRateField(session, fixed) : adamRateField(session, fixed)}
      </div>
    </div>
    ${checkField({
      label: msg('Mirror images at random'),
      testid: 'random-flip',
      changes: 'mirror x0',
      value: training.random_flip,
      disabled: fixed,
      hint: msg('Doubles the images, where left and right do not matter'),
      change: set('random_flip'),
    })}
    <details class="expert">
      <summary>${msg('More settings')}</summary>
      <div class="fields">
        ${channelsField(session, fixed)}
        ${selectField({
          label: msg('Optimizer'),
          testid: 'optimizer',
          changes: 'optimizer',
          value: training.optimizer,
          options: OPTIMIZERS,
          disabled: fixed,
          hint: msg(
            'What turns gradients into steps. Muon (Jordan et al. 2024) learns in fewer of them',
          ),
          change: set('optimizer'),
        })}
        ${muon ? adamRateField(session, fixed) : nothing}
        ${selectField({
          label: msg('Network width'),
          testid: 'channels',
          changes: 'network',
          value: unet.block_out_channels.join(','),
          options: translatedOptions(WIDTHS),
          disabled: fixed,
          hint: msg('Channels at each level of the U-Net'),
          change: set('unet.block_out_channels'),
        })}
        ${numberField({
          label: msg('Layers a level'),
          testid: 'layers',
          changes: 'network',
          value: unet.layers_per_block,
          min: 1,
          max: 4,
          disabled: fixed,
          change: set('unet.layers_per_block'),
        })}
        ${numberField({
          label: msg('Averaging (EMA) decay'),
          testid: 'ema-decay',
          changes: 'ema',
          value: training.ema_max_decay,
          min: 0,
          max: 0.99999,
          step: 'any',
          disabled: fixed,
          change: set('ema_max_decay'),
        })}
        ${numberField({
          label: msg('Seed'),
          testid: 'seed',
          changes: 'batch',
          value: seed,
          min: 0,
          max: 0xffffffff,
          disabled: fixed,
          hint: msg('The same seed gives the same run'),
          change: set('seed'),
        })}
      </div>
    </details>
    ${processSettings(session, fixed)}
    ${
      run.continues && !run.training && session.phase === 'ready'
        ? html`<p class="note">
            ${msg(
              'These settings belong to the model that is being trained. To change them, start ' +
                'from random weights.',
            )}
          </p>`
        : nothing
    }`;
}

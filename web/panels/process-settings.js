import { html, nothing } from 'lit';
import { marked, msg, translatedOptions } from '../lib/localize.js';
import { isFlow } from '../lib/samplers.js';
import { checkField, numberField, selectField } from './fields.js';

/**
 * The settings of the diffusion process and of what is learnt about it. They belong to a run: only
 * a fresh model takes others.
 *
 * @import { Session } from '../element/session.js'
 */

/** @type {[string, string][]} */
const TARGETS = [
  ['epsilon', marked('the noise, ε')],
  ['sample', marked('the image, x₀')],
  ['v_prediction', marked('a mix of both, v')],
  ['flow_prediction', marked('the way from image to noise (flow)')],
];

/** @type {[string, string][]} */
const SCHEDULES = [
  ['squaredcos_cap_v2', marked('cosine (Nichol & Dhariwal 2021)')],
  ['linear', marked('linear (Ho et al. 2020)')],
  ['scaled_linear', marked('scaled linear (Rombach et al. 2022)')],
  ['sigmoid', marked('sigmoid (Xu et al. 2022)')],
  ['variance_exploding', marked('variance exploding (Nakkiran et al. 2024)')],
];

/** @type {[string, string][]} */
const VARIANCES = [
  ['fixed_small', marked('small, β̃ (fixed)')],
  ['fixed_large', marked('large, β (fixed)')],
  ['learned_range', marked('learned, between the two')],
];

/** @type {[string, string][]} */
const WEIGHTINGS = [
  ['simple', marked('all alike (simple)')],
  ['min_snr', marked('easy ones less (min-SNR)')],
  ['vlb', marked('as the likelihood does (VLB)')],
  ['previous', marked('those of the previous step, x₍ₜ₋₁₎ itself the target')],
];

/**
 * How fast an image drowns.
 *
 * @param {Session} session
 * @param {{ testid: string, disabled: boolean }} field
 */
export function scheduleField(session, { testid, disabled }) {
  const { scheduler } = configOf(session);
  if (isFlow(session.run.config)) {
    return numberField({
      label: msg('Shift of the noise levels'),
      testid: `${testid}-shift`,
      changes: 'schedule t',
      value: scheduler.shift,
      min: 0.1,
      max: 10,
      step: 'any',
      disabled,
      hint: msg('A flow has no β. Above 1, more of its steps are noisy ones (Esser et al. 2024)'),
      change: (value) => session.set('shift', value),
    });
  }
  return selectField({
    label: msg('Noise schedule'),
    testid,
    changes: 'schedule t',
    value: scheduler.beta_schedule,
    options: translatedOptions(SCHEDULES),
    disabled,
    hint: msg('How fast the image drowns. Belongs to the run: a new schedule needs a fresh model.'),
    change: (value) => session.set('beta_schedule', value),
  });
}

/**
 * Whether the schedule goes all the way, which a flow's always does.
 *
 * @param {Session} session
 * @param {{ testid: string, disabled: boolean }} field
 */
export function zeroSnrField(session, { testid, disabled }) {
  if (isFlow(session.run.config)) return nothing;
  return checkField({
    label: msg('End in nothing but noise'),
    testid,
    changes: 'zero-snr target t',
    value: configOf(session).scheduler.rescale_betas_zero_snr,
    disabled,
    hint: msg(
      'A terminal signal-to-noise ratio of zero (Lin et al. 2023). The network then cannot ' +
        'predict ε and takes v',
    ),
    change: (value) => session.set('rescale_betas_zero_snr', value),
  });
}

/** @param {Session} session that has settings by now */
const configOf = (session) => /** @type {import('../lib/config.js').Config} */ (session.run.config);

/**
 * @param {Session} session
 * @param {boolean} disabled
 */
export function processSettings(session, disabled) {
  const { scheduler, training } = configOf(session);
  const set = (/** @type {string} */ name) => (/** @type {unknown} */ value) =>
    session.set(name, value);
  const learned = scheduler.variance_type === 'learned_range';
  return html`<details class="expert" data-testid="advanced">
    <summary>${msg('Advanced: what is learnt')}</summary>
    <div class="fields">
      ${selectField({
        label: msg('The network guesses'),
        testid: 'prediction-type',
        changes: 'target network weight',
        value: scheduler.prediction_type,
        options: translatedOptions(TARGETS),
        disabled,
        hint: msg(
          'prediction_type in diffusers: epsilon, sample, v_prediction (Salimans & Ho 2022) ' +
            'or, a rectified flow, flow_prediction (Liu et al. 2023)',
        ),
        change: set('prediction_type'),
      })}
      ${numberField({
        label: msg('Timesteps T'),
        testid: 'timesteps',
        changes: 't schedule',
        value: scheduler.num_train_timesteps,
        min: 10,
        max: 4000,
        step: 10,
        disabled,
        hint: msg('How many noise levels there are between image and noise'),
        change: (value) => session.set('num_train_timesteps', Math.round(value)),
      })}
      ${scheduleField(session, { testid: 'train-beta-schedule', disabled })}
      ${selectField({
        label: msg('Which errors count'),
        testid: 'loss-weighting',
        changes: 'weight',
        value: training.loss_weighting,
        options: translatedOptions(WEIGHTINGS),
        disabled,
        hint: msg(
          'How much the error at each noise level weighs: the simple loss (Ho et al. 2020), ' +
            'min-SNR-γ (Hang et al. 2023), the variational bound, or the step before as a noisy ' +
            'target (Nakkiran et al. 2024)',
        ),
        change: set('loss_weighting'),
      })}
      ${
        training.loss_weighting === 'min_snr'
          ? numberField({
              label: msg('γ, most that counts'),
              testid: 'min-snr-gamma',
              changes: 'gamma',
              value: training.min_snr_gamma,
              min: 0.1,
              max: 100,
              step: 'any',
              disabled,
              change: set('min_snr_gamma'),
            })
          : nothing
      }
      ${
        training.loss_weighting === 'min_snr'
          ? numberField({
              label: msg('Least weight'),
              testid: 'min-snr-floor',
              changes: 'floor',
              value: training.min_snr_floor,
              min: 0,
              max: 1,
              step: 'any',
              disabled,
              hint: msg(
                'Added to every weight. Without it the highest noise levels, where every sample ' +
                  'starts, hardly count',
              ),
              change: set('min_snr_floor'),
            })
          : nothing
      }
      ${selectField({
        label: msg('Variance of each step back'),
        testid: 'variance-type',
        changes: 'variance lambda',
        value: scheduler.variance_type,
        options: translatedOptions(VARIANCES),
        disabled,
        hint: msg('Learned: the network also says how unsure it is (Nichol & Dhariwal 2021)'),
        change: set('variance_type'),
      })}
      ${
        learned
          ? numberField({
              label: msg('λ, weight of the bound'),
              testid: 'vlb-weight',
              changes: 'lambda',
              value: training.vlb_weight,
              min: 1e-6,
              max: 10,
              step: 'any',
              disabled,
              hint: msg('The variance is learnt by λ · L_vlb beside the loss of the guess'),
              change: set('vlb_weight'),
            })
          : nothing
      }
    </div>
    ${zeroSnrField(session, { testid: 'train-zero-snr', disabled })}
  </details>`;
}

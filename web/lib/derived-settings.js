/**
 * Settings that follow from others, so that changing one never makes an impossible model.
 *
 * @import { Config } from './config.js'
 */

/**
 * Fills in what a visitor leaves open when changing a part.
 *
 * @param {Config} config which is changed
 * @param {(name: string) => boolean} given whether a setting was asked for by name
 * @returns {Config}
 */
export function deriveSettings(config, given) {
  const { unet, scheduler } = config;
  // Whoever changes the channels alone means plain blocks, one for each entry.
  const levels = unet.block_out_channels.length;
  if (unet.down_block_types.length !== levels) {
    unet.down_block_types = Array(levels).fill('DownBlock2D');
  }
  if (unet.up_block_types.length !== levels) unet.up_block_types = Array(levels).fill('UpBlock2D');
  // A learned variance takes as many channels again as the prediction.
  unet.out_channels = unet.in_channels * (scheduler.variance_type === 'learned_range' ? 2 : 1);
  // A row for each label and one for any, the null class.
  if (config.labels.length) unet.num_class_embeds = config.labels.length + 1;
  // To find the noise in pure noise says nothing of the image.
  if (scheduler.rescale_betas_zero_snr && !given('prediction_type')) {
    if (scheduler.prediction_type === 'epsilon') scheduler.prediction_type = 'v_prediction';
  }
  return config;
}

/**
 * Settings asked for earlier that make no sense beside a new one; without them they follow from it.
 *
 * @param {Config} config in force so far
 * @param {string} name of the new one
 * @param {unknown} value
 * @returns {string[]}
 */
export function outdatedBy({ scheduler }, name, value) {
  // β depend on how many there are, and each schedule has its own.
  if (name === 'num_train_timesteps' || name === 'beta_schedule') return ['beta_start', 'beta_end'];
  if (name === 'rescale_betas_zero_snr' && value && scheduler.prediction_type === 'epsilon') {
    return ['prediction_type'];
  }
  if (name === 'prediction_type' && value === 'epsilon') return ['rescale_betas_zero_snr'];
  return [];
}

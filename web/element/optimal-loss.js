/**
 * The optimal loss, by t and on average: the least that any network can have on the images, what
 * the loss curve comes down to when everything is learnt by heart.
 *
 * @import { Lab } from '../lab.js'
 */

/** Timesteps it is estimated from. */
export const OPTIMAL_LOSS_TIMESTEPS = 64;

export class OptimalLoss {
  /** @type {number[]} */
  t = [];
  /** @type {number[]} */
  losses = [];
  /** The mean over all timesteps, once it is known. @type {number | undefined} */
  mean;

  /**
   * What it depends on; another value, and it has to be measured anew.
   * @param {Lab} lab
   */
  static key({ config, images }) {
    const { random_flip, loss_weighting, min_snr_gamma, class_dropout_prob } = config.training;
    const { size, seed, scheduler, labels, unet } = config;
    // A network that is given the label may know more than one that is not.
    const conditioning = [labels, unet.num_class_embeds, class_dropout_prob];
    const weighted = [random_flip, loss_weighting, min_snr_gamma];
    const pixels = [size, unet.in_channels];
    return [images, JSON.stringify([...pixels, seed, scheduler, ...weighted, ...conditioning])];
  }

  clear() {
    Object.assign(this, { t: [], losses: [], mean: undefined });
  }

  /**
   * Adopts a new measurement once it is complete.
   * @param {Lab} lab
   * @param {() => void} changed
   */
  async *measure(lab, changed) {
    const before = this.t;
    /** @type {number[]} */
    const t = [];
    /** @type {number[]} */
    const losses = [];
    let mean;
    for await (const part of lab.optimalLoss({ timesteps: OPTIMAL_LOSS_TIMESTEPS })) {
      t.push(part.t);
      losses.push(part.floor);
      mean = part.mean;
      yield;
    }
    // Forgotten meanwhile, it is of something else.
    if (this.t !== before) return;
    Object.assign(this, { t, losses, mean });
    changed();
  }
}

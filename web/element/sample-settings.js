import { SAMPLE_DEFAULTS } from '../lab.js';
import { knownLabels, labelsOfModel } from '../lib/labels.js';
import { adaptSampling } from '../lib/samplers.js';

/**
 * @import { SampleOptions } from '../worker/protocol.js'
 * @import { SamplerName } from '../lib/samplers.js'
 * @import { Config } from '../lib/config.js'
 */

/**
 * What a visitor wishes about sampling. Wishes outlive the model: one that the model in force
 * cannot fulfil comes back with a model that can.
 */
export class SampleSettings {
  /** @type {Partial<SampleOptions>} */
  #wishes = {};
  /** Each sampler needs its own number. @type {Partial<Record<SamplerName, number>>} */
  #steps = {};

  /**
   * @param {Partial<SampleOptions>} wishes
   * @param {Config | undefined} config of the model they were uttered about
   */
  set({ steps, ...wishes }, config) {
    this.#wishes = { ...this.#wishes, ...wishes };
    if (steps !== undefined) this.#steps[this.for(config).sampler] = steps;
  }

  /**
   * The options that a model is sampled with.
   *
   * @param {Config | undefined} config
   * @param {{ sampler?: SamplerName, steps?: number }} [own] in place of the visitor's choice
   * @returns {SampleOptions}
   */
  for(config, own = {}) {
    const wishes = { ...SAMPLE_DEFAULTS, ...this.#wishes, ...own };
    const { sampler } = adaptSampling(wishes, config);
    const steps = own.steps ?? this.#steps[sampler];
    return {
      ...wishes,
      labels: knownLabels(wishes.labels, config ? labelsOfModel(config) : []),
      ...adaptSampling({ ...wishes, sampler, steps }, config),
    };
  }
}

import { samplerNamed } from '../lib/samplers.js';

/**
 * The settings in force, whoever chose them.
 *
 * @typedef {object} Settings
 * @property {string | null} dataset the bundled set, or null for other images
 * @property {number} size
 * @property {import('../lab.js').BackendName} backend
 * @property {string} sampler
 * @property {number} steps
 * @property {number} seed
 */

/**
 * @param {import('./session.js').Session | undefined} session
 * @returns {Settings | undefined} nothing before the session is ready
 */
export function settingsOf(session) {
  if (session?.phase !== 'ready') return undefined;
  const { sampler, steps, seed } = session.sampleOptions;
  const { backend, config } = session.lab;
  return { dataset: session.imageSet.dataset, size: config.size, backend, sampler, steps, seed };
}

/**
 * Does what is asked for by those properties that now say something else than what is in force.
 *
 * @param {import('./session.js').Session} session that is ready
 * @param {import('./unnoise-lab.js').UnnoiseLab} element
 * @param {import('lit').PropertyValues} changed
 */
export function applyAsked(session, element, changed) {
  const { datasetName, model, backend, sampler, steps, seed, size } = element;
  const { imageSet, lab, sampleOptions } = session;
  const differs = (/** @type {string} */ name, /** @type {unknown} */ current) => {
    const value = Reflect.get(element, name) ?? undefined;
    return changed.has(name) && value !== undefined && value !== current;
  };
  if (differs('datasetName', imageSet.dataset)) imageSet.choose(datasetName ?? '');
  if (model && differs('model', imageSet.modelAddress)) imageSet.fetchModel(model);
  // What it chose by itself is as good as any other.
  if (backend && backend !== 'auto' && differs('backend', lab.backend)) {
    session.switchBackend(backend);
  }
  if (differs('size', lab.config.size)) session.set('size', size);
  const given = Object.entries({ sampler: samplerNamed(sampler), steps, seed });
  const changes = given.filter(
    ([name, value]) => value !== undefined && differs(name, Reflect.get(sampleOptions, name)),
  );
  if (changes.length) session.setSample(Object.fromEntries(changes));
}

import { number } from '../lib/link-values.js';
import { readComparison, readEdit, readSample } from './sample-link.js';
import { imageSources, yes } from './link.js';
import { readPlane } from './plane-settings.js';

/**
 * The settings in force, whoever chose them.
 *
 * @typedef {object} Settings
 * @property {string | null} dataset the bundled set, or null for other images
 * @property {number} size
 * @property {import('../lab.js').BackendName} backend
 * @property {import('../lib/samplers.js').SamplerName} sampler
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
 * Does what has just been asked for, where it is something else than what is in force.
 *
 * @param {import('./session.js').Session} session that is ready
 * @param {import('./unnoise-lab.js').UnnoiseLab} element
 * @param {import('../lib/hash-state.js').HashState} asked
 * @param {ReadonlySet<string>} changed names of properties
 */
export function applyAsked(session, element, { page, config }, changed) {
  const { imageSet, lab, run, comparison, editor, forward, plane } = session;
  const inPlane = readPlane(page);
  if (Object.keys(inPlane).length) plane.choose(inPlane);
  const { dataset, model, backend } = page;
  if (dataset && dataset !== imageSet.dataset) imageSet.choose(dataset);
  if (changed.has('images') || page.images) {
    const sources = imageSources(element, page);
    if (sources.length) imageSet.use(sources);
  }
  if (model && model !== imageSet.modelAddress) imageSet.fetchModel(model);
  // What it chose by itself is as good as any other.
  if (backend && backend !== 'auto' && backend !== lab.backend) session.switchBackend(backend);
  if (page.use_labels && !imageSet.usesLabels) imageSet.useLabels(yes(page.use_labels));
  const trainSteps = number(page.train_steps ?? '');
  if (trainSteps && trainSteps !== run.steps) run.setSteps(trainSteps);
  for (const [name, value] of Object.entries(config)) {
    const inForce = name === 'size' ? lab.config.size : run.overrides[name];
    // Once there is a model, its samples are what a seed is for.
    if (name !== 'seed' && !same(value, inForce)) session.set(name, value);
  }
  const sample = { ...seedIn(config), ...readSample(page) };
  const inForce = session.sampleOptions;
  const changes = Object.entries(sample).filter(
    ([name, value]) => value !== Reflect.get(inForce, name),
  );
  if (changes.length) session.setSample(Object.fromEntries(changes));
  const compared = readComparison(page.compare);
  if (compared) comparison.choose(compared);
  const { kind, ...edit } = readEdit(page);
  if (kind) editor.choose(kind);
  if (Object.keys(edit).length) editor.set(edit);
  const timestep = number(page.timestep ?? '');
  if (timestep !== undefined) forward.choose({ t: timestep });
}

/**
 * Whether two values stand for the same in a link.
 * @param {unknown} a
 * @param {unknown} b
 */
const same = (a, b) => String(a) === String(b);

/** @param {Record<string, unknown>} config */
const seedIn = ({ seed }) => (seed === undefined ? {} : { seed: Number(seed) });

import { flattenConfig } from '../lib/config.js';
import { formatHash } from '../lib/hash-state.js';
import { CPU_BACKEND } from '../lib/backend.js';
import { listedImages, markedUpImages } from '../lib/own-images.js';
import { readPlane, writeChangedPlane } from './plane-settings.js';
import { number } from '../lib/link-values.js';
import {
  readComparison,
  readEdit,
  readSample,
  writeChangedSample,
  writeComparison,
  writeSample,
} from './sample-link.js';

/**
 * @import { HashState } from '../lib/hash-state.js'
 * @import { Figure } from './figure.js'
 * @import { Session, SessionOptions } from './session.js'
 * @import { UnnoiseLab } from './unnoise-lab.js'
 */

/**
 * What a session starts with.
 *
 * @param {UnnoiseLab} element
 * @param {{ mode: string, asked: HashState }} figure
 * @returns {SessionOptions}
 */
export function sessionOptions(element, { mode, asked: { page, config } }) {
  const compare = readComparison(page.compare);
  return {
    // Points in the plane are for the CPU.
    backend: page.backend ?? (mode === 'plane' ? CPU_BACKEND : 'auto'),
    overrides: config,
    dataset: page.dataset ?? null,
    model: page.model ?? null,
    modelFrame: element.modelFrame,
    sources: imageSources(element, page),
    needsModel: mode !== 'forward' && mode !== 'plane',
    needsImages: mode !== 'plane',
    plane: readPlane(page),
    playsPlane: mode === 'plane' && element.autoplay,
    trainSteps: number(page.train_steps ?? ''),
    sample: readSample(page),
    compare,
    comparing: mode === 'compare' || (compare !== undefined && mode !== 'sample'),
    edit: readEdit(page),
    timestep: number(page.timestep ?? ''),
    usesLabels: yes(page.use_labels),
    showsRecording: showsRecording(element, mode, page, config),
    persists: mode === 'lab' || mode === 'train',
    still: matchMedia('(prefers-reduced-motion: reduce)').matches,
  };
}

/** @param {string | undefined} text */
export const yes = (text) => text === '1' || text === 'true';

/**
 * The author's own images: those of the setting, and those in the markup.
 *
 * @param {UnnoiseLab} element
 * @param {import('../lib/hash-state.js').PageState} page
 */
export function imageSources(element, page) {
  const inProperty = typeof element.images === 'string' ? undefined : element.images;
  return [...listedImages(page.images ?? inProperty), ...markedUpImages(element)];
}

/**
 * Whether a recording of the bundled model shows what the element is going to draw.
 *
 * @param {UnnoiseLab} element
 * @param {string} mode
 * @param {import('../lib/hash-state.js').PageState} page
 * @param {Record<string, unknown>} overrides
 */
const showsRecording = (element, mode, page, overrides) =>
  mode === 'lab' &&
  element.autoplay &&
  !page.model &&
  imageSources(element, page).length === 0 &&
  Object.keys({ ...overrides, ...readSample(page) }).length === 0;

/**
 * The hash while one works: what differs from the defaults, so that it stays readable.
 *
 * @param {Session} session
 * @param {Figure} figure
 */
export function shortHash(session, figure) {
  const { imageSet } = session;
  const first = imageSet.dataset === imageSet.sets[0]?.id;
  const dataset = first ? undefined : imageSet.dataset;
  return formatHash({ ...changedSettings(session, figure), dataset });
}

/**
 * What differs from the defaults, and the bundled set.
 *
 * @param {Session} session
 * @param {Figure} figure
 * @returns {Record<string, unknown>} by their names in links
 */
export function changedSettings(session, figure) {
  const { sampleOptions, options, run, plane } = session;
  if (figure.mode === 'plane') {
    return { ...pageSettings(session, figure), ...writeChangedPlane(plane.settings) };
  }
  return {
    ...pageSettings(session, figure),
    backend: options.backend === 'auto' ? undefined : options.backend,
    train_steps: run.usesDefaultSteps ? undefined : run.steps,
    ...writeChangedSample(sampleOptions, session.lab.config, Number(run.overrides.seed ?? 0)),
    ...run.overrides,
  };
}

/**
 * A link that reproduces the run even if a later version has other defaults: every setting.
 *
 * @param {Session} session
 * @param {Figure} figure
 */
export function fullLink(session, figure) {
  const url = new URL(location.href);
  const { sampleOptions, run } = session;
  if (figure.mode === 'plane') {
    url.hash = formatHash(changedSettings(session, figure));
    return url.href;
  }
  url.hash = formatHash({
    ...pageSettings(session, figure),
    backend: session.lab?.backend,
    train_steps: run.steps,
    ...writeSample(sampleOptions),
    ...(run.config ? flattenConfig(run.config) : {}),
  });
  return url.href;
}

/**
 * @param {Session} session
 * @param {Figure} figure
 */
const pageSettings = ({ imageSet, comparison, options }, { mode, theme, element }) => ({
  mode: mode === 'lab' ? undefined : mode,
  theme: theme === 'auto' ? undefined : theme,
  model: imageSet.modelAddress,
  dataset: imageSet.dataset,
  images: options.sources.length && typeof element.images === 'string' ? element.images : undefined,
  use_labels: imageSet.usesLabels && imageSet.labels.length ? 1 : undefined,
  compare: comparison.shown ? writeComparison(comparison.choices) : undefined,
});

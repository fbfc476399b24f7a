import { flattenConfig } from '../lib/config.js';
import { formatHash, parseHash } from '../lib/hash-state.js';
import { samplerNamed } from '../lib/samplers.js';
import {
  number,
  readComparison,
  readSample,
  writeChangedSample,
  writeComparison,
  writeSample,
} from './sample-link.js';

/**
 * @import { Session, SessionOptions } from './session.js'
 * @import { UnnoiseLab } from './unnoise-lab.js'
 */

/**
 * What a session starts with: the hash where the element follows it, else the attributes.
 *
 * @param {UnnoiseLab} element
 * @returns {SessionOptions}
 */
export function sessionOptions(element) {
  const { page, config } = parseHash(element.hash ? location.hash : '');
  const overrides = /** @type {Record<string, unknown>} */ ({ ...config });
  if (overrides.size === undefined && element.size) overrides.size = element.size;
  if (overrides.seed === undefined && element.seed !== undefined) overrides.seed = element.seed;
  const asked = defined({ sampler: samplerNamed(element.sampler), steps: element.steps });
  return {
    backend: page.backend ?? element.backend ?? 'auto',
    overrides,
    dataset: page.dataset ?? element.datasetName ?? null,
    model: page.model ?? element.model ?? null,
    trainSteps: number(page.train_steps ?? ''),
    sample: { ...asked, ...readSample(page) },
    compare: readComparison(page.compare),
    usesLabels: page.use_labels === '1',
    showsRecording: showsRecording(element, page, overrides),
    persists: element.shownMode === 'lab' || element.shownMode === 'train',
    still: matchMedia('(prefers-reduced-motion: reduce)').matches,
  };
}

/**
 * Whether a recording of the bundled model shows what the element is going to draw.
 *
 * @param {UnnoiseLab} element
 * @param {import('../lib/hash-state.js').PageState} page
 * @param {Record<string, unknown>} overrides
 */
const showsRecording = (element, page, overrides) =>
  element.shownMode === 'lab' &&
  element.autoplay &&
  !(page.model ?? element.model) &&
  !element.sampler &&
  !element.steps &&
  Object.keys({ ...overrides, ...readSample(page) }).length === 0;

/**
 * The hash while one works: what differs from the defaults, so that it stays readable.
 *
 * @param {Session} session
 * @param {UnnoiseLab} element
 */
export function shortHash(session, element) {
  const { sampleOptions, options, imageSet, run } = session;
  return formatHash({
    ...pageSettings(session, element),
    dataset: imageSet.dataset === session.imageSet.sets[0]?.id ? undefined : imageSet.dataset,
    backend: options.backend === 'auto' ? undefined : options.backend,
    train_steps: run.usesDefaultSteps ? undefined : run.steps,
    ...writeChangedSample(sampleOptions, session.lab.config, Number(run.overrides.seed ?? 0)),
    ...run.overrides,
  });
}

/**
 * A link that reproduces the run even if a later version has other defaults: every setting.
 *
 * @param {Session} session
 * @param {UnnoiseLab} element
 */
export function fullLink(session, element) {
  const { sampleOptions, run } = session;
  const url = new URL(location.href);
  url.hash = formatHash({
    ...pageSettings(session, element),
    backend: session.lab?.backend,
    train_steps: run.steps,
    ...writeSample(sampleOptions),
    ...(run.config ? flattenConfig(run.config) : {}),
  });
  return url.href;
}

/**
 * @param {Session} session
 * @param {UnnoiseLab} element
 */
const pageSettings = (session, element) => ({
  mode: element.shownMode === 'lab' ? undefined : element.shownMode,
  theme: element.shownTheme === 'auto' ? undefined : element.shownTheme,
  model: session.imageSet.modelAddress,
  dataset: session.imageSet.dataset,
  use_labels: session.imageSet.usesLabels && session.imageSet.labels.length ? 1 : undefined,
  compare: session.comparison.shown ? writeComparison(session.comparison.choices) : undefined,
});

/**
 * @template {Record<string, unknown>} T
 * @param {T} values
 */
const defined = (values) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

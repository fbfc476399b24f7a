import { ATTRIBUTES, PAGE_SETTINGS, propertyOf, settingOf } from '../lib/attributes.js';
import { flatten } from '../lib/config.js';
import { parseHash } from '../lib/hash-state.js';

/**
 * The settings that an element is asked for, as a link has them: those of `config`, then the
 * attributes, then the hash of the page's address where the element follows it.
 *
 * @import { HashState } from '../lib/hash-state.js'
 * @import { UnnoiseLab } from './unnoise-lab.js'
 *
 * Those of the properties that are more than settings of a link:
 * @typedef {object} Asked
 * @property {import('./unnoise-lab.js').Mode} mode
 * @property {import('./unnoise-lab.js').Theme} theme
 * @property {'lazy' | 'eager'} loading
 * @property {Record<string, unknown> | undefined} config
 * @property {string | Iterable<string | URL | Blob> | undefined} images
 * @property {string | undefined} base
 * @property {string | undefined} offline
 * @property {string | undefined} modelFrame
 * @property {boolean} hash
 * @property {boolean} autoplay
 * @property {boolean} controls
 */

/**
 * @param {UnnoiseLab} element
 * @returns {HashState}
 */
export function askedSettings(element) {
  const sources = [
    readConfig(element.config),
    readProperties(element),
    parseHash(element.hash ? location.hash : ''),
  ];
  return {
    page: Object.assign({}, ...sources.map(({ page }) => page)),
    config: Object.fromEntries(sources.flatMap(({ config }) => Object.entries(config))),
  };
}

/**
 * The settings among properties that have just been set.
 *
 * @param {UnnoiseLab} element
 * @param {ReadonlySet<string>} changed names of properties
 * @returns {HashState}
 */
export function askedBy(element, changed) {
  const own = readProperties(element, changed);
  const inConfig = readConfig(changed.has('config') ? element.config : undefined);
  return {
    page: { ...inConfig.page, ...own.page },
    config: { ...inConfig.config, ...own.config },
  };
}

/** @param {Record<string, unknown>} [settings] @returns {HashState} */
function readConfig(settings = {}) {
  const entries = Object.entries(flatten(settings)).filter(([, value]) => value !== undefined);
  return divide(entries);
}

/**
 * @param {UnnoiseLab} element
 * @param {ReadonlySet<string>} [among]
 */
function readProperties(element, among) {
  const entries = ATTRIBUTES.filter(({ setting }) => setting).flatMap((attribute) => {
    const property = propertyOf(attribute);
    const value = Reflect.get(element, property);
    // Of three states, false is one that is asked for.
    const off = attribute.type === 'boolean' && !value;
    const asks = value !== undefined && value !== null && value !== '' && !off;
    const counts = !among || among.has(property);
    return asks && counts ? [/** @type {[string, unknown]} */ ([settingOf(attribute), value])] : [];
  });
  return divide(entries);
}

/**
 * @param {[string, unknown][]} entries
 * @returns {HashState}
 */
function divide(entries) {
  const page = entries.filter(([name]) => PAGE_SETTINGS.has(name));
  return {
    page: Object.fromEntries(page.map(([name, value]) => [name, textOf(value)])),
    config: Object.fromEntries(entries.filter(([name]) => !PAGE_SETTINGS.has(name))),
  };
}

/**
 * As it stands in a link, if it can: files cannot.
 * @param {unknown} value
 */
function textOf(value) {
  if (value === null) return undefined;
  if (!Array.isArray(value)) return String(value);
  return value.some((item) => item instanceof Blob) ? undefined : value.join(' ');
}

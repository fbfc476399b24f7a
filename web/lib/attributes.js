import table from './attributes.json';
import { LabError } from './errors.js';

/**
 * What can be asked of the element, declared once: the element parses by this table, links and
 * `config` have its names, and the build makes the types, custom-elements.json and web-types of it.
 *
 * @typedef {object} Attribute
 * @property {string} name of the attribute
 * @property {string} [property] if it is not the name in camel case
 * @property {'string' | 'number' | 'boolean' | 'images' | 'config'} type
 * @property {string[]} [values] the only ones that there are
 * @property {string} [default]
 * @property {'page' | 'model'} [setting] whether links and `config` have it too, and as what: a
 *   setting of the page, or one of the model's config
 * @property {string} meaning
 */

export const ATTRIBUTES = /** @type {Attribute[]} */ (/** @type {unknown} */ (table));

/** @param {Attribute} attribute */
export const propertyOf = ({ name, property }) =>
  property ?? name.replaceAll(/-(.)/g, (_, letter) => letter.toUpperCase());

/** The name in links and in `config`. @param {Attribute} attribute */
export const settingOf = ({ name }) => name.replaceAll('-', '_');

/** @type {ReadonlyMap<string, Attribute>} by the name of the attribute */
export const BY_ATTRIBUTE = new Map(ATTRIBUTES.map((row) => [row.name, row]));

/** Settings of the page in links; every other name there is one of the model's config. */
export const PAGE_SETTINGS = new Set(
  ATTRIBUTES.filter(({ setting }) => setting === 'page').map(settingOf),
);

/**
 * What a property is before anyone has asked for anything.
 * @param {Attribute} attribute
 */
export const initialOf = ({ name, type }) => (type === 'boolean' ? false : INITIAL.get(name));

const INITIAL = new Map([
  ['mode', 'lab'],
  ['theme', 'auto'],
  ['loading', 'lazy'],
]);

/**
 * The value of the property of an attribute. Throws where it makes no sense.
 *
 * @param {Attribute} attribute
 * @param {string | null} text null where the attribute is not there
 * @returns {unknown}
 */
export function parseAttribute(attribute, text) {
  const { name, type, values } = attribute;
  const bad = (/** @type {string} */ needs) =>
    new LabError('bad-config', `The attribute ${name}="${text}" of <unnoise-lab> needs ${needs}.`);
  if (type === 'boolean') return text !== null;
  if (text === null || text.trim() === '') return initialOf(attribute);
  if (type === 'number') {
    if (!Number.isFinite(Number(text))) throw bad('a number');
    return Number(text);
  }
  if (type === 'config') {
    const value = parseJson(text);
    if (!value || typeof value !== 'object' || Array.isArray(value)) throw bad('an object in JSON');
    return value;
  }
  if (values && !values.includes(text)) throw bad(`one of ${values.join(', ')}`);
  return text;
}

/** @param {string} text @returns {unknown} */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

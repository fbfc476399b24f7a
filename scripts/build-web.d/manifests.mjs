// What editors and documentation tools read about the element: custom-elements.json
// (https://github.com/webcomponents/custom-elements-manifest) and web-types.json.
import {
  CSS_PROPERTIES,
  EVENTS,
  METHODS,
  PARTS,
  PROPERTIES,
  readAttributes,
  SLOTS,
  SUMMARY,
} from './element.mjs';

const typed = (text) => ({ type: { text } });

export async function customElements() {
  const attributes = await readAttributes();
  const written = ({ optional, type }) => (optional ? `${type} | undefined` : type);
  const declaration = {
    kind: 'class',
    name: 'UnnoiseLab',
    description: SUMMARY,
    customElement: true,
    tagName: 'unnoise-lab',
    superclass: { name: 'HTMLElement' },
    attributes: attributes.map((attribute) => ({
      name: attribute.name,
      fieldName: attribute.property,
      description: attribute.meaning,
      ...typed(attribute.type),
      ...(attribute.default === undefined ? {} : { default: `"${attribute.default}"` }),
    })),
    members: [
      ...attributes.map((attribute) => ({
        kind: 'field',
        name: attribute.property,
        attribute: attribute.name,
        description: attribute.meaning,
        ...typed(written(attribute)),
      })),
      ...PROPERTIES.map(({ name, type, meaning }) => ({
        kind: 'field',
        name,
        readonly: true,
        description: meaning,
        ...typed(type),
      })),
      ...METHODS.map(({ name, meaning }) => ({
        kind: 'method',
        name,
        description: meaning,
        return: typed('Promise<void>'),
      })),
    ],
    events: EVENTS.map(({ name, detail, meaning }) => ({
      name,
      description: meaning,
      ...typed(`CustomEvent<${detail}>`),
    })),
    slots: SLOTS.map(({ name, meaning }) => ({ name, description: meaning })),
    cssParts: PARTS.map((name) => ({ name })),
    cssProperties: CSS_PROPERTIES.map(([name, description]) => ({ name, description })),
  };
  const named = { name: 'UnnoiseLab', module: 'unnoise.js' };
  return {
    schemaVersion: '1.0.0',
    modules: [
      {
        kind: 'javascript-module',
        path: 'unnoise.js',
        declarations: [declaration],
        exports: [
          { kind: 'js', name: 'UnnoiseLab', declaration: named },
          { kind: 'custom-element-definition', name: 'unnoise-lab', declaration: named },
        ],
      },
    ],
  };
}

/** @param {{ name: string, version: string }} description of the package */
export async function webTypes({ name, version }) {
  const attributes = await readAttributes();
  return {
    $schema: 'https://json.schemastore.org/web-types',
    name,
    version,
    'js-types-syntax': 'typescript',
    'description-markup': 'none',
    contributions: {
      html: {
        elements: [
          {
            name: 'unnoise-lab',
            description: SUMMARY,
            attributes: attributes.map((attribute) => ({
              name: attribute.name,
              description: attribute.meaning,
              ...(attribute.default === undefined ? {} : { default: attribute.default }),
              ...(attribute.flag
                ? { value: { kind: 'no-value' } }
                : { value: { kind: 'plain', type: attribute.type, required: true } }),
              ...(attribute.values
                ? { values: attribute.values.map((value) => ({ name: value })) }
                : {}),
            })),
            slots: SLOTS.map(({ name: slot, meaning }) => ({ name: slot, description: meaning })),
            js: {
              properties: [
                ...attributes.map(({ property, type, meaning }) => ({
                  name: property,
                  type,
                  description: meaning,
                })),
                ...PROPERTIES.map((property) => ({
                  name: property.name,
                  type: property.type,
                  'read-only': true,
                  description: property.meaning,
                })),
              ],
              events: EVENTS.map((event) => ({ name: event.name, description: event.meaning })),
            },
            css: {
              parts: PARTS.map((part) => ({ name: part })),
              properties: CSS_PROPERTIES.map(([property, description]) => ({
                name: property,
                description,
              })),
            },
          },
        ],
      },
    },
  };
}

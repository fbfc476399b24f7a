// docs/element.md, of the same tables as the types.
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

const code = (text) => `\`${text}\``;
/** A pipe would end a cell. */
const cell = (text) => text.replaceAll('|', '\\|');
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** @param {import('./element.mjs').Attribute} attribute */
function values({ values: only, type, flag }) {
  if (flag) return 'there or not';
  if (only) return only.map(code).join(', ');
  if (type === 'FigureConfig') return 'JSON';
  return type === 'number' ? 'a number' : 'text';
}

export async function reference() {
  const attributes = await readAttributes();
  return `<!-- Written by scripts/build-web.mjs, of web/lib/attributes.json and
scripts/build-web.d/element.mjs; a test compares. -->

# The element \`<unnoise-lab>\`

${SUMMARY} How to bring it into a page is in [embedding.md](embedding.md).

## Attributes

Every attribute is a property too, of the name in camel case (\`train-steps\` is \`trainSteps\`; only
\`dataset\`, a name that every element has, is \`datasetName\`). Attributes and properties say what is
asked for, and the element never rewrites them. Setting one later takes effect where it differs from
what is in force by then, which a visitor may have changed.

${table(
  ['attribute', 'values', 'default', 'meaning'],
  attributes.map((attribute) => [
    code(attribute.name),
    values(attribute),
    attribute.default ? code(attribute.default) : '',
    cell(attribute.meaning),
  ]),
)}

Links (\`#steps=25&train_steps=500\`) and \`config\` have the same names, with \`_\` in place of \`-\`, and
the names of diffusers for the settings of the model, nested or flat:

\`\`\`html
<unnoise-lab
  mode="train"
  config='{ "train_steps": 500, "unet": { "block_out_channels": [16, 32] }, "batch_size": 8 }'
></unnoise-lab>
\`\`\`

Where several say something, the hash of the page's address comes before the attributes (with \`hash\`),
and these before \`config\`. What makes no sense is said in the figure and left out.

## Properties to read

${table(
  ['property', 'type', 'meaning'],
  PROPERTIES.map(({ name, type, meaning }) => [code(name), code(cell(type)), cell(meaning)]),
)}

\`state\` is \`idle\` before the element has come near the screen, then \`starting\`, \`ready\`, \`training\` or
\`sampling\`. A page has one engine: \`waiting\` is a figure that comes into view while another one
computes, \`resting\` one whose engine another has taken. It keeps its model, its images and what it
shows, and goes on when it is used. \`failed\` says why in the figure, below its fallback.

## Methods

${table(
  ['method', 'meaning'],
  METHODS.map(({ name, meaning }) => [code(`${name}()`), meaning]),
)}

## Events

They bubble and cross shadow roots. \`event.detail\`:

${table(
  ['event', 'detail', 'meaning'],
  EVENTS.map(({ name, detail, meaning }) => [code(name), code(cell(detail)), meaning]),
)}

## Slots

${table(
  ['slot', 'content'],
  SLOTS.map(({ name, meaning }) => [name ? code(name) : 'without a name', plain(meaning)]),
)}

## Style

Custom properties:

${table(
  ['property', 'what'],
  CSS_PROPERTIES.map(([name, what]) => [code(name), what]),
)}

Parts, for \`::part()\`: ${PARTS.map(code).join(', ')}.
`;
}

/** Tags in prose would be tags. */
const plain = (text) => text.replaceAll(/<(\w+)>/g, '`<$1>`');

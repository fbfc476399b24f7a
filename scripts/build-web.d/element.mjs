// What the element has beside its attributes, which are in web/lib/attributes.json: declared once,
// for the types, custom-elements.json, web-types and docs/element.md.
import { readFile } from 'node:fs/promises';

/**
 * @typedef {object} Attribute
 * @property {string} name
 * @property {string} property
 * @property {string} [setting] its name in links and in `config`
 * @property {string} type of the property, in TypeScript
 * @property {boolean} optional whether the property may be undefined
 * @property {boolean} flag whether it is there or not, without a value
 * @property {string[]} [values]
 * @property {string} [default]
 * @property {string} meaning
 */

const TYPES = {
  string: 'string',
  number: 'number',
  boolean: 'boolean',
  images: 'string | Iterable<string | URL | Blob>',
  config: 'FigureConfig',
};

/** Those whose values have a name in the types. */
const NAMED = { mode: 'Mode', theme: 'Theme', dataset: 'Dataset', sampler: 'Sampler' };

/** @returns {Promise<Attribute[]>} */
export async function readAttributes() {
  const table = new URL('../../web/lib/attributes.json', import.meta.url);
  const rows = JSON.parse(await readFile(table, 'utf8'));
  return rows.map(({ name, property, type, values, setting, ...rest }) => ({
    ...rest,
    name,
    values,
    property: property ?? name.replaceAll(/-(.)/g, (_, letter) => letter.toUpperCase()),
    setting: setting && name.replaceAll('-', '_'),
    type: NAMED[name] ?? (values ? union(values) : TYPES[type]),
    flag: type === 'boolean',
    optional: type !== 'boolean' && !['mode', 'theme', 'loading'].includes(name),
  }));
}

/** @param {string[]} values */
const union = (values) => {
  const texts = values.map((value) => `'${value}'`).join(' | ');
  return values.includes('true') ? `${texts} | boolean` : texts;
};

/** @type {{ name: string, type: string, meaning: string }[]} */
export const PROPERTIES = [
  { name: 'state', type: 'FigureState', meaning: 'What it is doing.' },
  {
    name: 'settings',
    type: 'FigureSettings | undefined',
    meaning: 'The settings in force, whoever chose them; nothing before it is ready.',
  },
  {
    name: 'progress',
    type: 'TrainingProgress | undefined',
    meaning: 'How far training is; nothing before it is ready.',
  },
  {
    name: 'frame',
    type: 'Frame | undefined',
    meaning: 'The frame of the samples that is shown; nothing before there are some.',
  },
  {
    name: 'lab',
    type: 'Lab | undefined',
    meaning: 'The lab without its user interface; nothing before it is ready.',
  },
];

export const METHODS = [
  { name: 'train', meaning: 'Trains to the end, or until it is paused. Starts the figure.' },
  { name: 'pause', meaning: 'Pauses training and ends sampling.' },
  { name: 'sample', meaning: 'Draws what the mode shows. Starts the figure.' },
];

export const EVENTS = [
  { name: 'unnoise-state', detail: '{ state: FigureState }', meaning: 'It does something else.' },
  {
    name: 'unnoise-ready',
    detail: '{ backend: BackendName; adapter: string }',
    meaning: 'It can be used.',
  },
  {
    name: 'unnoise-settings',
    detail: 'FigureSettings',
    meaning: 'The settings in force have changed.',
  },
  {
    name: 'unnoise-progress',
    detail:
      '{ step: number; losses: Float32Array; loss: number | undefined; rate: number; ' +
      'eta: number | undefined }',
    meaning: 'Training has come further: about ten times a second.',
  },
  { name: 'unnoise-frame', detail: 'Frame', meaning: 'A step of sampling was taken.' },
  {
    name: 'unnoise-done',
    detail:
      "{ kind: 'train'; step: number } | ({ kind: 'sample' } & SampleOptions) | " +
      "{ kind: 'compare'; runs: SampleOptions[] }",
    meaning: 'Training, sampling or a comparison has come to its end.',
  },
  {
    name: 'unnoise-error',
    detail: '{ code: LabErrorCode; message: string }',
    meaning: 'Something failed; the message says what to do, and the figure shows it too.',
  },
];

export const SLOTS = [
  {
    name: '',
    meaning:
      'The fallback: shown until the figure works and wherever it cannot, on paper, in feeds, and ' +
      'to readers without JavaScript. An <img> or <picture> that is itself a child of the element ' +
      'is one of its own images, too.',
  },
  { name: 'fallback', meaning: 'The same, for a picture that is not to be learnt from.' },
  {
    name: 'images',
    meaning:
      'Own images: an <img>, a <picture>, or something with some in it. data-label is a label.',
  },
  { name: 'intro', meaning: 'What stands beside the stage in mode lab.' },
  { name: 'poster', meaning: 'What stands in the place of the stage before there is a picture.' },
];

export const PARTS = [
  'root',
  'stage-row',
  'stage',
  'status',
  'waiting',
  'panel',
  'drop',
  'set',
  'button',
  'readouts',
  'playback',
  'canvas',
  'messages',
  'message',
];

export const CSS_PROPERTIES = [
  ['--unnoise-accent', 'Buttons, curves and what is highlighted.'],
  ['--unnoise-background', 'Behind everything.'],
  ['--unnoise-surface', 'Behind fields and buttons.'],
  ['--unnoise-text', 'Text.'],
  ['--unnoise-muted', 'Text of less weight.'],
  ['--unnoise-line', 'Lines.'],
  ['--unnoise-radius', 'Radius of corners.'],
  ['--unnoise-font', 'Font family.'],
  ['--unnoise-min-height', 'Height that a figure without a fallback takes up before it starts.'],
];

export const SUMMARY =
  'A diffusion model that trains and samples in the page: the whole lab, or one figure.';

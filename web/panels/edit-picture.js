import { html, nothing } from 'lit';
import { marked, mixed, msg, translated } from '../lib/localize.js';
import { decimal } from '../lib/format.js';
import { HALF_NAMES, isEmptyMask } from '../lib/mask.js';
import { button } from './buttons.js';
import {
  checkField,
  fileField,
  numberField,
  rangeField,
  segmentedField,
  selectField,
} from './fields.js';
import { imageChooser } from './image-chooser.js';
import './mask-painter.js';

/** @typedef {import('../element/session.js').Session} Session */

const COUNTS = /** @type {[string, string][]} */ (['1', '4', '8', '16'].map((n) => [n, n]));

/**
 * The picture that is to be redrawn or filled in, and how.
 * @param {Session} session
 */
export function pictureControls(session) {
  const { editor } = session;
  const { picture } = editor;
  return html`<div class="edit-picture">
      <unnoise-mask
        data-changes=${editor.draws ? 'picture' : 'mask'}
        .image=${picture && { ...picture, mask: editor.kind === 'fill' ? editor.mask : undefined }}
        @stroke=${(/** @type {CustomEvent} */ { detail }) => editor.paint(detail)}
      ></unnoise-mask>
      ${chooser(session)}
    </div>
    ${editor.kind === 'fill' ? mask(session) : nothing} ${brush(session)}
    ${editor.kind === 'fill' ? nothing : strength(session)}
    <div class="fields">
      ${selectField({
        label: msg('Images'),
        testid: 'edit-count',
        value: String(editor.settings.count),
        options: COUNTS,
        change: (count) => editor.set({ count: Number(count) }),
      })}
      ${
        editor.kind === 'fill'
          ? numberField({
              label: msg('Times over'),
              testid: 'edit-repeats',
              changes: 'repeats',
              value: editor.settings.repeats,
              min: 1,
              max: 20,
              hint: msg(
                'How many times each stretch of the way is sampled: more fits better, and takes ' +
                  'longer',
              ),
              change: (repeats) => editor.set({ repeats: Math.round(repeats) }),
            })
          : nothing
      }
    </div>`;
}

/** @param {Session} session */
function chooser(session) {
  const { editor, imageSet } = session;
  const { index, image } = editor;
  const { length } = imageSet.images;
  return html`${imageChooser({
    prefix: 'edit',
    changes: 'picture',
    index,
    length,
    name: image?.name,
    choose: (index) => editor.chooseImage(index),
  })}
  ${fileField({
    label: msg('Choose a file'),
    testid: 'edit-file',
    accept: 'image/*',
    changes: 'picture',
    change: ([file]) => editor.open(file),
  })}`;
}

/** @param {Session} session */
function strength(session) {
  const { editor } = session;
  const { strength } = editor.settings;
  const { steps } = editor.options;
  const taken = Math.max(1, Math.floor(steps * strength));
  return html`<label class="field">
    <span class="label"
      >${mixed('Strength {0}: the last {1} of {2} steps', html`<span data-testid="edit-strength-value">${decimal(strength, 2)}</span>`, taken, steps)}</span
    >
    ${rangeField({
      label: msg('Strength'),
      testid: 'edit-strength',
      changes: 'strength',
      value: strength,
      min: 0.05,
      max: 1,
      step: 0.05,
      input: (value) => editor.set({ strength: value }),
    })}
  </label>`;
}

/**
 * What is to be filled in.
 * @param {Session} session
 */
function mask(session) {
  const { editor } = session;
  return html`<div class="row" role="group" aria-label=${msg('Fill in a half')} data-changes="mask">
      ${HALF_NAMES.map((name) =>
        button({
          label: translated(HALF_LABELS[name]),
          testid: `mask-${name}`,
          kind: 'small',
          click: () => editor.maskHalf(name),
        }),
      )}
      ${button({
        label: msg('Clear'),
        testid: 'mask-clear',
        kind: 'small',
        disabled: isEmptyMask(editor.mask),
        click: () => editor.clearMask(),
      })}
    </div>
    ${segmentedField({
      label: msg('The brush'),
      name: 'edit-tool',
      changes: 'mask picture',
      value: editor.draws ? 'pen' : 'mask',
      options: [
        ['mask', msg('marks')],
        ['pen', msg('draws')],
      ],
      change: (tool) => editor.set({ pen: tool === 'pen' }),
    })}`;
}

/** @type {Record<string, string>} */
const HALF_LABELS = {
  left: marked('Left'),
  right: marked('Right'),
  top: marked('Top'),
  bottom: marked('Bottom'),
  middle: marked('Middle'),
};

/** @type {[name: string, colour: string][]} */
const PALETTE = [
  [marked('black'), '#1d1b22'],
  [marked('white'), '#ffffff'],
  [marked('red'), '#d4322c'],
  [marked('orange'), '#f28c28'],
  [marked('yellow'), '#f9d423'],
  [marked('green'), '#3a9d4a'],
  [marked('blue'), '#2a6fd6'],
  [marked('brown'), '#7a4a2b'],
];

/** @param {Session} session */
function brush(session) {
  const { editor, lab } = session;
  const { brush, erase } = editor.settings;
  return html`${editor.draws ? pen(session) : nothing}
    <label class="field">
      <span class="label"
        >${editor.draws ? msg('Pen, {0} pixels wide', brush) : msg('Brush, {0} pixels wide', brush)}</span
      >
      ${rangeField({
        label: msg('Width of the brush'),
        testid: 'edit-brush',
        changes: editor.draws ? 'picture' : 'mask',
        value: brush,
        min: 1,
        max: Math.round(lab.config.size / 2),
        input: (value) => editor.set({ brush: value }),
      })}
    </label>
    ${
      editor.draws
        ? nothing
        : checkField({
            label: msg('Erase with the brush'),
            testid: 'edit-erase',
            changes: 'mask',
            value: erase,
            change: (value) => editor.set({ erase: value }),
          })
    }`;
}

/**
 * What is drawn on the picture with.
 * @param {Session} session
 */
function pen({ editor }) {
  const { colour } = editor.settings;
  return html`<div
      class="palette"
      role="group"
      aria-label=${msg('Colour of the pen')}
      data-changes="picture"
    >
      ${PALETTE.map(
        ([name, value]) =>
          html`<button
            type="button"
            class="colour"
            aria-label=${translated(name)}
            aria-pressed=${colour === value}
            data-testid="pen-${name}"
            .style=${`--colour: ${value}`}
            @click=${() => editor.set({ colour: value })}
          ></button>`,
      )}
      <input
        type="color"
        aria-label=${msg('Another colour')}
        data-testid="pen-colour"
        .value=${colour}
        @input=${(/** @type {any} */ { target }) => editor.set({ colour: target.value })}
      />
    </div>
    <div class="row" role="group" aria-label=${msg('Sketch')} data-changes="picture">
      ${button({
        label: msg('Undo'),
        testid: 'sketch-undo',
        kind: 'small',
        disabled: !editor.canUndo,
        click: () => editor.undo(),
      })}
      ${button({
        label: msg('Blank sheet'),
        testid: 'sketch-blank',
        kind: 'small',
        disabled: !editor.picture,
        click: () => editor.blank(),
      })}
      ${button({
        label: msg('As it was'),
        testid: 'sketch-clear',
        kind: 'small',
        disabled: !editor.sketched,
        click: () => editor.clearSketch(),
      })}
    </div>`;
}

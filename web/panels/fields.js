import { html, nothing } from 'lit';
import { msg } from '../lib/localize.js';

/** Labelled controls. All report a change only once it is made, not at every key stroke. */

/**
 * @typedef {object} Field
 * @property {string} label
 * @property {string} testid
 * @property {boolean} [disabled]
 * @property {string} [hint]
 * @property {string} [changes] names of the terms that it changes in the panel's equations
 */

/** In plain sight: titles are out of reach for fingers. @param {string} [hint] */
const explanation = (hint) =>
  hint
    ? html`<small class="explanation">${/[.。]$/.test(hint) ? hint : msg('{0}.', hint)}</small>`
    : nothing;

/**
 * @typedef {object} NumberChoice
 * @property {number} value
 * @property {number} [min]
 * @property {number} [max]
 * @property {number | 'any'} [step]
 * @property {(value: number) => void} change
 *
 * @param {Field & NumberChoice} field
 */
export function numberField({
  label,
  testid,
  value,
  min,
  max,
  step = 1,
  disabled,
  hint,
  changes,
  change,
}) {
  const commit = (/** @type {Event & { target: any }} */ { target }) => {
    const number = target.valueAsNumber;
    const low = min ?? -Infinity;
    const high = max ?? Infinity;
    const whole = step === 1 ? Math.round(number) : number;
    const next = Number.isNaN(number) ? value : Math.min(high, Math.max(low, whole));
    // Where that is what it was before, nothing else would put it in the place of what was typed.
    target.value = String(next);
    if (!Number.isNaN(number)) change(next);
  };
  return html`<label class="field" data-changes=${changes ?? nothing}>
    <span class="label">${label}</span>
    <input
      type="number"
      data-testid=${testid}
      .value=${String(value)}
      min=${min ?? nothing}
      max=${max ?? nothing}
      step=${step}
      ?disabled=${disabled}
      @change=${commit}
    />
    ${explanation(hint)}
  </label>`;
}

/**
 * @typedef {object} Choice
 * @property {string} value
 * @property {[value: string, label: string][]} options
 * @property {(value: string) => void} change
 *
 * @param {Field & Choice} field
 */
export function selectField({ label, testid, value, options, disabled, hint, changes, change }) {
  const known = options.some(([option]) => option === value);
  const all = known ? options : [...options, /** @type {[string, string]} */ ([value, value])];
  return html`<label class="field" data-changes=${changes ?? nothing}>
    <span class="label">${label}</span>
    <select
      data-testid=${testid}
      .value=${value}
      ?disabled=${disabled}
      @change=${(/** @type {any} */ { target }) => change(target.value)}
    >
      ${all.map(
        ([option, text]) =>
          html`<option value=${option} ?selected=${option === value}>${text}</option>`,
      )}
    </select>
    ${explanation(hint)}
  </label>`;
}

/**
 * @param {Field & { value: boolean, change: (value: boolean) => void }} field
 */
export function checkField({ label, testid, value, disabled, hint, changes, change }) {
  return html`<label class="check" data-changes=${changes ?? nothing}>
    <input
      type="checkbox"
      data-testid=${testid}
      .checked=${value}
      ?disabled=${disabled}
      @change=${(/** @type {any} */ { target }) => change(target.checked)}
    />
    <span>${label} ${explanation(hint)}</span>
  </label>`;
}

/**
 * A few exclusive choices side by side. One that comes and goes is to be hidden: Chromium keeps
 * radio buttons that are taken out of a shadow root for as long as that lives.
 *
 * @param {Omit<Field, 'testid' | 'hint'> & Choice & { name: string, hidden?: boolean }} field
 */
export function segmentedField({ label, name, value, options, disabled, hidden, changes, change }) {
  return html`<fieldset
    class="segmented"
    ?disabled=${disabled}
    ?hidden=${hidden}
    data-changes=${changes ?? nothing}
  >
    <legend class="label">${label}</legend>
    <div>
      ${options.map(
        ([option, text]) =>
          html`<label>
            <input
              type="radio"
              name=${name}
              data-testid="${name}-${option}"
              .value=${option}
              .checked=${option === value}
              @change=${() => change(option)}
            />
            <span>${text}</span>
          </label>`,
      )}
    </div>
  </fieldset>`;
}

/**
 * @typedef {object} Range
 * @property {number} value
 * @property {number} [min]
 * @property {number} max
 * @property {number} [step]
 * @property {string} [text] the value in words
 * @property {(value: number) => void} input
 *
 * @param {Omit<Field, 'hint'> & Range} field
 */
export function rangeField({
  label,
  testid,
  value,
  min = 0,
  max,
  step = 1,
  text,
  disabled,
  changes,
  input,
}) {
  const filled = max > min ? ((value - min) / (max - min)) * 100 : 0;
  return html`<input
    type="range"
    data-testid=${testid}
    aria-label=${label}
    aria-valuetext=${text ?? nothing}
    data-changes=${changes ?? nothing}
    .style=${`--filled: ${filled}%`}
    min=${min}
    max=${max}
    step=${step}
    .value=${String(value)}
    ?disabled=${disabled}
    @input=${(/** @type {any} */ { target }) => input(target.valueAsNumber)}
  />`;
}

/**
 * A file input that looks like a button and is reached by keyboard like one.
 *
 * @typedef {object} FileChoice
 * @property {string} [accept]
 * @property {boolean} [multiple]
 * @property {boolean} [folder] whether a folder is chosen
 * @property {'primary'} [kind]
 * @property {(files: File[]) => void} change
 *
 * @param {Omit<Field, 'hint'> & FileChoice} field
 */
export function fileField({
  label,
  testid,
  kind,
  accept,
  multiple,
  folder,
  disabled,
  changes,
  change,
}) {
  const pick = (/** @type {any} */ { target }) => {
    const files = [...target.files];
    // So that the same file can be picked again.
    target.value = '';
    if (files.length) change(files);
  };
  return html`<label class="button ${kind ?? ''}" part="button" data-changes=${changes ?? nothing}>
    <input
      type="file"
      class="visually-hidden"
      data-testid=${testid}
      accept=${accept ?? nothing}
      ?multiple=${multiple}
      ?webkitdirectory=${folder}
      ?disabled=${disabled}
      @change=${pick}
    />
    ${label}
  </label>`;
}

import { html, nothing } from 'lit';
import { msg } from '../lib/localize.js';
import { segmentedField } from './fields.js';

/**
 * How the user's images are made squares.
 *
 * @param {import('../element/session.js').Session} session
 * @param {boolean} disabled
 */
export function intakeOptions({ imageSet }, disabled) {
  const { crops } = imageSet;
  return html`<div class="intake" ?hidden=${!crops.offered}>
    ${segmentedField({
      label: msg('Of each image'),
      name: 'crop',
      value: crops.crop,
      disabled,
      options: [
        ['centre', msg('its middle')],
        ['whole', msg('all of it')],
      ],
      change: (crop) => crops.cropAll(/** @type {'centre' | 'whole'} */ (crop)),
    })}
    ${crops.showsBackground ? backgroundFields(crops, disabled) : nothing}
    <p class="explanation">${msg('Press an image below to choose its part by hand.')}</p>
  </div>`;
}

/**
 * @param {import('../element/image-crops.js').ImageCrops} crops
 * @param {boolean} disabled
 */
const backgroundFields = (crops, disabled) => html`
  ${segmentedField({
    label: msg('Background'),
    name: 'background',
    value: crops.background ? 'colour' : 'none',
    disabled,
    options: [
      ['none', msg('none')],
      ['colour', msg('a colour')],
    ],
    change: (choice) => crops.paint(choice === 'colour' ? '#ffffff' : undefined),
  })}
  <label class="field colour" ?hidden=${!crops.background}>
    <span class="label">${msg('Its colour')}</span>
    <input
      type="color"
      data-testid="background"
      .value=${crops.background ?? '#ffffff'}
      ?disabled=${disabled}
      @change=${(/** @type {any} */ { target }) => crops.paint(target.value)}
    />
  </label>
`;

import { html, nothing } from 'lit';
import { sheetAddress } from '../lib/datasets.js';
import { define } from '../lib/define.js';
import { IMAGE_TYPES, pickedFiles } from '../lib/dropped-files.js';
import { originOf } from '../lib/image-origins.js';
import { integer, plural } from '../lib/format.js';
import { mixed, msg, translated } from '../lib/localize.js';
import { button } from './buttons.js';
import './camera-sheet.js';
import { canUseCamera } from './camera-sheet.js';
import './crop-sheet.js';
import { checkField, fileField } from './fields.js';
import { imageFindings } from './image-findings.js';
import './image-thumb.js';
import { intakeOptions } from './intake-options.js';
import { Panel } from './panel.js';

/** Thumbnails shown before someone asks for all. */
const SHOWN_AT_FIRST = 28;
/** And those that come with each “Show more”: each is a canvas. */
const SHOWN_MORE = 500;
/** Labels named in full. */
const MAX_NAMED = 12;

/**
 * @typedef {object} Sheets
 * @property {import('./camera-sheet.js').CameraSheet} unnoise-camera-sheet
 * @property {import('./crop-sheet.js').CropSheet} unnoise-crop-sheet
 */

/** 1: the images to learn from. */
export class DataPanel extends Panel {
  static shows = /** @type {const} */ (['images', 'run', 'status']);

  static properties = { ...Panel.properties, shown: { state: true } };

  constructor() {
    super();
    this.shown = SHOWN_AT_FIRST;
  }

  render() {
    const { imageSet } = this.session;
    return html`<section class="panel data" part="panel" aria-labelledby="data-title">
      <header>
        <span class="number" aria-hidden="true">1</span>
        <h2 id="data-title">${msg('Your images')}</h2>
      </header>
      <p class="lead">
        ${msg(
          'A few dozen pictures of one kind work best. They stay on this device: nothing is ' +
            'uploaded.',
        )}
      </p>
      ${this.#dropZone()} ${imageSet.sets.length ? this.#sets() : nothing} ${this.#labels()}
      ${intakeOptions(this.session, this.#locked)} ${imageFindings(this.session, this.#locked)}
      ${this.#thumbs()}
      <unnoise-crop-sheet .session=${this.session}></unnoise-crop-sheet>
      <unnoise-camera-sheet .session=${this.session}></unnoise-camera-sheet>
    </section>`;
  }

  #dropZone() {
    const add = (/** @type {File[]} */ files) => this.session.imageSet.add(pickedFiles(files));
    const disabled = this.#locked;
    return html`<div class="drop" part="drop">
      <p>
        ${mixed('{0} anywhere on this page, or paste them.', html`<strong>${msg('Drop images')}</strong>`)}
      </p>
      <div class="row">
        ${fileField({
          label: msg('Choose files'),
          testid: 'file-input',
          accept: IMAGE_TYPES,
          multiple: true,
          disabled,
          change: add,
        })}
        ${fileField({
          label: msg('Choose a folder'),
          testid: 'folder-input',
          folder: true,
          disabled,
          change: (files) => add(files.filter(looksLikeImage)),
        })}
        ${
          canUseCamera
            ? button({
                label: msg('Camera'),
                testid: 'camera',
                disabled,
                click: () => this.#sheet('unnoise-camera-sheet').open(),
              })
            : nothing
        }
      </div>
    </div>`;
  }

  /**
   * @template {'unnoise-camera-sheet' | 'unnoise-crop-sheet'} Name
   * @param {Name} name
   */
  #sheet(name) {
    return /** @type {Sheets[Name]} */ (/** @type {unknown} */ (this.querySelector(name)));
  }

  #sets() {
    const { imageSet } = this.session;
    const chosen = imageSet.sets.find(({ id }) => id === imageSet.dataset);
    return html`<div class="sets" role="group" aria-label=${msg('Bundled sets')}>
        ${imageSet.sets.map(
          (set) =>
            html`<button
              type="button"
              class="set"
              part="set"
              data-testid="set-${set.id}"
              aria-pressed=${imageSet.dataset === set.id}
              ?disabled=${this.#locked}
              @click=${() => this.#choose(set.id)}
            >
              <span
                class="sheet"
                .style=${`background-image: url('${sheetAddress(set)}'); --columns: ${set.columns}`}
              ></span>
              <span class="name">${translated(set.title)}</span>
              <span class="count">${set.count}</span>
            </button>`,
        )}
      </div>
      ${chosen ? html`<p class="explanation">${translated(chosen.description)} ${chosen.attribution}.</p>` : nothing}`;
  }

  /** @param {string} id */
  async #choose(id) {
    const { session } = this;
    if (await session.imageSet.choose(id)) session.sample();
  }

  /** Images of a run that is under way are not to be changed below it. */
  get #locked() {
    const { phase, activity, run } = this.session;
    return phase !== 'ready' || activity !== '' || run.training;
  }

  /** Only images that labels tell apart leave a choice. */
  #labels() {
    const { imageSet } = this.session;
    const { labels } = imageSet;
    if (!labels.length) return nothing;
    const few = labels.slice(0, MAX_NAMED).join(', ');
    const names = labels.length > MAX_NAMED ? `${few} … (${labels.length})` : few;
    return checkField({
      label: msg('Learn labels too: {0}', names),
      testid: 'use-labels',
      value: imageSet.usesLabels,
      disabled: this.#locked,
      hint: msg('The names of folders are labels: a model that learnt them can be asked for one'),
      change: (uses) => imageSet.useLabels(uses),
    });
  }

  /** @param {number} count */
  #showMore(count) {
    this.shown = this.shown >= count ? SHOWN_AT_FIRST : this.shown + SHOWN_MORE;
  }

  #thumbs() {
    const { imageSet } = this.session;
    const labelled = imageSet.usesLabels && imageSet.labels.length > 0;
    const { images } = imageSet;
    if (!images.length) return html`<p class="empty">${msg('No images yet.')}</p>`;
    const shown = images.slice(0, this.shown);
    return html`<div class="thumbs-head">
        <span data-testid="image-count">${plural(images.length, 'image')}</span>
        <button
          type="button"
          class="link"
          data-testid="clear-images"
          ?disabled=${this.#locked}
          @click=${() => imageSet.clear()}
        >
          ${msg('Remove all')}
        </button>
      </div>
      <ul class="thumbs" aria-label=${msg('Images to learn from')}>
        ${shown.map(
          (image) =>
            html`<li data-testid="thumb" title=${image.name}>
              <unnoise-thumb .image=${image}></unnoise-thumb>
              ${labelled ? tag(image) : nothing}
              ${
                originOf(image)
                  ? html`<button
                      type="button"
                      class="crop"
                      aria-label=${msg('Crop {0}', image.name)}
                      data-testid="thumb-crop"
                      ?disabled=${this.#locked}
                      @click=${() => this.#sheet('unnoise-crop-sheet').choose(image)}
                    ></button>`
                  : nothing
              }
              <button
                type="button"
                part="button"
                aria-label=${msg('Remove {0}', image.name)}
                data-testid="thumb-remove"
                ?disabled=${this.#locked}
                @click=${() => imageSet.remove(image)}
              >
                ×
              </button>
            </li>`,
        )}
      </ul>
      ${
        images.length > SHOWN_AT_FIRST
          ? html`<button type="button" class="link" @click=${() => this.#showMore(images.length)}>
              ${moreOf(images.length, this.shown)}
            </button>`
          : nothing
      }`;
  }
}

/**
 * @param {number} count
 * @param {number} shown
 */
function moreOf(count, shown) {
  if (shown >= count) return msg('Show fewer');
  return count > shown + SHOWN_MORE
    ? msg('Show {0} more', SHOWN_MORE)
    : msg('Show all {0}', integer(count));
}

/** @param {import('../lib/decode-images.js').MasterImage} image */
const tag = ({ label }) =>
  label ? html`<span class="tag" data-testid="thumb-label">${label}</span>` : nothing;

/** @param {File} file */
const looksLikeImage = (file) =>
  file.type.startsWith('image/') || /\.(png|jpe?g|webp|gif|svg|avif|bmp|heic)$/i.test(file.name);

define('unnoise-data-panel', DataPanel);

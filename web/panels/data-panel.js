import { html, nothing } from 'lit';
import { sheetAddress } from '../lib/datasets.js';
import { define } from '../lib/define.js';
import { IMAGE_TYPES, pickedFiles } from '../lib/dropped-files.js';
import { plural } from '../lib/format.js';
import { checkField, fileField } from './fields.js';
import './image-thumb.js';
import { Panel } from './panel.js';

/** Thumbnails shown before someone asks for all. */
const SHOWN_AT_FIRST = 28;
/** Labels named in full. */
const MAX_NAMED = 12;

/** 1: the images to learn from. */
export class DataPanel extends Panel {
  static shows = /** @type {const} */ (['images', 'run', 'status']);

  static properties = { ...Panel.properties, all: { state: true } };

  constructor() {
    super();
    this.all = false;
  }

  render() {
    const { imageSet } = this.session;
    return html`<section class="panel data" part="panel" aria-labelledby="data-title">
      <header>
        <span class="number" aria-hidden="true">1</span>
        <h2 id="data-title">Your images</h2>
      </header>
      <p class="lead">
        A few dozen pictures of one kind work best. They stay on this device: nothing is uploaded.
      </p>
      ${this.#dropZone()} ${imageSet.sets.length ? this.#sets() : nothing} ${this.#labels()}
      ${this.#thumbs()}
    </section>`;
  }

  #dropZone() {
    const add = (/** @type {File[]} */ files) => this.session.imageSet.add(pickedFiles(files));
    const disabled = this.#locked;
    return html`<div class="drop" part="drop">
      <p><strong>Drop images</strong> anywhere on this page, or paste them.</p>
      <div class="row">
        ${fileField({
          label: 'Choose files',
          testid: 'file-input',
          accept: IMAGE_TYPES,
          multiple: true,
          disabled,
          change: add,
        })}
        ${fileField({
          label: 'Choose a folder',
          testid: 'folder-input',
          folder: true,
          disabled,
          change: (files) => add(files.filter(looksLikeImage)),
        })}
      </div>
    </div>`;
  }

  #sets() {
    const { imageSet } = this.session;
    const chosen = imageSet.sets.find(({ id }) => id === imageSet.dataset);
    return html`<div class="sets" role="group" aria-label="Bundled sets">
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
              <span class="name">${set.title}</span>
              <span class="count">${set.count}</span>
            </button>`,
        )}
      </div>
      ${chosen ? html`<p class="explanation">${chosen.description} ${chosen.attribution}.</p>` : nothing}`;
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
      label: `Learn labels too: ${names}`,
      testid: 'use-labels',
      value: imageSet.usesLabels,
      disabled: this.#locked,
      hint: 'The names of folders are labels: a model that learnt them can be asked for one',
      change: (uses) => imageSet.useLabels(uses),
    });
  }

  #thumbs() {
    const { imageSet } = this.session;
    const labelled = imageSet.usesLabels && imageSet.labels.length > 0;
    const { images } = imageSet;
    if (!images.length) return html`<p class="empty">No images yet.</p>`;
    const shown = this.all ? images : images.slice(0, SHOWN_AT_FIRST);
    return html`<div class="thumbs-head">
        <span data-testid="image-count">${plural(images.length, 'image')}</span>
        <button
          type="button"
          class="link"
          data-testid="clear-images"
          ?disabled=${this.#locked}
          @click=${() => imageSet.clear()}
        >
          Remove all
        </button>
      </div>
      <ul class="thumbs" aria-label="Images to learn from">
        ${shown.map(
          (image) =>
            html`<li data-testid="thumb" title=${image.name}>
              <unnoise-thumb .image=${image}></unnoise-thumb>
              ${labelled ? tag(image) : nothing}
              <button
                type="button"
                part="button"
                aria-label="Remove ${image.name}"
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
          ? html`<button type="button" class="link" @click=${() => (this.all = !this.all)}>
              ${this.all ? 'Show fewer' : `Show all ${images.length}`}
            </button>`
          : nothing
      }`;
  }
}

/** @param {import('../lib/decode-images.js').MasterImage} image */
const tag = ({ label }) =>
  label ? html`<span class="tag" data-testid="thumb-label">${label}</span>` : nothing;

/** @param {File} file */
const looksLikeImage = (file) =>
  file.type.startsWith('image/') || /\.(png|jpe?g|webp|gif|svg|avif|bmp|heic)$/i.test(file.name);

define('unnoise-data-panel', DataPanel);

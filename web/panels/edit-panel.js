import { html, nothing } from 'lit';
import { define } from '../lib/define.js';
import { marked, mixed, msg, translated, translatedOptions } from '../lib/localize.js';
import { isEmptyMask } from '../lib/mask.js';
import { SAMPLERS } from '../lib/samplers.js';
import { pictureControls } from './edit-picture.js';
import { editEquation, editMeaning } from './equations/edit.js';
import { allow, dropped } from './drag-sample.js';
import { numberField, segmentedField } from './fields.js';
import './image-thumb.js';
import { TermHighlighter } from './term-highlighter.js';
import { Panel } from './panel.js';
import './pixel-grid.js';
import { button, runButton } from './buttons.js';
import { playbackControls } from './playback-controls.js';

/** @typedef {import('../element/editor.js').EditKind} EditKind */

const MAX_SEED = 0xffffffff;

/** @type {[EditKind, string][]} */
const KINDS = [
  ['between', marked('Between seeds')],
  ['redraw', marked('From a picture')],
  ['fill', marked('Fill in')],
];

/** @type {Record<EditKind, string>} */
const LEADS = {
  between: marked(
    'Two seeds are two points in a space of noise. The way from one to the other leads ' +
      'through images that change little by little.',
  ),
  redraw: marked(
    'Drown a picture in some noise and let the model find its own way out. Much noise ' +
      'leaves little more than colours; with little noise the picture stays. Draw on it, ' +
      'or on a blank sheet: a few blots of colour are enough.',
  ),
  fill: marked(
    'Paint over a part of a picture. In every step the rest is put back as it was, so ' +
      'that what the model draws comes to fit it.',
  ),
};

/** 5: what else a model can do than draw new images. */
export class EditPanel extends Panel {
  static shows = /** @type {const} */ (['edits', 'sampling', 'images', 'run', 'status']);

  constructor() {
    super();
    new TermHighlighter(this);
    this.addEventListener('dragover', allow);
    this.addEventListener('drop', (event) => {
      const { editor } = this.session;
      const subject = dropped(event);
      if (subject) editor.take(editor.kind, subject);
    });
  }

  connectedCallback() {
    super.connectedCallback();
    this.session.editor.addEventListener('taken', this.#onTaken);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.session.editor.removeEventListener('taken', this.#onTaken);
  }

  /** Whoever sent a sample here is to see what became of it. */
  #onTaken = async () => {
    await this.updateComplete;
    const kind = /** @type {HTMLElement | null} */ (
      this.querySelector('input[name="edit-kind"]:checked')
    );
    kind?.focus({ preventScroll: true });
    this.scrollIntoView({ block: 'start' });
  };

  render() {
    const { session } = this;
    const { editor } = session;
    return html`<section class="panel edit" part="panel" aria-labelledby="edit-title">
      <header>
        <span class="number" aria-hidden="true">5</span>
        <h2 id="edit-title">${msg('More from one model')}</h2>
        ${editEquation(editor.kind, session.lab.config)}
      </header>
      <p class="lead">${translated(LEADS[editor.kind])}</p>
      ${editMeaning(editor, session.lab.config)}
      <div class="split">
        <div class="controls">
          ${segmentedField({
            label: msg('What to do'),
            name: 'edit-kind',
            changes: 'kind',
            value: editor.kind,
            options: translatedOptions(KINDS),
            change: (kind) => editor.choose(/** @type {EditKind} */ (kind)),
          })}
          ${editor.kind === 'between' ? this.#seeds() : pictureControls(session)} ${this.#buttons()}
        </div>
        <div class="results">${this.#results()}</div>
      </div>
    </section>`;
  }

  #buttons() {
    const { session } = this;
    const { editor } = session;
    const { kind } = editor;
    const missing =
      (kind !== 'between' && !editor.image && msg('Choose a picture first.')) ||
      (kind === 'fill' &&
        isEmptyMask(editor.mask) &&
        msg('Paint over what is to be filled in first.'));
    const ready = session.phase === 'ready' && !session.activity && !missing;
    const label = { between: msg('Draw the way'), redraw: msg('Redraw'), fill: msg('Fill in') }[
      kind
    ];
    return html`<div class="row">
        ${runButton({
          running: editor.recording.sampling,
          start: { label, testid: 'edit-run', disabled: !ready, click: () => editor.run() },
          stop: { label: msg('Stop'), testid: 'edit-stop', click: () => editor.stop() },
        })}
        ${missing ? html`<span class="note" data-testid="edit-missing">${missing}</span>` : nothing}
      </div>
      <p class="note">${this.#how()}</p>`;
  }

  /** Which sampler draws, and why if it is not that of the sample panel. */
  #how() {
    const { editor, sampleOptions } = this.session;
    const [own, chosen] = [editor.sampler, sampleOptions.sampler].map(
      (name) => SAMPLERS[name].label,
    );
    return own === chosen
      ? msg('Drawn with {0}, as set above.', own)
      : msg('Drawn with {0}, because {1} cannot fill in.', own, chosen);
  }

  #seeds() {
    const { editor } = this.session;
    const { from, to, between } = editor.settings;
    const seed = (/** @type {'from' | 'to'} */ end, /** @type {string} */ label) => {
      const subject = editor.ends[end];
      if (subject) return this.#sampleAt(end, subject);
      return numberField({
        label,
        testid: `edit-${end}`,
        changes: end,
        value: end === 'from' ? from : to,
        min: 0,
        max: MAX_SEED,
        change: (value) => editor.set({ [end]: Math.round(value) }),
      });
    };
    return html`<div class="fields">
        ${seed('from', msg('From seed'))} ${seed('to', msg('To seed'))}
        ${numberField({
          label: msg('Images on the way'),
          testid: 'edit-between',
          changes: 'between lambda',
          value: between,
          min: 2,
          max: 64,
          change: (count) => editor.set({ between: Math.round(count) }),
        })}
      </div>
      <div class="row">
        ${button({
          label: msg('On to another seed'),
          testid: 'edit-seeds',
          changes: 'from to',
          click: () => editor.set({ from: to, to: Math.floor(Math.random() * MAX_SEED) }),
        })}
      </div>`;
  }

  /**
   * A sample in the place of a seed.
   * @param {'from' | 'to'} end
   * @param {import('../element/selected-sample.js').Subject} subject
   */
  #sampleAt(end, subject) {
    const { editor } = this.session;
    return html`<div class="field" data-changes=${end}>
      <span class="label">${end === 'from' ? msg('From a sample') : msg('To a sample')}</span>
      <div class="row end-sample">
        <unnoise-thumb .image=${subject} data-testid="edit-${end}-sample"></unnoise-thumb>
        ${button({
          label: msg('A seed instead'),
          testid: `edit-${end}-seed`,
          kind: 'link',
          click: () => editor.set({ [end]: editor.settings[end] }),
        })}
      </div>
    </div>`;
  }

  #results() {
    const { editor } = this.session;
    const { frame } = editor.recording;
    if (!frame) return html`<div class="hint"><p>${translated(HINTS[editor.kind])}</p></div>`;
    return editor.kind === 'between' ? this.#way(frame) : this.#picture(frame);
  }

  /** @param {import('../worker/protocol.js').Frame} frame */
  #way({ x_t, count, size }) {
    const { editor } = this.session;
    const { interpolation, recording } = editor;
    // There and back, so that it has no jump where it begins again.
    const place = recording.playing ? 0 : 1 - Math.abs(1 - 2 * interpolation.progress);
    const shown = Math.round(place * (count - 1));
    const tile = x_t.length / count;
    return html`<figure class="interpolation">
        <unnoise-pixels
          .testid=${'edit-interpolation'}
          .label=${msg('Image {0} of {1} on the way', shown + 1, count)}
          .tiles=${{ rgb: x_t.subarray(shown * tile, (shown + 1) * tile), count: 1, size }}
        ></unnoise-pixels>
      </figure>
      <figure>
        <unnoise-pixels
          .testid=${'edit-canvas'}
          .label=${msg('The images from one seed to the other')}
          .tiles=${{ rgb: x_t, count, size, columns: Math.min(count, 8) }}
        ></unnoise-pixels>
        <figcaption class="ends">
          ${endsInWords(recording.options).map((end) => html`<span>${end}</span>`)}
        </figcaption>
      </figure>
      ${playbackControls({
        playing: interpolation.playing,
        position: Math.round(interpolation.progress * 100),
        max: 100,
        text: msg('image {0} of {1}', shown + 1, count),
        prefix: 'edit-',
        changes: 'lambda',
        disabled: recording.sampling,
        place: html`<span class="tick" data-testid="edit-place"
          >${mixed('image {0} of {1}', shown + 1, count)}</span
        >`,
        toggle: () => (interpolation.playing ? interpolation.pause() : this.#play()),
        seek: (position) => {
          interpolation.pause();
          interpolation.seek(position / 100);
          this.requestUpdate();
        },
      })}`;
  }

  #play() {
    const { recording, interpolation } = this.session.editor;
    recording.pause();
    recording.seekEnd();
    interpolation.play(interpolation.progress < 1 ? interpolation.progress : 0);
  }

  /** @param {import('../worker/protocol.js').Frame} frame */
  #picture({ x_t, count, size, t, index }) {
    const { recording } = this.session.editor;
    const { position, total, playing, frames } = recording;
    return html`<figure>
        <unnoise-pixels
          .testid=${'edit-canvas'}
          .label=${msg('The picture on its way through noise')}
          .tiles=${{ rgb: x_t, count, size }}
        ></unnoise-pixels>
      </figure>
      ${playbackControls({
        playing,
        position,
        max: Math.max(0, frames.length - 1),
        text: msg('step {0} of {1}', index, total),
        prefix: 'edit-',
        changes: 't',
        disabled: frames.length < 2,
        place: html`<span class="tick" data-testid="edit-place"
          >${index} / ${total}<span class="muted"> t = ${t}</span></span
        >`,
        toggle: () => (playing ? recording.pause() : recording.play()),
        seek: (place) => {
          recording.pause();
          recording.seek(place);
        },
      })}`;
  }

  updated() {
    const canvas = /** @type {HTMLElement | null} */ (
      this.querySelector('[data-testid="edit-canvas"]')
    );
    if (!canvas) return;
    const { recording, kind } = this.session.editor;
    canvas.dataset.kind = kind;
    canvas.dataset.frames = String(recording.frames.length);
    canvas.dataset.state = recording.sampling ? 'sampling' : 'done';
  }
}

/**
 * What a way leads from, and to.
 * @param {import('../lab.js').SampleRequest | undefined} options
 */
function endsInWords({ seed, interpolate, mixtures } = {}) {
  if (!mixtures) return [msg('seed {0}', seed), msg('seed {0}', interpolate?.to)];
  const word = (/** @type {import('../worker/protocol.js').NoiseTerm[]} */ noise) => {
    const [{ seed, index }] = noise;
    if (noise.length > 1) return msg('a mixture of noise');
    return index ? msg('image {0} of seed {1}', index + 1, seed) : msg('seed {0}', seed);
  };
  return [word(mixtures[0]), word(mixtures[mixtures.length - 1])];
}

/** @type {Record<EditKind, string>} */
const HINTS = {
  between: marked('The images between the two seeds appear here.'),
  redraw: marked('What the model makes of the picture appears here.'),
  fill: marked('The picture, filled in, appears here.'),
};

define('unnoise-edit-panel', EditPanel);

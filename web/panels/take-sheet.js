import { html, nothing } from 'lit';
import { canvasToPng, gridColumns } from '../lib/canvas.js';
import { define } from '../lib/define.js';
import { integer, plural } from '../lib/format.js';
import { msg, translated } from '../lib/localize.js';
import { drawPoster } from '../lib/poster.js';
import { stickerSheet } from '../lib/stickers.js';
import { button } from './buttons.js';
import { selectField } from './fields.js';
import { Sheet } from './sheet.js';

/**
 * @import { Session } from '../element/session.js'
 * @import { Saver, TakenAway } from './take-away.js'
 */

/** Pixels of a file for each pixel of the images. */
const SCALES = [1, 2, 4, 8, 16, 32];
/** Sides that browsers still make canvases of. */
const MAX_SIDE = 8192;

/** More ways to take along what is shown: at any size, as stickers, on a poster. */
export class TakeSheet extends Sheet {
  static properties = {
    ...Sheet.properties,
    session: { attribute: false },
    shown: { attribute: false },
    saver: { attribute: false },
    scale: { state: true },
    said: { state: true },
  };

  constructor() {
    super();
    /** @type {Session} */
    this.session = /** @type {any} */ (undefined);
    /** @type {TakenAway} */
    this.shown = /** @type {any} */ (undefined);
    /** @type {Saver} */
    this.saver = /** @type {any} */ (undefined);
    this.scale = 8;
    this.said = '';
  }

  open() {
    this.said = '';
    super.open();
  }

  /**
   * Says it here: messages of the page lie below an open dialog.
   * @param {string} ending
   * @param {string} name
   * @param {() => Promise<Blob>} work
   */
  async #save(ending, name, work) {
    this.said = msg('Making the file…');
    this.said = await this.saver(ending, name, work);
  }

  get #scales() {
    const { width = 1, height = 1 } = this.shown.canvas() ?? {};
    return SCALES.filter((scale) => scale === 1 || Math.max(width, height) * scale <= MAX_SIDE);
  }

  render() {
    return this.sheet({
      id: 'take-title',
      title: msg('Take it with you'),
      content: this.opened ? this.#choices() : nothing,
    });
  }

  #choices() {
    const { name } = this.shown;
    const { width = 0, height = 0 } = this.shown.canvas() ?? {};
    const scales = this.#scales;
    const scale = Math.min(this.scale, scales[scales.length - 1]);
    return html`<section class="taking">
        <h3>${msg('Picture')}</h3>
        <div class="row">
          ${selectField({
            label: msg('Each pixel becomes'),
            testid: 'take-scale',
            value: String(scale),
            options: scales.map((by) => [
              String(by),
              by === 1 ? msg('one pixel') : msg('{0} × {1} pixels', by, by),
            ]),
            change: (value) => (this.scale = Number(value)),
          })}
          ${button({
            label: msg('Save {0} × {1}', integer(width * scale), integer(height * scale)),
            testid: 'take-picture',
            click: () =>
              this.#save('.png', `${name}-${scale}x`, async () => {
                const canvas = this.shown.canvas();
                if (!canvas) throw new Error(msg('There is no picture to save yet.'));
                return canvasToPng(canvas, scale);
              }),
          })}
        </div>
      </section>
      <section class="taking">
        <h3>${msg('Stickers')}</h3>
        <p class="explanation">
          ${msg(
            'Each image is cut out of what surrounds it, with a white edge; the rest is ' +
              'transparent.',
          )}
        </p>
        ${button({
          label: msg('Save sticker sheet'),
          testid: 'take-stickers',
          click: () => this.#save('.png', `${name}-stickers`, () => this.#stickers()),
        })}
      </section>
      <section class="taking">
        <h3>${msg('Poster')}</h3>
        <p class="explanation">
          ${msg(
            'What it learnt from, what it draws, its loss and settings on one sheet, with the ' +
              'link as a code for cameras.',
          )}
        </p>
        ${button({
          label: msg('Save poster'),
          testid: 'take-poster',
          click: () => this.#save('.png', `${name}-poster`, () => this.#poster()),
        })}
      </section>
      <p class="note" role="status" data-testid="take-said">${this.said}</p>`;
  }

  get #newest() {
    const frame = this.shown.frames.at(-1);
    if (!frame) throw new Error(msg('There is nothing to save yet.'));
    return frame;
  }

  async #stickers() {
    const frame = this.#newest;
    return canvasToPng(stickerSheet(frame, gridColumns(frame.count)), 1);
  }

  async #poster() {
    const { session } = this;
    const { images, sets, dataset } = session.imageSet;
    const set = sets.find(({ id }) => id === dataset);
    const { step } = session.lab;
    const canvas = await drawPoster({
      title: set ? translated(set.title) : msg('New images out of noise'),
      learnt: msg(
        'Learnt from {0} in {1}, on one device, with Unnoise',
        plural(images.length, 'image'),
        plural(step, 'step'),
      ),
      images,
      samples: this.#newest,
      curve: session.trainer.curve,
      settings: settingsOf(session),
      link: location.href,
      fonts: getComputedStyle(this).fontFamily,
    });
    return canvasToPng(canvas, 1);
  }
}

/**
 * The few that tell most.
 * @param {Session} session
 * @returns {[name: string, value: string][]}
 */
function settingsOf({ lab, sampleOptions, samples }) {
  const { config } = lab;
  const options = samples.options ?? sampleOptions;
  return [
    [msg('image size'), `${config.size} × ${config.size}`],
    [msg('parameters'), integer(lab.parameterCount)],
    [msg('channels'), config.unet.block_out_channels.join(', ')],
    [msg('learns'), config.scheduler.prediction_type.replace('_', ' ')],
    [msg('batch size'), String(config.training.batch_size)],
    [msg('learning rate'), String(config.training.learning_rate)],
    [msg('sampler'), `${options.sampler}, ${plural(options.steps ?? 0, 'step')}`],
    [msg('seed'), String(options.seed)],
  ];
}

define('unnoise-take-sheet', TakeSheet);

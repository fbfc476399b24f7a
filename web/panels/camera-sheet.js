import { html, nothing } from 'lit';
import { define } from '../lib/define.js';
import { msg } from '../lib/localize.js';
import { button } from './buttons.js';
import { segmentedField } from './fields.js';
import { Sheet } from './sheet.js';

/** Between two pictures of a burst, in milliseconds: long enough to move what is shown. */
const PAUSE_MS = 250;
/** Pixels of a picture's longer side. */
const MAX_SIDE = 512;

export const canUseCamera = typeof navigator.mediaDevices?.getUserMedia === 'function';

/** Pictures from the camera, one shortly after the other. It is asked for when this is opened. */
export class CameraSheet extends Sheet {
  static properties = {
    ...Sheet.properties,
    session: { attribute: false },
    count: { state: true },
    taken: { state: true },
    ready: { state: true },
    problem: { state: true },
  };

  /** @type {MediaStream | undefined} */
  #stream;
  #bursts = 0;

  constructor() {
    super();
    /** @type {import('../element/session.js').Session} */
    this.session = /** @type {any} */ (undefined);
    this.count = 16;
    /** Of the burst that is being taken. @type {number | undefined} */
    this.taken = undefined;
    this.ready = false;
    this.problem = '';
  }

  open() {
    this.problem = '';
    this.ready = false;
    super.open();
    this.#start();
  }

  async #start() {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: 'environment', width: { ideal: 640 } },
      });
      if (!this.opened) return end(stream);
      this.#stream = stream;
      await this.updateComplete;
      const video = this.#video;
      if (!video) return;
      video.srcObject = stream;
      await video.play();
      this.ready = true;
    } catch (error) {
      if (this.opened) this.problem = sentenceOf(error);
    }
  }

  get #video() {
    return this.querySelector('video');
  }

  closed() {
    end(this.#stream);
    this.#stream = undefined;
    this.taken = undefined;
  }

  render() {
    const { taken, count } = this;
    const busy = taken !== undefined;
    return this.sheet({
      id: 'camera-title',
      title: msg('Pictures from the camera'),
      content: html`${
          this.problem
            ? html`<p role="alert" data-testid="camera-problem">${this.problem}</p>`
            : html`<video muted playsinline aria-label=${msg('What the camera sees')}></video>`
        }
        <p class="explanation">
          ${msg('Turn it, or move around it, while they are taken. They stay on this device.')}
        </p>
        ${segmentedField({
          label: msg('How many'),
          name: 'camera-count',
          value: String(count),
          disabled: busy,
          options: [
            ['8', '8'],
            ['16', '16'],
            ['32', '32'],
          ],
          change: (value) => (this.count = Number(value)),
        })}
        <div class="row">
          ${button({
            label: busy ? msg('{0} of {1} taken', taken, count) : msg('Take {0} pictures', count),
            testid: 'camera-take',
            kind: 'primary',
            disabled: !this.ready || busy,
            click: () => this.#take(),
          })}
          <span class="visually-hidden" role="status"
            >${busy ? msg('Taking pictures') : nothing}</span
          >
        </div>`,
    });
  }

  async #take() {
    const { count, session } = this;
    const burst = ++this.#bursts;
    /** @type {File[]} */
    const files = [];
    this.taken = 0;
    while (files.length < count && this.opened && this.#video) {
      files.push(await pictureOf(this.#video, `camera ${burst}-${files.length + 1}.png`));
      this.taken = files.length;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    // Whoever closes it early keeps what was taken.
    this.close();
    if (files.length) await session.imageSet.add(files.map((file) => ({ file, path: file.name })));
  }
}

/**
 * @param {HTMLVideoElement} video
 * @param {string} name
 */
async function pictureOf(video, name) {
  const { videoWidth, videoHeight } = video;
  const scale = Math.min(1, MAX_SIDE / Math.max(videoWidth, videoHeight));
  const width = Math.max(1, Math.round(videoWidth * scale));
  const height = Math.max(1, Math.round(videoHeight * scale));
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')?.drawImage(video, 0, 0, width, height);
  return new File([await canvas.convertToBlob()], name, { type: 'image/png' });
}

/** @param {MediaStream | undefined} stream */
function end(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** What to do about a camera that cannot be had. @param {unknown} error */
function sentenceOf(error) {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return msg(
        'This page may not use the camera. Allow it in the browser’s settings of this page, ' +
          'or, if it stands within another, have that allow it; then open this again.',
      );
    case 'NotFoundError':
    case 'OverconstrainedError':
      return msg('No camera was found. Connect one and open this again, or choose files instead.');
    case 'NotReadableError':
    case 'AbortError':
      return msg(
        'The camera does not answer. Close other programs that use it, then open this again.',
      );
    default:
      return msg(
        'The camera cannot be used ({0}). Choose files instead.',
        error instanceof Error ? error.message : error,
      );
  }
}

define('unnoise-camera-sheet', CameraSheet);

import { html, nothing } from 'lit';
import { canvasToPng, download } from '../lib/canvas.js';
import { encodeGif } from '../lib/gif.js';
import { button } from './buttons.js';

/**
 * Buttons that take what is shown with one: saved, copied or shared, pixel for pixel.
 *
 * @import { Session } from '../element/session.js'
 *
 * @typedef {object} TakenAway
 * @property {string} prefix of the test ids
 * @property {string} name of the files, without an ending
 * @property {() => HTMLCanvasElement | null} canvas what is shown now
 * @property {import('../lib/gif.js').GifFrame[]} frames the whole recording
 *
 * @param {Session} session
 * @param {TakenAway} shown
 */
export function takeAway(session, shown) {
  const { prefix, name, frames } = shown;
  const empty = frames.length === 0;
  const said = async (/** @type {() => Promise<string>} */ work) => {
    try {
      session.messages.say('saved', await work());
    } catch (error) {
      // Whoever closes the dialog of sharing has changed their mind.
      if (error instanceof DOMException && error.name === 'AbortError') return;
      session.fail(error, 'save');
    }
  };
  const save = (/** @type {Blob} */ blob, /** @type {string} */ ending) => {
    download(blob, name + ending);
    return `Saved ${name}${ending} with your downloads.`;
  };
  return html`${button({
    label: 'Save PNG',
    testid: `${prefix}picture`,
    disabled: empty,
    click: () => said(async () => save(await pngOf(shown), '.png')),
  })}
  ${button({
    label: 'Save GIF',
    testid: `${prefix}gif`,
    disabled: frames.length < 2,
    click: () => said(async () => save(await gifOf(frames), '.gif')),
  })}
  ${
    canCopy
      ? button({
          label: 'Copy',
          testid: `${prefix}copy`,
          disabled: empty,
          click: () =>
            said(async () => {
              // Given as a promise, or Safari takes the click for over.
              const item = new ClipboardItem({ 'image/png': pngOf(shown) });
              await navigator.clipboard.write([item]);
              return 'Copied the picture.';
            }),
        })
      : nothing
  }
  ${
    canShare
      ? button({
          label: 'Share',
          testid: `${prefix}share`,
          disabled: empty,
          click: () =>
            said(async () => {
              const file = new File([await pngOf(shown)], `${name}.png`, { type: 'image/png' });
              await navigator.share({ files: [file] });
              return 'Shared the picture.';
            }),
        })
      : nothing
  }`;
}

const canCopy =
  typeof ClipboardItem === 'function' && typeof navigator.clipboard?.write === 'function';
const canShare =
  navigator.canShare?.({ files: [new File([], 'picture.png', { type: 'image/png' })] }) ?? false;

/** Pixels across a file, about: large enough to look at. */
const PNG_SIDE = 1024;
const GIF_SIDE = 512;

/** @param {TakenAway} shown */
async function pngOf({ canvas }) {
  const shown = canvas();
  if (!shown) throw new Error('There is no picture to save yet.');
  return canvasToPng(shown, Math.max(1, Math.floor(PNG_SIDE / shown.width)));
}

/** @param {import('../lib/gif.js').GifFrame[]} frames */
function gifOf(frames) {
  const { count, size } = frames[0];
  const side = Math.ceil(Math.sqrt(count)) * size;
  const scale = Math.max(1, Math.round(GIF_SIDE / side));
  // However many frames there are, it runs for about three seconds.
  const delayMs = Math.max(40, Math.round(3000 / frames.length));
  return encodeGif(frames, { scale, delayMs, lastMs: 2000 });
}

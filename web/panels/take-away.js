import { html, nothing } from 'lit';
import { gifIndexer } from '../element/gif-indexer.js';
import { canvasToPng, download } from '../lib/canvas.js';
import { LabError } from '../lib/errors.js';
import { canFilm, encodeFilm } from '../lib/film.js';
import { encodeGif } from '../lib/gif.js';
import { msg } from '../lib/localize.js';
import { button } from './buttons.js';
import './take-sheet.js';

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
 * @typedef {(ending: string, name: string, work: () => Promise<Blob>) => Promise<string>} Saver saves
 *   what `work` gives, and says so, or what went wrong
 *
 * @param {Session} session
 * @param {TakenAway} shown
 */
export function takeAway(session, shown) {
  const { prefix, name, frames } = shown;
  const empty = frames.length === 0;
  /**
   * @param {string} label
   * @param {{ id: string, disabled?: boolean, work: () => Promise<string> }} what `work` gives the words
   *   to say when it is done
   */
  const action = (label, { id, disabled = empty, work }) =>
    button({
      label,
      testid: prefix + id,
      disabled,
      click: async () => {
        try {
          session.messages.say('saved', await work());
        } catch (error) {
          // Whoever closes the dialog of sharing has changed their mind.
          if (error instanceof DOMException && error.name === 'AbortError') return;
          session.fail(error, 'save');
        }
      },
    });
  /** @type {Saver} */
  const saver = async (ending, called, work) => {
    try {
      download(await work(), called + ending);
      const words = msg('Saved {0}{1} with your downloads.', called, ending);
      session.messages.say('saved', words);
      return words;
    } catch (error) {
      session.fail(error, 'save');
      return LabError.from(error).message;
    }
  };
  const film = async () => {
    const { film, ending } = await filmOf(frames);
    return save(film, ending);
  };
  const save = (/** @type {Blob} */ blob, /** @type {string} */ ending) => {
    download(blob, name + ending);
    return msg('Saved {0}{1} with your downloads.', name, ending);
  };
  const copy = async () => {
    // Given as a promise, or Safari takes the click for over.
    const item = new ClipboardItem({ 'image/png': pngOf(shown) });
    await navigator.clipboard.write([item]);
    return msg('Copied the picture.');
  };
  const share = async () => {
    const file = new File([await pngOf(shown)], `${name}.png`, { type: 'image/png' });
    await navigator.share({ files: [file] });
    return msg('Shared the picture.');
  };
  return html`${action(msg('Save PNG'), {
      id: 'picture',
      work: async () => save(await pngOf(shown), '.png'),
    })}
    ${action(msg('Save GIF'), {
      id: 'gif',
      disabled: frames.length < 2,
      work: async () => save(await gifOf(frames, gifIndexer(session)), '.gif'),
    })}
    ${canFilm ? action(msg('Save film'), { id: 'film', disabled: frames.length < 2, work: film }) : nothing}
    ${canCopy ? action(msg('Copy'), { id: 'copy', work: copy }) : nothing}
    ${canShare ? action(msg('Share'), { id: 'share', work: share }) : nothing}
    ${button({ label: msg('More…'), testid: `${prefix}more`, disabled: empty, click: openSheet })}
    <unnoise-take-sheet .session=${session} .shown=${shown} .saver=${saver}></unnoise-take-sheet>`;
}

/** Opens the sheet that stands beside the button. @param {MouseEvent} event */
function openSheet({ currentTarget }) {
  const { parentElement } = /** @type {HTMLElement} */ (currentTarget);
  const sheet = parentElement?.querySelector('unnoise-take-sheet');
  /** @type {import('./take-sheet.js').TakeSheet | null | undefined} */ (sheet)?.open();
}

const canCopy =
  typeof ClipboardItem === 'function' && typeof navigator.clipboard?.write === 'function';
const canShare =
  navigator.canShare?.({ files: [new File([], 'picture.png', { type: 'image/png' })] }) ?? false;

/** Pixels across a file, about: large enough to look at. */
const PNG_SIDE = 1024;
const GIF_SIDE = 512;
const FILM_SIDE = 720;

/** @param {TakenAway} shown */
async function pngOf({ canvas }) {
  const shown = canvas();
  if (!shown) throw new Error(msg('There is no picture to save yet.'));
  return canvasToPng(shown, Math.max(1, Math.floor(PNG_SIDE / shown.width)));
}

/** @param {import('../lib/gif.js').GifFrame[]} frames */
function filmOf(frames) {
  return encodeFilm(frames, { scale: scaleOf(frames, FILM_SIDE), ...paceOf(frames), gap: '#fff' });
}

/**
 * @param {import('../lib/gif.js').GifFrame[]} frames
 * @param {import('../lib/gif.js').Indexer} index
 */
function gifOf(frames, index) {
  return encodeGif(frames, { scale: scaleOf(frames, GIF_SIDE), ...paceOf(frames), index });
}

/**
 * How much larger than the images.
 * @param {import('../lib/gif.js').GifFrame[]} frames
 * @param {number} pixels across, about
 */
function scaleOf([{ count, size }], pixels) {
  return Math.max(1, Math.round(pixels / (Math.ceil(Math.sqrt(count)) * size)));
}

/**
 * However many frames there are, it runs for about three seconds.
 * @param {import('../lib/gif.js').GifFrame[]} frames
 */
const paceOf = ({ length }) => ({
  delayMs: Math.max(40, Math.round(3000 / length)),
  lastMs: 2000,
});

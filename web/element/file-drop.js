import { transferredFiles } from '../lib/dropped-files.js';
import { unpackImageZips } from '../lib/image-zips.js';
import { divideFiles } from '../lib/model-files.js';

/** @typedef {import('./session.js').Session} Session */

/**
 * Listens for files that are dropped or pasted.
 *
 * @param {HTMLElement | Document} target
 * @param {object} then
 * @param {AbortSignal} then.signal ends it
 * @param {(dragging: boolean) => void} then.drag called as files come over the target and leave it
 * @param {(transfer: DataTransfer) => void} then.take
 */
export function listenForFiles(target, { signal, drag, take }) {
  // Elements and documents have no common type for these events.
  const place = /** @type {HTMLElement} */ (target);
  const hasFiles = (/** @type {DragEvent} */ { dataTransfer }) =>
    dataTransfer?.types.includes('Files') ?? false;
  const over = (/** @type {DragEvent} */ event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    drag(true);
  };
  const leave = (/** @type {DragEvent} */ { relatedTarget }) => {
    if (relatedTarget === null) drag(false);
  };
  const drop = (/** @type {DragEvent} */ event) => {
    drag(false);
    if (!event.dataTransfer || !hasFiles(event)) return;
    event.preventDefault();
    take(event.dataTransfer);
  };
  const paste = (/** @type {ClipboardEvent} */ { clipboardData }) => {
    if (clipboardData?.files.length) take(clipboardData);
  };
  place.addEventListener('dragover', over, { signal });
  place.addEventListener('dragleave', leave, { signal });
  place.addEventListener('drop', drop, { signal });
  place.addEventListener('paste', paste, { signal });
}

/**
 * Adds the images and opens the model among files.
 *
 * @param {Session} session
 * @param {DataTransfer} transfer
 */
export async function takeFiles(session, transfer) {
  try {
    const { given, failures } = await unpackImageZips(await transferredFiles(transfer));
    const { model, images, runs } = divideFiles(given);
    // What comes while the page is starting waits for it.
    await session.started;
    if (session.phase !== 'ready') return;
    for (const failure of failures) session.fail(failure, 'files');
    if (images.length) await session.imageSet.add(images);
    if (model) await session.openModel(model);
    if (session.options.persists) for (const run of runs) await session.storedRuns.import(run);
  } catch (error) {
    session.fail(error, 'files');
  }
}

import { packRun, unpackRun } from './archive.js';
import { inWords, RunStore } from './runs.js';

/**
 * Runs of the browser's storage as files, and back. Reading, packing and writing thousands of images
 * takes its time: a worker does it where there is one.
 *
 * @import { RunRecord } from './schema.js'
 */

/**
 * @param {string} database
 * @param {string} id
 */
export async function exportRun(database, id) {
  try {
    const bytes = packRun(await new RunStore(database).read(id));
    return new Blob([/** @type {BlobPart} */ (bytes)]);
  } catch (error) {
    throw inWords(error);
  }
}

/**
 * Puts the run of a file beside the others.
 * @param {string} database
 * @param {Blob} file
 * @returns {Promise<RunRecord>}
 */
export async function importRun(database, file) {
  try {
    return await new RunStore(database).add(unpackRun(new Uint8Array(await file.arrayBuffer())));
  } catch (error) {
    throw inWords(error);
  }
}

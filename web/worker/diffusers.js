/**
 * Models of Hugging Face diffusers as they come and go: zips of a pipeline's folder.
 *
 * @import { ModelFiles } from './protocol.js'
 */
import { unzipSync, zipSync } from 'fflate';
import { LabError } from '../lib/errors.js';
import { isRead, MAX_MODEL_BYTES } from '../lib/model-files.js';
import { loadedWasm } from './wasm.js';

/**
 * @param {ModelFiles} files
 * @returns {Uint8Array}
 */
export function zip(files) {
  // Weights hardly get smaller.
  return zipSync(files, { level: 0 });
}

/**
 * The checkpoint that a model amounts to: itself, or what a zip or the files of a folder hold.
 *
 * @param {Uint8Array | ModelFiles} model
 * @param {import('../lib/backend.js').BackendName} backend
 * @returns {Promise<Uint8Array>}
 */
export async function toCheckpoint(model, backend) {
  if (model instanceof Uint8Array && !isZip(model)) return model;
  const files = model instanceof Uint8Array ? unzip(model) : model;
  return (await loadedWasm(backend).bindings).Engine.importDiffusers(files);
}

/** @param {Uint8Array} bytes */
const isZip = (bytes) => [0x50, 0x4b, 0x03, 0x04].every((byte, index) => bytes[index] === byte);

/**
 * @param {Uint8Array} bytes
 * @returns {ModelFiles}
 */
function unzip(bytes) {
  /** @type {ModelFiles} */
  const unread = {};
  let total = 0;
  const filter = (/** @type {import('fflate').UnzipFileInfo} */ { name, originalSize }) => {
    if (!isRead(name)) {
      unread[name] = new Uint8Array();
      return false;
    }
    total += originalSize;
    if (total > MAX_MODEL_BYTES) {
      throw new LabError(
        'bad-checkpoint',
        'This zip holds more than a small model; nothing was changed.',
      );
    }
    return true;
  };
  try {
    const read = unzipSync(bytes, { filter });
    return { ...unread, ...read };
  } catch (cause) {
    if (cause instanceof LabError) throw cause;
    throw new LabError('truncated', 'This zip is cut short or damaged.', { cause });
  }
}

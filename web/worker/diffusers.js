/**
 * Models of Hugging Face diffusers as they come and go: zips of a pipeline's folder.
 *
 * @import { ModelFiles } from './protocol.js'
 */
import { zipSync } from 'fflate';
import { LabError } from '../lib/errors.js';
import { marked } from '../lib/localize.js';
import { isRead, MAX_MODEL_BYTES } from '../lib/model-files.js';
import { isZip, readZip, ZipError } from '../lib/zip.js';
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

/** More files than any folder of one model has. */
const LIMITS = { maxBytes: MAX_MODEL_BYTES, maxEntries: 10_000 };

/** What is said about a zip that is not read. @type {Record<import('../lib/zip.js').ZipFault, string>} */
const SENTENCES = {
  damaged: marked('This zip is cut short or damaged.'),
  encrypted: marked('This zip is encrypted. Pack it again without a password.'),
  unknown: marked(
    'This zip is packed in a way that is not read. Pack it again as an ordinary zip.',
  ),
  'too-large': marked('This zip holds more than a small model; nothing was changed.'),
};

/**
 * @param {Uint8Array} bytes
 * @param {typeof LIMITS} [limits]
 * @returns {ModelFiles}
 */
export function unzip(bytes, limits = LIMITS) {
  try {
    const { files, others } = readZip(bytes, { wants: isRead, ...limits });
    // Of these it is enough to know that they are there.
    const unread = others.map((name) => /** @type {const} */ ([name, new Uint8Array()]));
    return Object.fromEntries([...unread, ...files]);
  } catch (cause) {
    const fault = cause instanceof ZipError ? cause.fault : 'damaged';
    const code = fault === 'damaged' ? 'truncated' : 'bad-checkpoint';
    throw new LabError(code, SENTENCES[fault], { cause });
  }
}

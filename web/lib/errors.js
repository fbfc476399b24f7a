import { marked, retold, translated } from './localize.js';

/** @typedef {import('../worker/protocol.js').LabErrorCode} LabErrorCode */

/**
 * The error every public call rejects with. `code` is stable and meant for programs; `message` is a
 * sentence meant for people: what happened and what to do.
 */
export class LabError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {ErrorOptions} [options]
   */
  constructor(code, message, options) {
    super(shortened(message), options);
    this.name = 'LabError';
    this.code = /** @type {LabErrorCode} */ (code);
  }

  /**
   * @param {unknown} error
   * @returns {LabError}
   */
  static from(error) {
    if (error instanceof LabError) return error;
    const { code, message } = /** @type {{code?: unknown, message?: unknown}} */ (error ?? {});
    return new LabError(
      typeof code === 'string' ? code : 'internal',
      advised(code, typeof message === 'string' ? message : String(error)),
      { cause: error },
    );
  }
}

/** As much as a person reads of what a file or a link says, which may be megabytes. */
const MAX_MESSAGE = 1000;

/** @param {string} message */
const shortened = (message) =>
  message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message;

/**
 * What of an error can be sent from a worker.
 * @param {unknown} error
 */
export function wireError(error) {
  const { code, message } = LabError.from(error);
  return { code, message };
}

/**
 * What one can do in the page about an error of the core, which only says what is wrong.
 * @type {Record<string, string>}
 */
const ADVICE = {
  'no-images': marked('Add at least one image first.'),
  'newer-format': marked('Reload the page to update.'),
  truncated: marked('Copy or download it again; nothing loaded was changed.'),
  'shape-mismatch': marked('Nothing loaded was changed.'),
};

/**
 * The message with its advice, once: an error may pass through several workers.
 * @param {unknown} code
 * @param {string} message
 */
function advised(code, message) {
  const advice = ADVICE[String(code)];
  if (!advice) return retold(message);
  if (message.endsWith(translated(advice))) return message;
  // A worker has English.
  const said = message.endsWith(advice) ? message.slice(0, -advice.length).trimEnd() : message;
  return `${retold(said)} ${translated(advice)}`;
}

/**
 * @param {AbortSignal} [signal]
 */
export function throwIfAborted(signal) {
  if (signal?.aborted) throw new LabError('aborted', 'Stopped.', { cause: signal.reason });
}

/**
 * @param {unknown} error
 * @returns {boolean}
 */
export const isAbort = (error) => LabError.from(error).code === 'aborted';

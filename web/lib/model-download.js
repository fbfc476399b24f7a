/**
 * Fetching a model by its address: never more than fits, a piece at a time, with a sentence for
 * whatever goes wrong.
 *
 * @typedef {object} Head what a server says of a file
 * @property {boolean} ok
 * @property {number} status
 * @property {string} url where it came from in the end
 * @property {string} type
 * @property {number} length 0 where it is not said
 *
 * @typedef {Head & { body: ReadableStream<Uint8Array<ArrayBuffer>> }} ModelResponse
 * @typedef {(address: URL, signal: AbortSignal) => Promise<ModelResponse>} Fetching
 */
import { concat } from './bytes.js';
import { LabError, throwIfAborted } from './errors.js';
import { compact } from './format.js';
import { msg } from './localize.js';
import { MAX_MODEL_BYTES, requireRoom } from './model-files.js';

/**
 * @param {string} text
 * @returns {URL}
 */
export function modelAddress(text) {
  try {
    return new URL(text, document.baseURI);
  } catch (cause) {
    const message = msg('“{0}” is no address of a model. Check the link.', text);
    throw new LabError('not-found', message, { cause });
  }
}

/** Whether fetching from there tells another host something. @param {URL} address */
export const isForeign = ({ protocol, origin }) =>
  origin !== location.origin && !['blob:', 'data:'].includes(protocol);

/** A file's name, as far as its address tells. @param {URL} address */
export function fileName({ pathname, host }) {
  const name = pathname.split('/').at(-1) || host;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** From the page's own origin, and from there only: it may not pass the request on. @type {Fetching} */
export const fetchOwn = (address, signal) =>
  fetchDirectly(address, { mode: 'same-origin', signal });

/** From another host, which learns as little as possible. @type {Fetching} */
export const fetchForeign = (address, signal) =>
  fetchDirectly(address, { credentials: 'omit', referrerPolicy: 'no-referrer', signal });

/**
 * @param {URL} address
 * @param {RequestInit} options
 * @returns {Promise<ModelResponse>}
 */
async function fetchDirectly(address, options) {
  const { ok, status, url, headers, body } = await fetch(address, options);
  const type = headers.get('content-type') ?? '';
  const length = Number(headers.get('content-length'));
  return { ok, status, url, type, length, body: body ?? new Blob().stream() };
}

/**
 * @param {URL} address
 * @param {object} how
 * @param {Fetching} how.fetching
 * @param {AbortSignal} how.signal
 * @param {(done: number, total: number) => void} [how.progress] in bytes; the total is 0 where it is
 *   not known
 * @param {number} [how.limit] in bytes
 * @returns {Promise<{ bytes: Uint8Array<ArrayBuffer>, url: string }>} also where it came from
 */
export async function downloadModel(
  address,
  { fetching, signal, progress = () => {}, limit = MAX_MODEL_BYTES },
) {
  const server = isForeign(address) ? address.host : msg('the server');
  const response = await fetching(address, signal).catch((cause) => {
    throwIfAborted(signal);
    throw unreachable(address, cause);
  });
  try {
    if (!response.ok) {
      const answer = msg('{0} answers {1}. Check the address.', server, response.status);
      throw new LabError('not-found', msg('The model could not be fetched: {0}', answer));
    }
    if (response.type.startsWith('text/html')) throw noModel(server, msg('a web page'));
    requireRoom(fileName(address), response.length, limit);
    const pieces = [];
    let done = 0;
    for await (const piece of piecesOf(response.body, signal)) {
      if (done === 0 && !beginsLikeAModel(piece)) throw noModel(server, msg('something else'));
      done += piece.length;
      // Whatever the server said of the length.
      if (done > limit) throw cutOff(server, limit);
      pieces.push(piece);
      progress(done, response.length);
    }
    return { bytes: concat(pieces), url: response.url };
  } catch (error) {
    await response.body.cancel().catch(() => {});
    throw error;
  }

  /**
   * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
   * @param {AbortSignal} signal
   */
  async function* piecesOf(body, signal) {
    const reader = body.getReader();
    let done = 0;
    try {
      while (true) {
        const { value } = await reader.read().catch((cause) => {
          throwIfAborted(signal);
          throw brokenOff(server, done, cause);
        });
        throwIfAborted(signal);
        if (!value) return;
        done += value.length;
        yield value;
      }
    } finally {
      reader.releaseLock();
    }
  }
}

/**
 * A zip, or a checkpoint, whose header of 8 bytes is followed by JSON. Fewer bytes than that do not
 * tell.
 * @param {Uint8Array} bytes
 */
const beginsLikeAModel = (bytes) =>
  bytes.length < 9 || (bytes[0] === 0x50 && bytes[1] === 0x4b) || bytes[8] === 0x7b;

/**
 * @param {URL} address
 * @param {unknown} cause
 */
function unreachable(address, cause) {
  const why = isForeign(address)
    ? msg(
        '{0} cannot be reached, or does not let other pages read its files ' +
          '(Access-Control-Allow-Origin). Try again, or download the file yourself and load it ' +
          'from there.',
        address.host,
      )
    : msg('the server cannot be reached. Check the connection and the address.');
  return new LabError('not-found', msg('The model could not be fetched: {0}', why), { cause });
}

/**
 * @param {string} server
 * @param {string} what it sent
 */
const noModel = (server, what) =>
  new LabError(
    'bad-checkpoint',
    msg(
      'What {0} sent is {1}, not a model (.safetensors, or a zip of a diffusers folder). ' +
        'Check the address. Nothing was changed.',
      server,
      what,
    ),
  );

/**
 * @param {string} server
 * @param {number} limit
 */
const cutOff = (server, limit) =>
  new LabError(
    'too-large',
    msg(
      '{0} sent more than {1}, which is more than a model that a browser can compute with. ' +
        'The rest was not fetched, and nothing was changed.',
      server,
      compact(limit, 'B'),
    ),
  );

/**
 * @param {string} server
 * @param {number} done
 * @param {unknown} cause
 */
const brokenOff = (server, done, cause) =>
  new LabError(
    'truncated',
    msg(
      'The connection to {0} broke off after {1} of the model. Try again. Nothing was ' +
        'changed.',
      server,
      compact(done, 'B'),
    ),
    { cause },
  );

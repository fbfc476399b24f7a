import { msg } from '../lib/localize.js';
/**
 * The kernel of a notebook at the other end of an anywidget model: messages with bytes, in parts,
 * since a server may limit how long one may be. `python/src/unnoise/kernel.py` is the other end.
 */

const PART_BYTES = 1 << 20;

/** More than the largest file has. */
const MAX_PARTS = 4096;

/** Files of the package are large, and a kernel that computes answers late. */
const ANSWER_MS = 60_000;

/**
 * What anywidget hands over. Where there is no kernel nothing but `get` can be relied on: in MyST the
 * others are missing or throw.
 * @typedef {object} Model
 * @property {(name: string) => unknown} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(content: Message, callbacks?: object, buffers?: ArrayBuffer[]) => void} send
 * @property {(event: string, handler: (...args: never[]) => void) => void} on
 * @property {(event: string, handler: (...args: never[]) => void) => void} off
 *
 * @typedef {{ type: string, name?: string, part?: number, parts?: number, error?: string,
 *   [key: string]: unknown }} Message
 *
 * @typedef {object} Awaited
 * @property {Uint8Array<ArrayBuffer>[]} parts
 * @property {(file: Blob) => void} resolve
 * @property {(error: Error) => void} reject
 * @property {number} timer
 */

export class Kernel extends EventTarget {
  #model;
  /** @type {[event: string, handler: (...args: never[]) => void][]} */
  #watched = [];
  /** @type {Map<string, Awaited>} */
  #awaited = new Map();

  /** @param {Model} model */
  constructor(model) {
    super();
    this.#model = model;
    this.watch('msg:custom', this.#receive);
  }

  /** Whether there is one: a page that was built from a notebook has none. */
  get present() {
    return this.#model.get('kernel') === true;
  }

  close() {
    for (const [event, handler] of this.#watched) this.#model.off(event, handler);
    for (const { timer } of this.#awaited.values()) clearTimeout(timer);
    this.#awaited.clear();
  }

  /**
   * Until it is closed.
   * @param {string} event of the model
   * @param {(...args: never[]) => void} handler
   */
  watch(event, handler) {
    if (!this.present) return;
    this.#model.on(event, handler);
    this.#watched.push([event, handler]);
  }

  /** @param {string} name of a trait */
  get(name) {
    return this.#model.get(name);
  }

  /** @param {Record<string, unknown>} traits */
  set(traits) {
    if (!this.present) return;
    for (const [name, value] of Object.entries(traits)) this.#model.set(name, value);
    this.#model.save_changes();
  }

  /**
   * @param {Message} message
   * @param {Uint8Array} [bytes]
   */
  send(message, bytes) {
    if (!this.present) return;
    if (!bytes) return this.#model.send(message);
    const parts = Math.max(1, Math.ceil(bytes.length / PART_BYTES));
    for (let part = 0; part < parts; part++) {
      const { buffer } = bytes.slice(part * PART_BYTES, (part + 1) * PART_BYTES);
      const content = { ...message, part, parts };
      this.#model.send(content, undefined, [/** @type {ArrayBuffer} */ (buffer)]);
    }
  }

  /**
   * @param {string} name of a file of the package, or of what the program has given
   * @returns {Promise<Blob>}
   */
  file(name) {
    return new Promise((resolve, reject) => {
      const timer = window.setTimeout(() => {
        this.#awaited.delete(name);
        reject(
          new Error(
            msg('The notebook’s kernel does not send {0}. Run the cell of the figure again.', name),
          ),
        );
      }, ANSWER_MS);
      this.#awaited.set(name, { parts: [], resolve, reject, timer });
      this.send({ type: 'file', name });
    });
  }

  /**
   * @param {Message} message
   * @param {(DataView | ArrayBuffer)[]} [buffers]
   */
  #receive = (message, buffers = []) => {
    if (message.type !== 'file') {
      this.dispatchEvent(new CustomEvent('message', { detail: message }));
      return;
    }
    const { name = '', part = 0, parts = 1, error } = message;
    const awaited = this.#awaited.get(name);
    if (!awaited) return;
    const counts = Number.isInteger(part) && part >= 0 && part < parts && parts <= MAX_PARTS;
    if (!error && (!counts || !buffers.length)) return;
    if (!error) {
      awaited.parts[part] = bytesOf(buffers[0]);
      if (Object.keys(awaited.parts).length < parts) return;
    }
    this.#awaited.delete(name);
    clearTimeout(awaited.timer);
    if (error) awaited.reject(new Error(error));
    else awaited.resolve(new Blob(awaited.parts));
  };
}

/** @param {DataView | ArrayBuffer} buffer a copy of it, whose memory the host may use again */
function bytesOf(buffer) {
  const view =
    buffer instanceof ArrayBuffer
      ? new Uint8Array(buffer)
      : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  return Uint8Array.from(view);
}

/**
 * Sentences for the user: what happened and what to do. A message with a key replaces the earlier
 * one of that key.
 *
 * @typedef {object} Action
 * @property {string} id
 * @property {string} label
 * @property {() => void} run
 *
 * @typedef {object} Message
 * @property {string} key
 * @property {'info' | 'error'} kind
 * @property {string} text
 * @property {Action[]} actions
 * @property {Progress} [progress] of what it tells of
 *
 * @typedef {{ done: number, total: number }} Progress in bytes; the total is 0 while it is not known
 */

/** How long an information stands that asks for nothing. */
const INFO_MS = 12_000;

export class Messages extends EventTarget {
  /** @type {Message[]} */
  list = [];

  /**
   * @param {string} key
   * @param {string} text
   * @param {{ kind?: 'info' | 'error', actions?: Action[], sticky?: boolean, progress?: Progress }}
   *   [options]
   */
  say(key, text, { kind = 'info', actions = [], sticky = false, progress } = {}) {
    /** @type {Message} */
    const message = { key, kind, text, actions, progress };
    this.list = [...this.list.filter((other) => other.key !== key), message];
    if (kind === 'info' && !actions.length && !sticky) {
      setTimeout(() => this.#remove((other) => other === message), INFO_MS);
    }
    this.dispatchEvent(new Event('change'));
  }

  /** @param {string[]} keys of what is over */
  dismiss(...keys) {
    this.#remove((message) => keys.includes(message.key));
  }

  /** @param {(message: Message) => boolean} matches */
  #remove(matches) {
    const rest = this.list.filter((message) => !matches(message));
    if (rest.length === this.list.length) return;
    this.list = rest;
    this.dispatchEvent(new Event('change'));
  }
}

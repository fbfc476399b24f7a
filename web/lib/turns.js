/**
 * Work that must not overlap, one piece after the other in the order it was asked for: each starts from
 * the outcome of the one before.
 */
export class Turns {
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();
  #left = 0;

  /** Resolves once all that was asked for so far is over, whether it failed or not; nothing if it is. */
  get over() {
    return this.#left > 0 ? this.#last : undefined;
  }

  /**
   * @template T
   * @param {() => T | Promise<T>} work must not wait for another turn
   * @returns {Promise<T>}
   */
  take(work) {
    this.#left += 1;
    const turn = this.#last.then(work).finally(() => (this.#left -= 1));
    this.#last = turn.catch(() => {});
    return turn;
  }
}

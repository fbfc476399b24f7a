/**
 * Runs work one piece after the other, in the order it was asked for: each starts from the outcome
 * of the one before.
 *
 * A piece that waited for another of the same queue would wait for ever. So each is given its turn
 * and passes it on to whatever it calls: `run` with a turn starts at once, as a part of it. A turn
 * that is over is refused, since another piece may have begun.
 *
 * @typedef {symbol} Turn
 */
export class SerialQueue {
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();
  /** @type {Turn | undefined} */
  #turn;

  /**
   * @template T
   * @param {(turn: Turn) => T | Promise<T>} work
   * @param {Turn} [turn] of the piece that this is a part of
   * @returns {Promise<T>}
   */
  async run(work, turn) {
    if (turn) {
      if (turn !== this.#turn) throw new Error('This turn is over: nothing can be a part of it.');
      return work(turn);
    }
    const result = this.#last.then(() => work((this.#turn = Symbol('turn'))));
    this.#last = result.catch(() => {}).then(() => (this.#turn = undefined));
    return result;
  }
}

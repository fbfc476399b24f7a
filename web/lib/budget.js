/** Time for work beside the main work: no more than a fixed share of all. */
export class Budget {
  #share;
  #main = 0;
  #spent = 0;

  /** @param {number} share of all time, 0 to 1 */
  constructor(share) {
    this.#share = share;
  }

  /** @param {number} ms that the main work took */
  earn(ms) {
    this.#main += ms;
  }

  /** Whether there is time left to spend. */
  get left() {
    return this.#spent < this.#share * (this.#main + this.#spent);
  }

  /**
   * Does work and pays for it.
   * @param {() => Promise<void>} work
   */
  async spend(work) {
    const began = performance.now();
    await work();
    this.#spent += performance.now() - began;
  }

  clear() {
    this.#main = this.#spent = 0;
  }
}

/** What a session is waiting for, in words. */
export class Activities {
  /** The newest last. @type {{ words: string }[]} */
  #list = [];

  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
  }

  /** Empty where nothing is waited for. */
  get newest() {
    return this.#list.at(-1)?.words ?? '';
  }

  /**
   * @template T
   * @param {string} words
   * @param {(say: (words: string) => void) => Promise<T>} work is given how to say how far it is
   */
  async during(words, work) {
    const activity = { words };
    this.#list.push(activity);
    this.changed();
    try {
      return await work((newer) => {
        activity.words = newer;
        this.changed();
      });
    } finally {
      this.#list = this.#list.filter((other) => other !== activity);
      this.changed();
    }
  }
}

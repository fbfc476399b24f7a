/** How old the state may be that a crash goes back to, in milliseconds. */
export const MAX_AGE_MS = 10_000;
/** How old it becomes where nothing takes long: the rest is for what takes longer than expected. */
const USUAL_AGE_MS = 8_000;

/**
 * Says when the next state of a training run is to be taken, so that the one before is never older
 * than `MAX_AGE_MS` when it is replaced.
 *
 * A state can be taken only between two turns of training, and is safe only once it is saved. So it
 * is due as soon as another turn, and saving after that, would go beyond the limit, each as long as
 * the last one was. Where a turn alone is too long for that, a state is taken after every turn; but
 * no more than half of the time goes into saving.
 */
export class StateAge {
  #now;
  #takenAt = 0;
  #savedAt = 0;
  /** When the turn under way began. */
  #turnedAt = 0;
  /** How long the last turn took, and the last saving. */
  #turn = 0;
  #saving = 0;
  #hurried = false;

  /** @param {() => number} [now] in milliseconds */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** Training begins, from a state that is not lost. */
  begin() {
    this.#takenAt = this.#savedAt = this.#turnedAt = this.#now();
    this.#turn = 0;
    this.#hurried = false;
  }

  /** The next state is due as soon as the turn under way is over. */
  hurry() {
    this.#hurried = true;
  }

  /**
   * A turn of training is over.
   * @returns {boolean} whether a state is due
   */
  turned() {
    const now = this.#now();
    this.#turn = now - this.#turnedAt;
    this.#turnedAt = now;
    if (this.#hurried) return true;
    const age = now - this.#takenAt;
    const due = age >= USUAL_AGE_MS || age + this.#turn + this.#saving >= MAX_AGE_MS;
    return due && now - this.#savedAt >= this.#saving;
  }

  /**
   * Takes a state, between two turns.
   * @param {() => Promise<void>} save
   */
  async take(save) {
    const takenAt = this.#now();
    this.#hurried = false;
    await save();
    this.#takenAt = takenAt;
    this.#savedAt = this.#turnedAt = this.#now();
    this.#saving = this.#savedAt - takenAt;
  }
}

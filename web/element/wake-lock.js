/**
 * Keeps the screen on while a model trains: a phone that sleeps stops training. Browsers take the
 * lock away whenever the page is hidden, and may refuse it.
 */
export class TrainingWakeLock {
  #training = false;
  /** @type {Promise<WakeLockSentinel | undefined>} */
  #lock = Promise.resolve(undefined);

  /**
   * @param {import('./session.js').Session} session
   * @param {AbortSignal} signal
   */
  constructor(session, signal) {
    session.watch(['run'], () => this.#follow(session.run.training), signal);
    const onVisible = () => this.#training && !document.hidden && this.#take();
    document.addEventListener('visibilitychange', onVisible, { signal });
    signal.addEventListener('abort', () => this.#follow(false));
  }

  /** @param {boolean} training */
  #follow(training) {
    if (training === this.#training) return;
    this.#training = training;
    if (training) this.#take();
    else this.#release();
  }

  #take() {
    this.#release();
    this.#lock = Promise.resolve(navigator.wakeLock?.request('screen')).catch(() => undefined);
  }

  #release() {
    this.#lock.then((lock) => lock?.release());
    this.#lock = Promise.resolve(undefined);
  }
}

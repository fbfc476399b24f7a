import { msg } from '../lib/localize.js';
import { storedChoice } from '../lib/stored-choice.js';

/**
 * What the visitor wants of training while they look at something else: that it rests, and that it
 * tells them when it is done. Both are remembered. Dispatches `change`.
 */

const MADE = { yes: 'yes', no: 'no', usual: false };
const pausing = storedChoice('unnoise.pause-hidden', MADE);
const notifying = storedChoice('unnoise.notify-done', MADE);

/**
 * Whether the page may show notifications, or ask to.
 * @returns {NotificationPermission} 'denied' where there are none
 */
const readPermission = () =>
  typeof Notification === 'function' && isSecureContext ? Notification.permission : 'denied';

export class Away extends EventTarget {
  #session;
  #pauses = pausing.read();
  #notifies = notifying.read();
  /** Kept, since reading it waits for another process of the browser: up to 10 ms. */
  #permission = readPermission();
  /** Of the pause that came with the page being hidden. @type {Promise<void> | undefined} */
  #paused;

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    super();
    this.#session = session;
  }

  /**
   * Follows the page.
   * @param {AbortSignal} signal
   */
  follow(signal) {
    document.addEventListener('visibilitychange', () => this.#look(), { signal });
    this.#session.milestones.addEventListener('finished', () => this.#tell(), { signal });
  }

  // --- pausing ---

  /** Whether training pauses while the page is hidden. */
  get pauses() {
    return this.#pauses;
  }

  /** @param {boolean} pauses */
  setPauses(pauses) {
    this.#pauses = pauses;
    pausing.keep(pauses);
    this.dispatchEvent(new Event('change'));
  }

  async #look() {
    const { run } = this.#session;
    if (document.hidden) {
      if (this.#pauses && run.training) this.#paused = this.#session.pause();
      return;
    }
    this.#permission = readPermission();
    const paused = this.#paused;
    if (!paused) return;
    this.#paused = undefined;
    await paused;
    if (!document.hidden && run.state === 'paused' && run.continues) this.#session.train();
  }

  // --- notifications ---

  get canNotify() {
    return this.#permission !== 'denied';
  }

  /** Whether a notification says that training is done. */
  get notifies() {
    return this.#notifies && this.#permission === 'granted';
  }

  /** @param {boolean} notifies */
  async setNotifies(notifies) {
    if (notifies) this.#permission = await Notification.requestPermission();
    this.#notifies = notifies && this.#permission === 'granted';
    notifying.keep(this.#notifies);
    this.dispatchEvent(new Event('change'));
  }

  async #tell() {
    if (!this.notifies || !document.hidden) return;
    const { run, milestones } = this.#session;
    const options = { body: milestones.text, tag: `unnoise-${run.id}` };
    const title = msg('“{0}” is trained', run.name);
    try {
      const notification = new Notification(title, options);
      notification.onclick = () => {
        window.focus();
        notification.close();
      };
    } catch {
      // Android shows only those of a service worker.
      const registration = await navigator.serviceWorker?.getRegistration();
      await registration?.showNotification(title, options).catch(() => {});
    }
  }
}

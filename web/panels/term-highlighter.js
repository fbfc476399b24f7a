/**
 * Highlights the terms of a panel's equations that a control changes, while the pointer or the
 * focus is on it. Controls say what they change in `data-changes`, terms their name in `data-term`.
 *
 * @import { ReactiveController } from 'lit'
 * @implements {ReactiveController}
 */
export class TermHighlighter {
  /** Names of the terms that are highlighted. */
  #names = '';

  /** @param {import('lit').ReactiveControllerHost & HTMLElement} host */
  constructor(host) {
    this.host = host;
    host.addController(this);
  }

  hostConnected() {
    for (const type of EVENTS) this.host.addEventListener(type, this.#look);
  }

  hostDisconnected() {
    for (const type of EVENTS) this.host.removeEventListener(type, this.#look);
  }

  hostUpdated() {
    const names = this.#names.split(' ');
    for (const element of this.host.querySelectorAll('[data-term]')) {
      const name = element.getAttribute('data-term') ?? '';
      element.classList.toggle('highlighted', names.includes(name));
    }
  }

  /** @param {Event} event */
  #look = ({ type, target }) => {
    // Both events that end something name what is left, not what is come to.
    const left = type === 'pointerout' || type === 'focusout';
    const pointed = left ? null : changesOf(/** @type {Element} */ (target));
    const root = /** @type {ShadowRoot | Document} */ (this.host.getRootNode());
    const focused = type === 'focusout' ? null : root.activeElement;
    const within = focused && this.host.contains(focused) ? changesOf(focused) : null;
    const names = pointed ?? within ?? '';
    if (names === this.#names) return;
    this.#names = names;
    this.hostUpdated();
  };
}

const EVENTS = ['pointerover', 'pointerout', 'focusin', 'focusout', 'input', 'change'];

/** @param {Element} element */
const changesOf = (element) =>
  element.closest('[data-changes]')?.getAttribute('data-changes') ?? null;

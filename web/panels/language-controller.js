import { languageChanges } from '../lib/localize.js';

/** Renders an element again once another language is in force. */
export class LanguageController {
  /** @param {import('lit').ReactiveControllerHost} host */
  constructor(host) {
    this.#host = host;
    host.addController(this);
  }

  #host;
  #changed = () => this.#host.requestUpdate();

  hostConnected() {
    languageChanges.addEventListener('change', this.#changed);
  }

  hostDisconnected() {
    languageChanges.removeEventListener('change', this.#changed);
  }
}

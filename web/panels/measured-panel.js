import { whenSeen } from '../lib/when-seen.js';
import { Panel } from './panel.js';

/** Shows what is measured of the model, for which work begins once someone looks. */
export class MeasuredPanel extends Panel {
  #giveUp = () => {};

  connectedCallback() {
    super.connectedCallback();
    this.#giveUp = whenSeen(this, () => this.session.diagnostics.start());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#giveUp();
  }
}

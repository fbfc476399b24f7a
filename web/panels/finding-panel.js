import { whenSeen } from '../lib/when-seen.js';
import { Panel } from './panel.js';

/** Shows what is found out about the model, for which work begins once someone looks. */
export class FindingPanel extends Panel {
  #giveUp = () => {};

  connectedCallback() {
    super.connectedCallback();
    this.#giveUp = whenSeen(this, () => this.session.insight.want());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#giveUp();
  }
}

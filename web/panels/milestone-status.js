import { html } from 'lit';
import { define } from '../lib/define.js';
import { Panel } from './panel.js';

/** Reads milestones of training out to those who do not see it. */
export class MilestoneStatus extends Panel {
  static shows = /** @type {const} */ (['milestones']);

  render() {
    return html`<p class="visually-hidden" role="status" aria-live="polite" data-testid="milestone">
      ${this.session.milestones.text}
    </p>`;
  }
}

define('unnoise-milestones', MilestoneStatus);

import { html, nothing } from 'lit';
import { define } from '../lib/define.js';
import { compact } from '../lib/format.js';
import { msg } from '../lib/localize.js';
import { Panel } from './panel.js';

/** What happened and what to do, where it is seen wherever one has scrolled to. */
export class MessageList extends Panel {
  static shows = /** @type {const} */ (['messages']);

  render() {
    const { messages } = this.session;
    return html`<div
      class="messages"
      part="messages"
      data-testid="message"
      role="log"
      aria-live="polite"
    >
      ${messages.list.map(
        (message) =>
          html`<div class="message ${message.kind}" part="message" data-key=${message.key}>
            <p>${message.text}</p>
            ${message.progress ? progressOf(message.progress) : nothing}
            ${message.actions.map(
              ({ id, label, run }) =>
                html`<button type="button" class="link" data-testid=${id} @click=${run}>
                  ${label}
                </button>`,
            )}
            <button
              type="button"
              class="icon"
              aria-label=${msg('Dismiss')}
              data-testid="dismiss"
              @click=${() => messages.dismiss(message.key)}
            >
              ×
            </button>
          </div>`,
      )}
    </div>`;
  }
}

/**
 * In numbers for the eye alone: read out ten times a second they would be no help.
 * @param {import('../element/messages.js').Progress} progress
 */
function progressOf({ done, total }) {
  const known = total >= done && total > 0;
  return html`<progress
      aria-label=${msg('Fetched')}
      data-testid="message-progress"
      max=${known ? total : nothing}
      value=${known ? done : nothing}
    ></progress>
    <span class="mini" aria-hidden="true"
      >${known ? msg('{0} of {1}', compact(done, 'B'), compact(total, 'B')) : compact(done, 'B')}</span
    >`;
}

define('unnoise-message-list', MessageList);

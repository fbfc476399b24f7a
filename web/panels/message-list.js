import { html } from 'lit';
import { define } from '../lib/define.js';
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
            ${message.actions.map(
              ({ id, label, run }) =>
                html`<button type="button" class="link" data-testid=${id} @click=${run}>
                  ${label}
                </button>`,
            )}
            <button
              type="button"
              class="icon"
              aria-label="Dismiss"
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

define('unnoise-message-list', MessageList);

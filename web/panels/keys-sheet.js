import { html } from 'lit';
import { enableKeys, keysEnabled, SHORTCUTS } from '../element/shortcuts.js';
import { define } from '../lib/define.js';
import { msg, translated } from '../lib/localize.js';
import { checkField } from './fields.js';
import { Sheet } from './sheet.js';

/** What keys there are. */
export class KeysSheet extends Sheet {
  render() {
    return this.sheet({
      id: 'keys-title',
      title: msg('Keys'),
      content: html`<dl class="keys">
          ${SHORTCUTS.map(
            ({ keys, does }) =>
              html`<div>
                <dt>${keysOf(keys)}</dt>
                <dd>${translated(does)}</dd>
              </div>`,
          )}
        </dl>
        ${checkField({
          label: msg('Use these keys'),
          testid: 'use-keys',
          value: keysEnabled(),
          hint: msg('Off, letters do nothing; “?” still opens this'),
          change: (on) => {
            enableKeys(on);
            this.requestUpdate();
          },
        })}
        <p class="explanation">
          ${msg(
            'Everything else is reached with Tab and used with Enter, Space and the arrow keys. ' +
              'On a slider, Page Up and Page Down take larger steps.',
          )}
        </p>`,
    });
  }
}

/** @param {string} keys with words between them */
const keysOf = (keys) =>
  keys
    .split(' ')
    .map((part) =>
      /^(and|to)$/.test(part)
        ? html` ${part === 'to' ? msg('to') : msg('and')} `
        : html`<kbd>${part}</kbd>`,
    );

define('unnoise-keys-sheet', KeysSheet);

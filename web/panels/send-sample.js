import { html } from 'lit';
import { marked, translated } from '../lib/localize.js';
import { button } from './buttons.js';

/**
 * Buttons that make more of a sample, in the panel of edits.
 *
 * @import { EditKind } from '../element/editor.js'
 * @import { Session } from '../element/session.js'
 * @import { Subject } from '../element/selected-sample.js'
 */

/** @type {[EditKind, string][]} */
const KINDS = [
  ['redraw', marked('Redraw it')],
  ['fill', marked('Fill in a part')],
  ['between', marked('Between this and another')],
];

/**
 * @param {Session} session
 * @param {Subject} subject
 * @param {{ prefix: string, sent: () => void }} how the prefix of the test ids, and what follows
 */
export const sendButtons = (session, subject, { prefix, sent }) =>
  html`${KINDS.map(([kind, label]) =>
    button({
      label: translated(label),
      testid: `${prefix}${kind}`,
      kind: 'small',
      click: () => {
        sent();
        session.editor.take(kind, subject);
      },
    }),
  )}`;

import { marked } from '../lib/localize.js';
import { storedChoice } from '../lib/stored-choice.js';
import { newSeed } from '../panels/sample-controls.js';

/**
 * Single keys for what one does most, in the whole lab. They can be switched off: people who speak
 * to their computer press keys without meaning to (WCAG 2.1, 2.1.4).
 *
 * @import { Session } from './session.js'
 *
 * @typedef {object} Shortcut
 * @property {string} keys as they are shown
 * @property {string} does
 */

/** @type {Shortcut[]} */
export const SHORTCUTS = [
  { keys: 'T', does: marked('Start training, or pause it') },
  { keys: 'N', does: marked('Draw new images, from new noise') },
  { keys: 'P', does: marked('Play the samples, or pause them') },
  { keys: ', and .', does: marked('A step back towards noise, a step on') },
  { keys: '1 to 5', does: marked('Go to that section of the page') },
  { keys: 'F', does: marked('Show formulas and all settings, or hide them') },
  { keys: '?', does: marked('Show these keys') },
];

/** The headings of the numbered sections. */
const SECTIONS = ['data', 'forward', 'train', 'sample', 'edit'];

const enabled = storedChoice('unnoise.keys', { yes: 'on', no: 'off', usual: true });

export const keysEnabled = () => enabled.read();

/** @param {boolean} on */
export const enableKeys = (on) => enabled.keep(on);

/**
 * @param {object} lab
 * @param {ShadowRoot} lab.root
 * @param {() => Session | undefined} lab.session
 * @param {() => void} lab.help shows what keys there are
 * @param {() => void} lab.toggleDetail
 * @param {AbortSignal} signal ends it
 */
export function listenForKeys({ root, session, help, toggleDetail }, signal) {
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (isTaken(event, root)) return;
    // Help is there for whoever has switched the keys off, too.
    if (event.key !== '?' && !keysEnabled()) return;
    const place = Number(event.key) - 1;
    if (event.key === '?') help();
    else if (event.key === 'f') toggleDetail();
    else if (SECTIONS[place]) goTo(root, SECTIONS[place]);
    else if (!act(event.key, session())) return;
    event.preventDefault();
  };
  document.addEventListener('keydown', press, { signal });
}

/**
 * Whether a key is meant for what has the focus: a field, or a dialog.
 * @param {KeyboardEvent} event
 * @param {ShadowRoot} root
 */
function isTaken(event, root) {
  if (event.defaultPrevented || root.querySelector('dialog[open]')) return true;
  const [target] = event.composedPath();
  if (!(target instanceof HTMLElement)) return false;
  const types = target.matches(
    'input:not([type=checkbox], [type=radio], [type=range], [type=file])',
  );
  return types || target.isContentEditable || target.matches('textarea, select');
}

/**
 * @param {ShadowRoot} root
 * @param {string} section
 */
function goTo(root, section) {
  const heading = root.getElementById(`${section}-title`);
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  heading.closest('section')?.scrollIntoView();
}

/**
 * @param {string} key
 * @param {Session | undefined} session
 * @returns {boolean} whether the key means something
 */
function act(key, session) {
  if (session?.phase !== 'ready' || session.activity) return false;
  const { samples, run } = session;
  switch (key) {
    case 't':
      if (run.training) session.pause();
      else session.train();
      return true;
    case 'n':
      newSeed(session);
      session.draw();
      return true;
    case 'p':
      if (samples.playing) samples.pause();
      else if (samples.frames.length > 1) samples.play();
      return true;
    case ',':
    case '.': {
      const next = samples.position + (key === '.' ? 1 : -1);
      samples.pause();
      if (next >= 0 && next < samples.frames.length) samples.seek(next);
      return true;
    }
    default:
      return false;
  }
}

import { msg } from '../lib/localize.js';

/**
 * Says in the title of the page how far its training is, for whoever looks at another tab.
 *
 * @param {import('./session.js').Session} session
 * @param {AbortSignal} signal
 */
export function followInTitle(session, signal) {
  let { title } = document;
  let said = title;
  const show = () => {
    // The page may have said it anew, in another language.
    if (document.title !== said) title = document.title;
    const { run, lab } = session;
    const done = Math.floor((100 * (lab?.step ?? 0)) / (run.target || 1));
    const unseen = run.state === 'finished' && document.hidden;
    const next = run.training
      ? `${done} % · ${title}`
      : unseen
        ? msg('Trained · {0}', title)
        : title;
    if (next !== said) document.title = said = next;
  };
  session.watch(['run', 'training'], show, signal);
  document.addEventListener('visibilitychange', show, { signal });
  signal.addEventListener('abort', () => (document.title = title));
}

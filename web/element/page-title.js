/**
 * Says in the title of the page how far its training is, for whoever looks at another tab.
 *
 * @param {import('./session.js').Session} session
 * @param {AbortSignal} signal
 */
export function followInTitle(session, signal) {
  const { title } = document;
  let said = title;
  const show = () => {
    const { run, lab } = session;
    const done = Math.floor((100 * (lab?.step ?? 0)) / (run.target || 1));
    const unseen = run.state === 'finished' && document.hidden;
    const next = run.training ? `${done} % · ${title}` : unseen ? `Trained · ${title}` : title;
    if (next !== said) document.title = said = next;
  };
  session.watch(['run', 'training'], show, signal);
  document.addEventListener('visibilitychange', show, { signal });
  signal.addEventListener('abort', () => (document.title = title));
}

import { LabError } from '../lib/errors.js';
import { getCheckpoint } from '../lib/store.js';

/** Crashes in a row after which the page stops trying by itself. */
const MAX_CRASHES = 3;
/** @type {WeakMap<import('./session.js').Session, number>} */
const crashes = new WeakMap();

/**
 * A new worker, with the images and the latest checkpoint put back, and a sentence about it.
 *
 * @param {import('./session.js').Session} session
 * @param {LabError} failure
 */
export async function restoreAfterCrash(session, failure) {
  if (session.crashing) return;
  session.crashing = true;
  session.activity = 'Restarting';
  session.changed();
  const count = (crashes.get(session) ?? 0) + 1;
  crashes.set(session, count);
  try {
    const { lab, trainer } = session;
    await session.pause();
    session.stopDrawing();
    await trainer.preview.cancel();
    session.insight.restart();
    if (count > MAX_CRASHES) throw failure;
    await lab.restart();
    const record = trainer.checkpointed ? await getCheckpoint() : undefined;
    const bytes = record?.bytes ?? session.loaded;
    if (bytes) await lab.load(bytes);
    session.continues = bytes !== undefined && session.origin !== 'bundled';
    session.messages.say('crash', sentence(failure, record?.step), { kind: 'error' });
  } catch (error) {
    session.phase = 'failed';
    session.messages.say(
      'crash',
      `Computing failed and could not be restarted (${LabError.from(error).message}). Reload the page; what was saved in this browser is kept.`,
      { kind: 'error' },
    );
  } finally {
    session.crashing = false;
    session.activity = '';
    session.changed();
  }
}

/**
 * @param {LabError} failure
 * @param {number | undefined} step
 */
function sentence(failure, step) {
  const what =
    failure.code === 'device-lost'
      ? 'The browser took the GPU away'
      : `The worker crashed (${failure.message})`;
  const restored =
    step === undefined
      ? 'A new one is running with your images.'
      : `A new one is running with your images and the model of step ${step}. Press Resume to go on.`;
  return `${what}. ${restored}`;
}

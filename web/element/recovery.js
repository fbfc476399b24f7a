import { LabError } from '../lib/errors.js';
import { getCheckpoint } from '../lib/store.js';

/** Crashes with nothing computed in between, after which the page stops trying by itself. */
const MAX_CRASHES = 3;

/**
 * A new worker, with the images and the latest checkpoint put back, and a sentence about it.
 *
 * @param {import('./session.js').Session} session
 * @param {LabError} failure
 */
export async function restoreAfterCrash(session, failure) {
  if (session.crashing) return;
  session.crashing = true;
  session.crashes += 1;
  const { lab } = session;
  // When its turn comes, the session may have moved to another lab, or be over.
  const needed = () => session.lab === lab && !session.disposed;
  const restart = async () => needed() && restore(session, failure);
  try {
    await session.during('Restarting', () => session.turns.take(restart));
  } catch (error) {
    if (session.disposed) return;
    session.phase = 'failed';
    session.messages.say(
      'crash',
      `Computing failed and could not be restarted (${LabError.from(error).message}). Reload the page; what was saved in this browser is kept.`,
      { kind: 'error' },
    );
  } finally {
    session.crashing = false;
    session.changed();
  }
}

/**
 * @param {import('./session.js').Session} session
 * @param {LabError} failure
 */
async function restore(session, failure) {
  const { lab, trainer } = session;
  await session.pause();
  session.stopDrawing();
  await trainer.preview.cancel();
  session.insight.clear();
  if (session.crashes > MAX_CRASHES) throw failure;
  await lab.restart();
  const record = trainer.checkpointed ? await getCheckpoint(trainer.run) : undefined;
  const model = record?.bytes ?? session.loaded;
  if (model) await lab.load(model);
  trainer.rewind(record);
  session.continues = model !== undefined && session.origin !== 'bundled';
  session.messages.say('crash', sentence(failure, record?.step), { kind: 'error' });
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

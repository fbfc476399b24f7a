import { nextTask } from '../lib/yield-to-page.js';
import { sameConfig } from '../lib/config.js';
import { msg } from '../lib/localize.js';

/**
 * Starts a run, or goes on with one, unless one is under way.
 *
 * @param {import('./session.js').Session} session
 * @returns {Promise<{ end: Promise<'done' | 'paused'> } | undefined>}
 */
export async function begin(session) {
  const { run, trainer, lab, samples } = session;
  if (run.training) return undefined;
  // Before anything is forgotten for a run that cannot begin.
  lab.requireImages();
  if (!run.continues) await startOver(session);
  // Of what was before this run, whose undoing would end it.
  session.messages.dismiss(
    'added',
    'busy',
    'cleared',
    'config',
    'many',
    'rest',
    'set-model',
    'train',
  );
  // Whoever presses the button sees it done before the rest.
  await nextTask();
  session.checkpointer.begin();
  session.stopDrawing();
  samples.pause();
  samples.seekEnd();
  await nextTask();
  // In an object: the turn is not to last as long as the run.
  return { end: trainer.start() };
}

/**
 * Fresh weights, with the settings shown.
 * @param {import('./session.js').Session} session
 */
async function startOver(session) {
  const { run, trainer, lab } = session;
  if (!run.fresh) return;
  session.stopDrawing();
  await trainer.clear();
  if (!sameConfig(lab.config, run.fresh)) await lab.configure(run.fresh);
  else if (run.canContinue) await lab.reset();
  run.discard();
  session.followForward();
}

/**
 * Forgets what was learnt, and keeps it at hand for whoever pressed the wrong button.
 *
 * @param {import('./session.js').Session} session
 * @param {import('../lib/serial-queue.js').Turn} turn
 */
export async function reset(session, turn) {
  const { run, trainer, lab, messages } = session;
  try {
    await session.pause();
    // One that has diverged cannot be saved, and is not missed.
    const bytes = await lab.save().catch(() => undefined);
    const curve = trainer.curve.toRecord();
    const { snapshots } = trainer.preview;
    const { state, identity } = run;
    run.setContinues(false);
    await startOver(session);
    const undo = async () => {
      messages.dismiss('reset');
      if (!bytes) return;
      await session.pause();
      const from = state === 'bundled' || state === 'file' ? state : 'paused';
      if (!(await session.loadModel(bytes, from))) return;
      if (from === 'paused') run.adopt(identity);
      trainer.preview.restore(snapshots);
      trainer.restore(curve);
    };
    messages.say('reset', msg('The model is back to random weights; your images are kept.'), {
      actions: bytes ? [{ id: 'undo-reset', label: msg('Undo'), run: undo }] : [],
    });
    await session.refreshConfig(turn);
  } catch (error) {
    session.fail(error, 'reset');
  }
}

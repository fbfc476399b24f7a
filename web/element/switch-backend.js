import { Lab } from '../lab.js';

/**
 * Moves the model of a session to another backend, as far as there is something to move.
 *
 * @param {import('./session.js').Session} session
 * @param {string} backend
 */
export async function switchBackend(session, backend) {
  const { lab: previous, run, trainer } = session;
  if (backend === previous.backend) return;
  try {
    await session.pause();
    session.stopDrawing();
    // A model that has diverged cannot be moved, and is not missed.
    const save = () => previous.save().catch(() => undefined);
    const bytes = run.canContinue ? await save() : undefined;
    const choice = /** @type {'auto'} */ (backend);
    // The old lab goes only when the new one stands: a failure costs nothing.
    const next = await Lab.create({ backend: choice, config: previous.config });
    next.setImages(previous.images);
    if (bytes) await next.load(bytes);
    await trainer.preview.cancel();
    if (session.disposed) return next.dispose();
    if (!bytes) run.discard();
    session.use(next);
    previous.dispose();
    if (next.backend !== backend) {
      const reason = next.backendReason ?? `${backend} cannot be used here.`;
      session.messages.say('backend', `${reason} It runs on ${next.backend}.`);
    }
  } catch (error) {
    session.fail(error, 'backend');
  }
}

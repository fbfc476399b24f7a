import { Lab } from '../lab.js';
import { learnsCrops } from '../lib/config.js';
import { integer } from '../lib/format.js';
import { msg } from '../lib/localize.js';

/**
 * Models that come into a session, and leave it for another backend.
 *
 * @import { Session } from './session.js'
 */

/**
 * @param {Session} session
 * @param {Uint8Array | import('../lab.js').ModelFiles} model
 * @param {import('./run.js').LoadedState} state
 * @returns {Promise<boolean>} whether it was loaded; if not, nothing has changed
 */
export async function loadModel(session, model, state) {
  const { lab } = session;
  try {
    // The worker takes the bytes away; what may be needed again is a copy.
    await session.pause();
    await lab.load(model);
    await session.trainer.clear();
    session.messages.dismiss('model');
    session.run.load(model, state);
    if (lab.labels.length) session.imageSet.learnsLabels();
    if (learnsCrops(lab.config)) session.imageSet.learnsCrops();
    session.followForward();
    return true;
  } catch (error) {
    session.fail(error, 'model');
    return false;
  }
}

/**
 * Loads a model that someone chose or dropped, says so, and draws with it.
 *
 * @param {Session} session
 * @param {import('../lib/model-files.js').GivenModel} model
 */
export async function openModel(session, { name, read }) {
  if (session.run.training) {
    session.messages.say('busy', msg('Pause training first, then load a model.'));
    return;
  }
  try {
    if (!(await session.loadModel(await read(), 'file'))) return;
  } catch (error) {
    session.fail(error, 'model');
    return;
  }
  const { step } = session.lab;
  const words =
    step > 0
      ? msg('Loaded {0}, trained for {1} steps.', name, integer(step))
      : msg('Loaded {0}.', name);
  session.messages.say('model', words);
  await session.sample();
}

/**
 * Moves the model of a session to another backend, as far as there is something to move.
 *
 * @param {Session} session
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
      const reason = next.backendReason ?? msg('{0} cannot be used here.', backend);
      session.messages.say('backend', `${reason} ${msg('It runs on {0}.', next.backend)}`);
    }
  } catch (error) {
    session.fail(error, 'backend');
  }
}

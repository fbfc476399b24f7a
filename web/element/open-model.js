import { integer } from '../lib/format.js';

/**
 * Loads a model that someone chose or dropped, says so, and draws with it.
 *
 * @param {import('./session.js').Session} session
 * @param {import('../lib/model-files.js').GivenModel} model
 */
export async function openModel(session, { name, read }) {
  if (session.run.training) {
    session.messages.say('busy', 'Pause training first, then load a model.');
    return;
  }
  try {
    if (!(await session.loadModel(await read(), 'file'))) return;
  } catch (error) {
    session.fail(error, 'model');
    return;
  }
  const { step } = session.lab;
  const trained = step > 0 ? `, trained for ${integer(step)} steps` : '';
  session.messages.say('model', `Loaded ${name}${trained}.`);
  await session.sample();
}

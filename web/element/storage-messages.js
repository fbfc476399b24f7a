import { msg } from '../lib/localize.js';

/**
 * What the user is told of the storage of runs.
 *
 * @import { LabError } from '../lib/errors.js'
 * @import { Session } from './session.js'
 */

/** @param {Session} session */
export function tellOfStorage({ checkpointer, messages }) {
  checkpointer.addEventListener('saved', () => messages.dismiss('storage'));
  checkpointer.addEventListener('thinned', () =>
    messages.say(
      'thinned',
      msg(
        'This browser’s storage is nearly full: older samples of your runs made room for the ' +
          'newest step.',
      ),
    ),
  );
  checkpointer.addEventListener('refused', (event) => {
    const { detail } = /** @type {CustomEvent<LabError>} */ (event);
    messages.say('storage', refusal(detail), { kind: 'error' });
  });
}

/** @param {LabError} failure */
const refusal = ({ code }) =>
  code === 'storage-full'
    ? msg(
        'This browser’s storage is full: the newest steps are not kept when the tab closes. ' +
          'Delete runs that you no longer need, or save the model to a file. Training goes on.',
      )
    : msg(
        'This browser does not let the page keep your work when the tab closes. Save the ' +
          'model to a file before you leave.',
      );

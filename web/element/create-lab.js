import { LabError } from '../lib/errors.js';
import { Lab } from '../lab.js';
import { msg } from '../lib/localize.js';

/** Settings that are left out one by one; where more are wrong, all are. */
const MAX_DROPPED = 8;

/**
 * The lab of a session. A link may ask for what does not exist: that is said and left out, the rest
 * is kept.
 *
 * @param {import('./session.js').Session} session
 * @param {string} backend
 */
export async function createLab(session, backend) {
  for (let dropped = 1; ; dropped++) {
    const { overrides } = session.run;
    try {
      const lab = await Lab.create({ backend: /** @type {'auto'} */ (backend), config: overrides });
      if (lab.selfTest?.passed === false) {
        session.messages.say('backend', lab.backendReason ?? '', { sticky: true });
      }
      return lab;
    } catch (error) {
      const { code, message, cause } = LabError.from(error);
      const refused = ['bad-config', 'too-large'].includes(code);
      if (!refused || Object.keys(overrides).length === 0) throw error;
      const all = dropped > MAX_DROPPED;
      session.run.drop(all ? undefined : String(cause));
      const left = all
        ? msg('So were others: all settings of the model were left out.')
        : msg('It was left out.');
      session.fail(new LabError(code, `${message} ${left}`), `config ${cause}`);
    }
  }
}

import { LabError } from '../lib/errors.js';
import { Lab } from '../lab.js';

/**
 * The lab of a session. A link may ask for what does not exist: that is said and left out, the rest
 * is kept.
 *
 * @param {import('./session.js').Session} session
 * @param {string} backend
 */
export async function createLab(session, backend) {
  while (true) {
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
      session.run.drop(String(cause));
      const sentence = `${message} It was left out.`;
      session.fail(new LabError(code, sentence), `config ${cause}`);
    }
  }
}

import { learnsCrops } from '../lib/config.js';
import { msg } from '../lib/localize.js';
import { nothing } from 'lit';
import { checkField } from './fields.js';

/**
 * Samples without the network, from the ideal denoiser: only copies can come of it.
 * @param {import('../element/session.js').Session} session
 */
export function idealSwitch(session) {
  if (learnsCrops(session.lab.config)) return nothing;
  return checkField({
    label: msg('What perfect memorisation looks like'),
    testid: 'sample-ideal',
    changes: 'network',
    value: session.sampleOptions.weights === 'ideal',
    disabled: session.phase !== 'ready' || session.imageSet.images.length === 0,
    hint: msg(
      'The best possible denoiser of these very images in place of the network: it needs ' +
        'no training, and draws nothing new',
    ),
    change: (ideal) => {
      session.setSample({ weights: ideal ? 'ideal' : 'ema' });
      session.draw();
    },
  });
}

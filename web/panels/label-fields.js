import { html, nothing } from 'lit';
import { EACH } from '../lib/labels.js';
import { msg } from '../lib/localize.js';
import { rangeField, selectField } from './fields.js';

/** Beyond this little is left but glaring colours. */
const MAX_GUIDANCE = 8;

/**
 * What to draw, for a model that knows labels, and how strongly.
 * @param {import('../element/session.js').Session} session
 */
export function labelFields(session) {
  const names = session.lab.labels;
  const { labels, guidance, weights } = session.sampleOptions;
  // The ideal denoiser can be asked for none.
  if (!names.length || weights === 'ideal') return nothing;
  const value = labels.length > 1 ? 'each' : labels.length ? `is ${labels[0]}` : 'any';
  const chosen = (/** @type {string} */ choice) => {
    if (choice === 'any') return [];
    return [choice === 'each' ? EACH : choice.slice(3)];
  };
  return html`${selectField({
    label: msg('What to draw'),
    testid: 'sample-label',
    changes: 'class',
    value,
    options: [
      ['any', msg('anything')],
      ['each', msg('one of each')],
      ...names.map((name) => /** @type {[string, string]} */ ([`is ${name}`, name])),
    ],
    change: (choice) => session.setSample({ labels: chosen(choice) }),
  })}
  ${
    labels.length
      ? html`<label class="field wide">
          <span class="label">${msg('Guidance to it, w =')} <output>${guidance}</output></span>
          ${rangeField({
            label: msg('Guidance'),
            testid: 'sample-guidance',
            changes: 'guidance',
            value: guidance,
            max: MAX_GUIDANCE,
            step: 0.5,
            input: (guidance) => session.setSample({ guidance }),
          })}
        </label>`
      : nothing
  }`;
}

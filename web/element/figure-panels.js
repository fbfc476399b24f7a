import { html } from 'lit';

/**
 * The panels of a mode, from top to bottom.
 *
 * @import { Session } from './session.js'
 * @param {Session} session
 * @param {{ mode: import('./unnoise-lab.js').Mode, controls: boolean }} figure
 */
export function figurePanels(session, { mode, controls }) {
  const data = html`<unnoise-data-panel .session=${session}></unnoise-data-panel>`;
  const forward = html`<unnoise-forward-panel .session=${session}></unnoise-forward-panel>`;
  const train = html`<unnoise-train-panel .session=${session}></unnoise-train-panel>`;
  const diagnostics = html`<unnoise-diagnostics-panel
    .session=${session}
  ></unnoise-diagnostics-panel>`;
  const sample = html`<unnoise-sample-panel
    .session=${session}
    ?bare=${mode !== 'lab' && !controls}
  ></unnoise-sample-panel>`;
  const large = html`<unnoise-large-samples-panel
    .session=${session}
  ></unnoise-large-samples-panel>`;
  const edit = html`<unnoise-edit-panel .session=${session}></unnoise-edit-panel>`;
  const runs = html`<unnoise-runs-panel .session=${session}></unnoise-runs-panel>`;
  const plane = html`<unnoise-plane-panel
    .session=${session}
    ?bare=${!controls}
  ></unnoise-plane-panel>`;
  switch (mode) {
    case 'lab':
      return [data, forward, train, diagnostics, sample, large, edit, runs];
    case 'forward':
      return controls ? [data, forward] : [forward];
    case 'train':
      return controls ? [data, train] : [train];
    case 'diagnostics':
      return controls ? [data, train, diagnostics] : [diagnostics];
    case 'edit':
      return controls ? [data, edit] : [edit];
    case 'plane':
      return [plane];
    case 'sample':
      return controls ? [sample, large] : [sample];
    case 'compare':
      return [sample];
  }
}

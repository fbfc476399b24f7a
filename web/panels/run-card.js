import { html, nothing, svg } from 'lit';
import { compact, integer, loss, since } from '../lib/format.js';
import { mixed, msg } from '../lib/localize.js';
import { unpackTiles } from '../store/images.js';
import { button } from './buttons.js';
import './pixel-grid.js';

/**
 * One run of the list.
 *
 * @import { RunRecord } from '../store/schema.js'
 *
 * @typedef {object} CardActions
 * @property {boolean} locked whether nothing may be changed now
 * @property {boolean} current whether it is the run in the lab
 * @property {boolean} compared
 * @property {boolean} confirming whether its deletion is to be confirmed
 * @property {() => void} open
 * @property {(name: string) => void} rename
 * @property {() => void} duplicate
 * @property {() => void} save
 * @property {(sure: boolean) => void} remove
 * @property {() => void} compare
 */

/** Settings that are named; more are counted. */
const NAMED_SETTINGS = 3;
const WIDTH = 120;
const HEIGHT = 32;

/**
 * @param {RunRecord} run
 * @param {CardActions} actions
 */
export function runCard(run, actions) {
  const { name, step, savedAt, curve, bytes } = run;
  const size = compact(bytes.checkpoint + bytes.images + bytes.samples, 'B');
  return html`<li class="run ${actions.current ? 'current' : ''}" part="run" data-testid="run">
    ${thumbnail(run)}
    <div class="run-facts">
      <input
        class="run-name"
        aria-label=${msg('Name of the run')}
        data-testid="run-name"
        maxlength="80"
        .value=${name}
        @change=${(/** @type {any} */ { target }) => actions.rename(target.value)}
      />
      <p class="muted">
        ${mixed('{0}, loss {1}', html`<span data-testid="run-step">${mixed('step {0}', integer(step))}</span>`, loss(curve.smoothed.at(-1)))}
      </p>
      <p class="muted">${since(savedAt)}, ${size}${actions.current ? msg(', open') : nothing}</p>
      ${sparkline(curve)}
    </div>
    <div class="run-about">
      ${changes(run)}
      <label class="check">
        <input
          type="checkbox"
          data-testid="run-compare"
          .checked=${actions.compared}
          @change=${actions.compare}
        />
        <span>${msg('Compare')}</span>
      </label>
    </div>
    <div class="row run-actions">
      ${button({
        label: msg('Open'),
        testid: 'run-open',
        kind: 'small',
        disabled: actions.locked,
        click: actions.open,
      })}
      ${button({
        label: msg('Duplicate'),
        testid: 'run-duplicate',
        kind: 'link',
        click: actions.duplicate,
      })}
      ${button({ label: msg('Export'), testid: 'run-export', kind: 'link', click: actions.save })}
      ${removal(actions)}
    </div>
  </li>`;
}

/** @param {CardActions} actions */
const removal = ({ confirming, current, locked, remove }) =>
  confirming
    ? html`${button({
        label: msg('Delete for good'),
        testid: 'run-delete-sure',
        kind: 'link',
        click: () => remove(true),
      })}
      ${button({ label: msg('Keep'), testid: 'run-keep', kind: 'link', click: () => remove(false) })}`
    : button({
        label: msg('Delete'),
        testid: 'run-delete',
        kind: 'link',
        disabled: current && locked,
        click: () => remove(true),
      });

/**
 * Pictures by their runs, each of the revision that was shown last.
 * @type {Map<string, { revision: number, tiles: ReturnType<typeof unpackTiles> | null }>}
 */
const unpacked = new Map();
const MAX_UNPACKED = 200;

/** @param {RunRecord} run */
function tilesOf({ id, revision, picture }) {
  if (!picture) return null;
  const known = unpacked.get(id);
  if (known?.revision === revision) return known.tiles;
  if (unpacked.size > MAX_UNPACKED) unpacked.clear();
  let tiles = null;
  try {
    tiles = unpackTiles(picture);
  } catch {
    // A picture that cannot be read leaves its place empty; the run may be fine.
  }
  unpacked.set(id, { revision, tiles });
  return tiles;
}

/** @param {RunRecord} run */
function thumbnail(run) {
  const tiles = tilesOf(run);
  if (!tiles) return html`<div class="run-picture"></div>`;
  return html`<div class="run-picture">
    <unnoise-pixels .label=${msg('Samples of {0}', run.name)} .tiles=${tiles}></unnoise-pixels>
  </div>`;
}

/**
 * The smoothed loss, on a logarithmic scale.
 * @param {RunRecord['curve']} curve
 */
function sparkline({ steps, smoothed }) {
  if (steps.length < 2) return nothing;
  const stride = Math.ceil(steps.length / WIDTH);
  const shown = steps.flatMap((step, index) =>
    index % stride ? [] : { step, log: Math.log(Math.max(smoothed[index], 1e-9)) },
  );
  const logs = shown.map(({ log }) => log);
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  const [first, last] = [shown[0].step, shown[shown.length - 1].step];
  const points = shown.map(({ step, log: value }) => {
    const x = ((step - first) / Math.max(1, last - first)) * WIDTH;
    const y = 1 + (1 - (value - low) / Math.max(1e-9, high - low)) * (HEIGHT - 2);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return svg`<svg
    class="sparkline"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    preserveAspectRatio="none"
    role="img"
    aria-label="Loss by training step"
  >
    <polyline points=${points.join(' ')} vector-effect="non-scaling-stroke"></polyline>
  </svg>`;
}

/** @param {RunRecord} run */
function changes({ settings, dataset }) {
  const named = settings.slice(0, NAMED_SETTINGS).map(([name, value]) => `${name} ${value}`);
  const more = settings.length - named.length;
  const images = dataset === null ? msg('your images') : msg('the set {0}', dataset);
  const list = [
    msg('learnt from {0}', images),
    ...named,
    ...(more > 0 ? [msg('{0} more settings', more)] : []),
  ];
  return html`<p
    class="run-settings muted"
    title=${settings.map((pair) => pair.join(' ')).join(', ')}
  >
    ${list.join(', ')}
  </p>`;
}

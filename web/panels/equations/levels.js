import { mathml } from 'lit';
import {
  bar,
  equation,
  frac,
  last,
  mi,
  mn,
  mo,
  paren,
  row,
  sub,
  sup,
  t,
  term,
  text,
} from './symbols.js';

/**
 * @import { Config } from '../../lib/config.js'
 * @import { SampleOptions } from '../../worker/protocol.js'
 */

const count = term('steps', mi('n'));
const place = mi('i');

/**
 * The noise levels at which the steps are taken, 0 ≤ i < n, by the name of what says so.
 *
 * @param {SampleOptions} options
 * @param {Config} config
 * @returns {Record<string, unknown>}
 */
export function levelEquations(options, config) {
  const { sampler, use_karras_sigmas, timestep_spacing } = options;
  const solver = sampler === 'heun' || sampler === 'dpmpp2m';
  if (solver && (use_karras_sigmas ?? sampler === 'heun')) return { karras };
  const spacing = timestep_spacing ?? config.scheduler.timestep_spacing;
  // DPM-Solver++ divides the way to x_0 itself, the others the way to the last of their timesteps.
  const reachesEnd = sampler === 'dpmpp2m' && spacing !== 'trailing';
  return { [reachesEnd ? 'grid to the end' : 'grid']: grid(spacing, reachesEnd) };
}

/** Karras et al. 2022, equation 5. */
const root = (/** @type {string} */ name) =>
  mathml`<msubsup>${bar(mi('σ'))}<mtext>${name}</mtext>${row(mn(1), mo('/'), mn(7))}</msubsup>`;
const karras = equation(
  'noise levels of Karras et al.',
  term(
    'karras',
    sub(bar(mi('σ')), place),
    mo('='),
    sup(
      paren(
        root('max'),
        mo('+'),
        frac(place, row(count, mo('−'), mn(1))),
        paren(root('min'), mo('−'), root('max')),
      ),
      mn(7),
    ),
  ),
);

/**
 * The timesteps visited, but that they are rounded (Lin et al. 2023, table 2).
 *
 * @param {string} spacing
 * @param {boolean} reachesEnd
 */
function grid(spacing, reachesEnd) {
  const intervals = reachesEnd ? row(count, mo('+'), mn(1)) : count;
  const value = {
    trailing: [last, mo('−'), place, frac(last, count), mo('−'), mn(1)],
    leading: [
      paren(count, mo('−'), place, ...(reachesEnd ? [] : [mo('−'), mn(1)])),
      frac(last, intervals),
    ],
    linspace: [
      paren(mn(1), mo('−'), frac(place, reachesEnd ? count : row(count, mo('−'), mn(1)))),
      paren(last, mo('−'), mn(1)),
    ],
  }[spacing];
  return equation(
    'timesteps visited',
    term('grid', sub(t, place), mo('≈'), value ?? text(spacing)),
  );
}

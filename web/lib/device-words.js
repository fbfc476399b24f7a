import { plural } from './format.js';

/**
 * What a lab computes on, as one says it: "on 4 processor cores".
 * @param {Pick<import('../lab.js').Lab, 'adapter' | 'adapterKind' | 'workers'>} lab
 */
export function deviceWords({ adapter, adapterKind, workers }) {
  if (adapterKind === 'cpu') return `on ${plural(workers, 'processor core')}`;
  return adapterKind === 'gpu' ? `on your GPU, ${adapter}` : `on ${adapter}`;
}

import { counted, msg } from './localize.js';

/**
 * What a lab computes on, as one says it: "on 4 processor cores".
 * @param {Pick<import('../lab.js').Lab, 'adapter' | 'adapterKind' | 'workers'>} lab
 */
export function deviceWords({ adapter, adapterKind, workers }) {
  if (adapterKind === 'cpu')
    return counted(workers, 'on {0} processor core', 'on {0} processor cores');
  return adapterKind === 'gpu' ? msg('on your GPU, {0}', adapter) : msg('on {0}', adapter);
}

import { integer, plural } from '../lib/format.js';
import { msg } from '../lib/localize.js';

/**
 * What there is to say of what computes, in sentences: what it is, why it and not another, and what
 * its test found.
 *
 * @param {import('../lab.js').Lab} lab
 * @returns {string[]}
 */
export function deviceFacts(lab) {
  const { backendReason, selfTest } = lab;
  const facts = [where(lab)];
  if (backendReason) facts.push(backendReason);
  if (selfTest?.passed) facts.push(passed(selfTest));
  return facts;
}

/** @param {import('../lab.js').Lab} lab */
function where({ adapter, adapterKind, workers }) {
  if (adapterKind === 'gpu') return msg('WebGPU computes on {0}.', adapter);
  if (adapterKind === 'cpu') {
    return msg('The CPU computes, in WebAssembly, on {0}.', plural(workers, 'worker'));
  }
  return msg(
    'WebGPU computes on {0}. That is a GPU emulated in software: it computes the same, ' +
      'but slower than the CPU backends.',
    adapter,
  );
}

/** @param {import('../worker/protocol.js').SelfTest} test */
const passed = ({ milliseconds }) =>
  msg(
    'Its test at the start was passed, in {0} ms with compiling: a convolution, a group ' +
      'norm and their gradients came out as plain loops on the CPU have them.',
    integer(Math.ceil(milliseconds)),
  );

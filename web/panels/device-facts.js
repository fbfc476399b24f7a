import { integer, plural } from '../lib/format.js';

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
  if (adapterKind === 'gpu') return `WebGPU computes on ${adapter}.`;
  if (adapterKind === 'cpu') {
    return `The CPU computes, in WebAssembly, on ${plural(workers, 'worker')}.`;
  }
  return (
    `WebGPU computes on ${adapter}. That is a GPU emulated in software: it computes the same, but ` +
    'slower than the CPU backends.'
  );
}

/** @param {import('../worker/protocol.js').SelfTest} test */
const passed = ({ milliseconds }) =>
  `Its test at the start was passed, in ${integer(Math.ceil(milliseconds))} ms with compiling: a ` +
  'convolution, a group norm and their gradients came out as plain loops on the CPU have them.';

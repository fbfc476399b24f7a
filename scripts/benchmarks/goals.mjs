// What Unnoise sets out to reach: ratios of training steps, so that they hold on any machine.

/**
 * @typedef {object} Goal
 * @property {string} text
 * @property {string} ours
 * @property {string} theirs
 * @property {number} [atMost] ours ÷ theirs
 * @property {number} [atLeast] theirs ÷ ours
 */

/** @type {Goal[]} */
export const GOALS = [
  {
    text: 'flex in wasm, one worker, within 2 × of PyTorch on one thread',
    ours: 'Unnoise flex',
    theirs: 'PyTorch, 1 thread',
    atMost: 2,
  },
  {
    text: 'the same without relaxed SIMD, within 2.5 ×',
    ours: 'Unnoise flex, plain SIMD',
    theirs: 'PyTorch, 1 thread',
    atMost: 2.5,
  },
  {
    text: 'flex in wasm ≥ 1.6 × faster than TensorFlow.js wasm with hand-made gradients',
    ours: 'Unnoise flex',
    theirs: 'TensorFlow.js wasm',
    atLeast: 1.6,
  },
  {
    text: 'two workers ≥ 1.8 × faster than one',
    ours: 'Unnoise flex, 2 workers',
    theirs: 'Unnoise flex',
    atLeast: 1.8,
  },
  {
    text: 'software WebGPU ≥ 3 × faster than jax-js',
    ours: 'Unnoise WebGPU',
    theirs: 'jax-js WebGPU',
    atLeast: 3,
  },
  {
    text: 'software WebGPU ≥ 10 × faster than TensorFlow.js',
    ours: 'Unnoise WebGPU',
    theirs: 'TensorFlow.js WebGPU',
    atLeast: 10,
  },
  ...[1, 2].map((threads) => {
    const on = `${threads} thread${threads > 1 ? 's' : ''}`;
    return {
      text: `flex native at least as fast as PyTorch, ${on}`,
      ours: `Unnoise flex native, ${on}`,
      theirs: `PyTorch, ${on}`,
      atMost: 1,
    };
  }),
];

/**
 * @param {import('./report.mjs').Row[]} rows
 * @returns {{ text: string, ratio?: string, met?: boolean }[]}
 */
export function judge(rows) {
  const find = (/** @type {string} */ name) => rows.find((row) => row.name === name && row.agrees);
  return GOALS.map(({ text, ours, theirs, atMost, atLeast }) => {
    const [a, b] = [find(ours)?.training?.median, find(theirs)?.training?.median];
    if (a === undefined || b === undefined) return { text };
    const ratio = atMost ? a / b : b / a;
    const met = atMost ? ratio <= atMost : ratio >= (atLeast ?? 0);
    // Compiling is then in it, on one side only.
    const caveat = [ours, theirs].some((name) => find(name)?.firstOnly) ? ' (first step)' : '';
    return { text, ratio: `${ratio.toFixed(2)} ×${caveat}`, met };
  });
}

// The most arithmetic that one thread of WebAssembly does: what its kernels can be measured
// against.
import binaryen from 'binaryen';
import { launch } from '../../tests/browser/lab.mjs';

/** Sums that do not wait for each other: enough for any processor, and for its registers. */
const SUMS = 12;
/** Operations of a turn of the loop: SUMS vectors of four multiplications and additions. */
const TURN = 8 * SUMS;

/**
 * GFLOP/s of a loop of multiply-adds in registers, with relaxed SIMD, on one thread.
 * @param {string} address of the server
 */
export async function registerLimit(address) {
  const context = await launch();
  try {
    const page = await context.newPage();
    await page.goto(`${address}README.md`);
    return await page.evaluate(timeLoop, { bytes: [...loop()], turn: TURN });
  } finally {
    await context.close();
  }
}

/** A module that exports `run(turns)`. */
function loop() {
  const all = Array.from({ length: SUMS }, (_, i) => `$sum${i}`);
  const next = (/** @type {string} */ sum) =>
    `(f32x4.relaxed_madd (local.get $a) (local.get $b) (local.get ${sum}))`;
  const total = all.map((sum) => `(local.get ${sum})`).reduce((a, b) => `(f32x4.add ${a} ${b})`);
  const module = binaryen.parseText(`(module
    (func (export "run") (param $turns i32) (result f32)
      (local $a v128) (local $b v128) ${all.map((sum) => `(local ${sum} v128)`).join(' ')}
      (local.set $a (f32x4.splat (f32.const 0.5)))
      (local.set $b (f32x4.splat (f32.const 0.25)))
      (loop $again
        ${all.map((sum) => `(local.set ${sum} ${next(sum)})`).join('\n')}
        (br_if $again (local.tee $turns (i32.sub (local.get $turns) (i32.const 1)))))
      (f32x4.extract_lane 0 ${total})))`);
  module.setFeatures(binaryen.Features.SIMD128 | binaryen.Features.RelaxedSIMD);
  return module.emitBinary();
}

/**
 * In the page: the best of some runs, in GFLOP/s.
 * @param {{ bytes: number[], turn: number }} loop
 */
async function timeLoop({ bytes, turn }) {
  const { instance } = await WebAssembly.instantiate(Uint8Array.from(bytes));
  const run = /** @type {(turns: number) => number} */ (instance.exports.run);
  const turns = 3e6;
  let best = Infinity;
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    run(turns);
    best = Math.min(best, performance.now() - start);
  }
  return (turns * turn) / best / 1e6;
}

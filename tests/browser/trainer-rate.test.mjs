// What the page says of its speed, without a browser: steps that were taken, by a clock of the test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Trainer } from '../../web/element/trainer.js';

/** @typedef {{ at: number, step: number, steps: number, milliseconds: number, compiled?: number }} Slice */

let now = 0;
performance.now = () => now;

/** A trainer whose lab reports what a test says. */
function makeTrainer() {
  /** @type {Slice[]} */
  const slices = [];
  const lab = Object.assign(new EventTarget(), {
    step: 0,
    async *train() {
      for (const slice of slices.splice(0)) {
        if (slice.compiled !== undefined) {
          now = slice.compiled;
          lab.dispatchEvent(new Event('compiling'));
        }
        now = slice.at;
        lab.step = slice.step;
        const { step, steps, milliseconds } = slice;
        yield { step, losses: new Float32Array(steps).fill(0.5), milliseconds };
      }
    },
  });
  const run = { target: 1000, start() {}, stop() {} };
  const checkpointer = { keep: async () => {} };
  const trainer = new Trainer(/** @type {any} */ (run), /** @type {any} */ (checkpointer));
  trainer.use(/** @type {any} */ (lab));
  trainer.preview.advance = async () => {};
  trainer.background.advance = async () => {};
  /** @type {[number, number | undefined][]} */
  const said = [];
  trainer.addEventListener('progress', () => said.push([trainer.rate, trainer.eta]));
  return {
    trainer,
    said,
    /** @param {Slice[]} given */
    async train(...given) {
      slices.push(...given);
      await trainer.start();
    },
  };
}

test('nothing is said before steps were timed', async () => {
  const { trainer, said, train } = makeTrainer();
  assert.equal(trainer.rate, 0);
  assert.equal(trainer.eta, undefined);
  await train({ at: 100, step: 1, steps: 1, milliseconds: 100 });
  assert.deepEqual(said, [[10, 99.9]]);
  assert.equal(trainer.rate, 0);
  assert.equal(trainer.eta, undefined);
});

test('the time of compiling is not that of steps', async () => {
  now = 0;
  const { said, train } = makeTrainer();
  await train(
    { compiled: 29_000, at: 30_000, step: 1, steps: 1, milliseconds: 30_000 },
    { at: 30_100, step: 2, steps: 1, milliseconds: 100 },
    { at: 30_200, step: 3, steps: 1, milliseconds: 100 },
    // Those of the first preview, between two slices.
    { compiled: 34_000, at: 34_300, step: 6, steps: 3, milliseconds: 300 },
  );
  assert.deepEqual(
    said.map(([rate]) => rate),
    [0, 10, 10, 10],
  );
});

test('what lies between steps on the clock counts, as long as the page was at work', async () => {
  now = 0;
  const { said, train } = makeTrainer();
  await train(
    { at: 1000, step: 10, steps: 10, milliseconds: 1000 },
    // A preview was drawn for a second.
    { at: 3000, step: 20, steps: 10, milliseconds: 1000 },
  );
  assert.equal(said[1][0], 20 / 3);
});

test('neither a pause nor the sleep of a tab is counted', async () => {
  now = 0;
  const { said, train } = makeTrainer();
  await train({ at: 1000, step: 10, steps: 10, milliseconds: 1000 });
  await train({ at: 3_601_000, step: 20, steps: 10, milliseconds: 1000 });
  assert.deepEqual(
    said.map(([rate]) => rate),
    [10, 10],
  );
  await train(
    { at: 3_602_000, step: 30, steps: 10, milliseconds: 1000 },
    { at: 7_202_000, step: 40, steps: 10, milliseconds: 1000 },
  );
  assert.equal(said[3][0], 10);
});

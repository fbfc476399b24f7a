// How old the state may become that a crash goes back to, by a clock of the test's own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_AGE_MS, StateAge } from '../../web/element/state-age.js';

/**
 * Trains for some minutes.
 * @param {{ turn: (index: number) => number, saving: number }} milliseconds that each takes
 */
async function train({ turn, saving }) {
  let now = 1e6;
  const age = new StateAge(() => now);
  age.begin();
  const begun = now;
  /** When the state was taken that a crash would go back to. */
  let from = now;
  let saved = 0;
  let turns = 0;
  let oldest = 0;
  let inSaving = 0;
  while (now - begun < 300_000) {
    now += turn(turns++);
    const due = age.turned();
    if (due) {
      const takenAt = now;
      await age.take(async () => void (now += saving));
      // Until the last moment of saving a crash goes back to the state before.
      oldest = Math.max(oldest, now - from);
      from = takenAt;
      saved++;
      inSaving += saving;
    } else {
      oldest = Math.max(oldest, now - from);
    }
  }
  return { oldest, turns, saved, share: inSaving / (now - begun) };
}

test('a state is never over ten seconds old, as far as a step and saving leave that', async () => {
  for (const turn of [20, 100, 900, 1700, 2500, 4000, 5500, 7000, 9000]) {
    for (const saving of [5, 100, 450]) {
      const { oldest } = await train({ turn: () => turn, saving });
      assert.ok(oldest <= MAX_AGE_MS, `${oldest} ms with turns of ${turn} and ${saving} to save`);
    }
  }
  const uneven = (/** @type {number} */ index) => 100 + 150 * (index % 8);
  assert.ok((await train({ turn: uneven, saving: 400 })).oldest <= MAX_AGE_MS);
});

test('quick steps share a state, and slow ones have one each', async () => {
  const quick = await train({ turn: () => 100, saving: 20 });
  assert.ok(quick.saved >= 30 && quick.saved <= 38, `${quick.saved} states in five minutes`);
  const slow = await train({ turn: () => 14_000, saving: 500 });
  assert.equal(slow.saved, slow.turns);
  assert.equal(slow.oldest, 14_000 + 2 * 500);
});

test('no more than half of the time goes into saving', async () => {
  const { share, oldest } = await train({ turn: () => 1000, saving: 12_000 });
  assert.ok(share <= 0.51, `${share}`);
  assert.ok(oldest <= 3 * 12_000 + 1000, `${oldest}`);
});

test('a hurried state is taken after the turn under way, once', async () => {
  let now = 0;
  const age = new StateAge(() => now);
  age.begin();
  now += 100;
  assert.equal(age.turned(), false);
  age.hurry();
  now += 100;
  assert.equal(age.turned(), true);
  await age.take(async () => {});
  now += 100;
  assert.equal(age.turned(), false);
});

test('after hours of sleep a state is due at once', () => {
  let now = 0;
  const age = new StateAge(() => now);
  age.begin();
  now += 8 * 3600_000;
  assert.equal(age.turned(), true);
});

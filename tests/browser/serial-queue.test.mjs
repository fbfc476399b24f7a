// The queue of whatever must not overlap, without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SerialQueue } from '../../web/lib/serial-queue.js';

test('pieces run one after the other, and a failure ends only itself', async () => {
  const queue = new SerialQueue();
  const log = /** @type {string[]} */ ([]);
  const piece = (/** @type {string} */ name) =>
    queue.run(async () => {
      log.push(`${name} begins`);
      await null;
      log.push(`${name} ends`);
      if (name === 'b') throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([piece('a'), piece('b'), piece('c')]);
  assert.deepEqual(
    log,
    ['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]),
  );
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});

test('a part of a piece runs inside it, ahead of what is queued', async () => {
  const queue = new SerialQueue();
  const log = /** @type {string[]} */ ([]);
  const whole = queue.run(async (turn) => {
    await queue.run(() => log.push('part'), turn);
    log.push('whole');
    return turn;
  });
  const next = queue.run(() => log.push('next'));
  const turn = await whole;
  await next;
  assert.deepEqual(log, ['part', 'whole', 'next']);
  await assert.rejects(
    queue.run(() => log.push('late'), turn),
    /turn is over/,
  );
});

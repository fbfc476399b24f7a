/**
 * Whether the GPU computes what it should, found out once a page.
 *
 * @import { SelfTest } from '../worker/protocol.js'
 * @import { WorkerClient } from './worker-client.js'
 */
import { LabError } from './errors.js';
import { msg } from './localize.js';

/** @type {Promise<SelfTest> | undefined} */
let result;

/**
 * @param {WorkerClient} client of a worker that has loaded the build for the GPU
 * @returns {Promise<SelfTest>}
 */
export async function selfTest(client) {
  try {
    if (result) return await result;
  } catch {
    // The worker that was asked has gone, perhaps together with its lab: ask another one.
  }
  const own = client.call('selfTest', 0, {});
  result = own;
  own.catch(() => {
    if (result === own) result = undefined;
  });
  return own;
}

/**
 * What to say of a GPU that cannot be used.
 * @param {SelfTest} test that was not passed
 */
export const failedTest = ({ failed, milliseconds }) =>
  new LabError(
    'bad-gpu',
    msg(
      'The GPU failed its test at the start ({0}; {1} ms), so the CPU computes. An update ' +
        'of the browser or the graphics driver may help; then reload the page.',
      failed.join(', '),
      Math.ceil(milliseconds),
    ),
  );

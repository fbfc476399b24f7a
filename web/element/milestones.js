import { duration, integer } from '../lib/format.js';
import { marked, msg, translated } from '../lib/localize.js';

/**
 * How far training has come, in words, each time that there is something to say: first drawings, a
 * quarter, half and three quarters of the way, the end. Dispatches `change` with each.
 */

/** The largest that has been reached is said. @type {[share: number, words: string][]} */
const SHARES = [
  [0.75, marked('Three quarters of the way')],
  [0.5, marked('Half way')],
  [0.25, marked('A quarter of the way')],
];

export class Milestones extends EventTarget {
  /** Empty before the first. */
  text = '';
  #session;
  /** How far it was when it was last looked at. */
  #share = 0;
  #training = false;

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    super();
    this.#session = session;
    session.watch(['run', 'training'], () => this.#look());
    session.trainer.preview.addEventListener('snapshot', () => this.#onDrawing());
    session.trainer.addEventListener('clear', () => this.#say(''));
  }

  #look() {
    const { run, lab, trainer } = this.#session;
    const before = this.#share;
    this.#share = run.target > 0 ? lab.step / run.target : 0;
    const began = run.training && !this.#training;
    const ended = !run.training && this.#training;
    this.#training = run.training;
    // What was reached before is no news.
    if (began) return;
    if (ended && run.state === 'finished') {
      this.#say(msg('Finished after {0} steps.', integer(lab.step)));
      this.dispatchEvent(new Event('finished'));
    }
    if (!run.training) return;
    const reached = SHARES.find(([share]) => share <= this.#share);
    if (!reached || reached[0] <= before) return;
    const words = [translated(reached[1]), integer(lab.step), integer(run.target)];
    this.#say(
      trainer.eta === undefined
        ? msg('{0}: step {1} of {2}.', ...words)
        : msg('{0}: step {1} of {2}, about {3} left.', ...words, duration(trainer.eta)),
    );
  }

  #onDrawing() {
    const { snapshots } = this.#session.trainer.preview;
    if (snapshots.length === 1) this.#say(msg('The first drawings are there.'));
  }

  /** @param {string} text */
  #say(text) {
    if (text === this.text) return;
    this.text = text;
    this.dispatchEvent(new Event('change'));
  }
}

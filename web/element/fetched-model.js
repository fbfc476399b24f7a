import { integer } from '../lib/format.js';
import { msg } from '../lib/localize.js';
import {
  downloadModel,
  fetchForeign,
  fetchOwn,
  fileName,
  isForeign,
  modelAddress,
} from '../lib/model-download.js';
import { fetchInFrame } from '../lib/model-frame.js';

/** Between two reports of a download, in milliseconds; one that takes no longer needs no words. */
const REPORT_MS = 250;

/**
 * The model that an attribute or a link asks for by its address. From the page's own origin it is
 * fetched at once; from another host only after a click that names the host, which would otherwise
 * learn of the visit.
 */
export class FetchedModel {
  /** What is being fetched. @type {AbortController | undefined} */
  #abort;
  #session;

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.#session = session;
  }

  /**
   * Resolves once the model is loaded, or cannot be, or somebody has been asked.
   * @param {string} text an address
   */
  async fetch(text) {
    this.cancel();
    try {
      const address = modelAddress(text);
      if (isForeign(address)) this.#ask(address);
      else await this.#fetch(address);
    } catch (error) {
      this.#session.fail(error, 'model');
    }
  }

  /** Ends a download. */
  cancel() {
    this.#abort?.abort();
    this.#abort = undefined;
  }

  /** @param {URL} address */
  #ask(address) {
    const { messages } = this.#session;
    const { host } = address;
    const text = msg(
      'A model from {0} is asked for: {1}. It is fetched only if you say so; {0} then ' +
        'learns your network address, and nothing else.',
      host,
      shown(address),
    );
    messages.say('model', text, {
      sticky: true,
      actions: [
        {
          id: 'fetch-model',
          label: msg('Fetch it from {0}', host),
          run: () => this.#fetchForeign(address),
        },
        { id: 'leave-model', label: msg('Do without'), run: () => messages.dismiss('model') },
      ],
    });
  }

  /** @param {URL} address */
  async #fetchForeign(address) {
    const session = this.#session;
    try {
      const from = await this.#fetch(address);
      if (!from || session.disposed) return;
      const { step } = session.lab;
      const name = fileName(address);
      session.messages.say(
        'model',
        step > 0
          ? msg('Loaded {0} from {1}, trained for {2} steps.', name, from, integer(step))
          : msg('Loaded {0} from {1}.', name, from),
      );
      await session.sample();
    } catch (error) {
      session.fail(error, 'model');
    }
  }

  /**
   * @param {URL} address
   * @returns {Promise<string | undefined>} the host that it came from, if it was loaded
   */
  async #fetch(address) {
    const session = this.#session;
    const { signal } = (this.#abort = new AbortController());
    const { bytes, url } = await this.#download(address, signal);
    if (signal.aborted || !(await this.#allowed(address, signal))) return undefined;
    session.messages.dismiss('model');
    if (!(await session.loadModel(bytes, 'file'))) return undefined;
    const last = new URL(url || address).host;
    return last === address.host
      ? last
      : msg('{0}, which passed the request on to {1}', address.host, last);
  }

  /** @param {URL} address @returns {import('../lib/model-download.js').Fetching} */
  #fetching(address) {
    const { modelFrame } = this.#session.options;
    if (!isForeign(address)) return fetchOwn;
    if (modelFrame === undefined) return fetchForeign;
    return (address, signal) => fetchInFrame(modelFrame, address, signal);
  }

  /**
   * Downloads it, and meanwhile says how far it is, with a way to end it.
   * @param {URL} address
   * @param {AbortSignal} signal
   */
  async #download(address, signal) {
    const { messages } = this.#session;
    const foreign = isForeign(address);
    const stop = () => {
      this.cancel();
      if (foreign) this.#ask(address);
      else messages.dismiss('model');
    };
    const text = foreign
      ? msg('Fetching {0} from {1}.', fileName(address), address.host)
      : msg('Fetching {0}.', fileName(address));
    const actions = [{ id: 'stop-fetching', label: msg('Cancel'), run: stop }];
    let progress = { done: 0, total: 0 };
    // By the clock, since a server that stalls sends nothing that could be reported.
    const report = () => signal.aborted || messages.say('model', text, { progress, actions });
    const reporting = setInterval(report, REPORT_MS);
    // Whoever clicked sees at once that it was heard.
    if (foreign) report();
    try {
      return await downloadModel(address, {
        fetching: this.#fetching(address),
        signal,
        progress: (done, total) => (progress = { done, total }),
      });
    } finally {
      clearInterval(reporting);
    }
  }

  /**
   * A model in training is not replaced by one that has just arrived, unless that is said to be
   * right.
   * @param {URL} address
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>}
   */
  #allowed(address, signal) {
    const { messages, run } = this.#session;
    if (!run.training) return Promise.resolve(true);
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(false), { once: true });
      const leave = () => {
        messages.dismiss('model');
        resolve(false);
      };
      messages.say('model', msg('{0} has arrived. Training goes on.', fileName(address)), {
        sticky: true,
        actions: [
          { id: 'load-fetched', label: msg('Pause and load it'), run: () => resolve(true) },
          { id: 'leave-fetched', label: msg('Do without'), run: leave },
        ],
      });
    });
  }
}

/** Without a name and a password, which no server is given. @param {URL} address */
const shown = ({ protocol, host, pathname, search }) => `${protocol}//${host}${pathname}${search}`;

import { download } from '../lib/canvas.js';
import { loadSetImages } from '../lib/datasets.js';
import { LabError } from '../lib/errors.js';
import { integer, since } from '../lib/format.js';
import { msg } from '../lib/localize.js';
import { MAX_MODEL_BYTES, RUN_ENDING } from '../lib/model-files.js';
import { forgetOffline, isKept } from '../offline/offline.js';
import { unpackImages, unpackTiles } from '../store/images.js';
import { carryOver, removeOld } from '../store/migrations.js';
import { exportRun, importRun } from '../store/run-files.js';
import { inWords, RunStore, siteName } from '../store/runs.js';
import { MAX_SNAPSHOTS } from './preview.js';
import { nameOf } from './run.js';

/**
 * @import { MasterImage } from '../lib/decode-images.js'
 * @import { Turn } from '../lib/serial-queue.js'
 * @import { RunRecord, StoredSample, WholeRun } from '../store/schema.js'
 * @import { Session } from './session.js'
 *
 * @typedef {{ used: number, left: number, persisted: boolean, page: boolean }} Space in bytes;
 *   `page` is whether the page itself is kept, too
 */

/**
 * The runs that are kept in the browser's storage. Dispatches `change` when there are others, or
 * other room for them.
 */
export class StoredRuns extends EventTarget {
  store = new RunStore(siteName());
  /** The one used last first. @type {RunRecord[]} */
  runs = [];
  /** Keys of records that cannot be read. @type {IDBValidKey[]} */
  damaged = [];
  /** Unknown where the browser does not tell. @type {Space | undefined} */
  space;
  #session;

  /** @param {Session} session */
  constructor(session) {
    super();
    this.#session = session;
  }

  /** Looks what there is, and offers to go on with the last run. */
  async start() {
    if (!this.#session.options.persists) return;
    await carryOver(this.store, nameOf).catch(() => {});
    await this.refresh();
    const [last] = this.runs;
    if (last && !this.#session.disposed) this.#offer(last);
  }

  /** @param {RunRecord} run */
  #offer({ id, name, step, savedAt }) {
    const { messages } = this.#session;
    messages.say(
      'resume',
      msg('Your last run, “{0}” (step {1}, {2}), is kept.', name, integer(step), since(savedAt)),
      {
        sticky: true,
        actions: [
          { id: 'resume-run', label: msg('Resume last run'), run: () => void this.open(id) },
          { id: 'dismiss-run', label: msg('Not now'), run: () => messages.dismiss('resume') },
        ],
      },
    );
  }

  /** Looks again. A browser may forbid the storage: then there is nothing. */
  async refresh() {
    try {
      Object.assign(this, await this.store.list());
      this.space = await measureSpace();
    } catch {
      this.runs = [];
    }
    this.dispatchEvent(new Event('change'));
  }

  /**
   * Does something to the store, says what went wrong, and looks again.
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T | undefined>}
   */
  async #change(work) {
    try {
      return await work();
    } catch (error) {
      this.#session.fail(inWords(error), 'storedRuns');
      return undefined;
    } finally {
      await this.refresh();
    }
  }

  /** Goes on with a run. @param {string} id */
  async open(id) {
    const session = this.#session;
    session.messages.dismiss('resume');
    session.stopDrawing();
    const open = () => session.queue.run((turn) => this.#open(id, turn));
    const opened = await session.during(msg('Opening the run'), () => this.#change(open));
    if (opened) await session.sample();
  }

  /**
   * @param {string} id
   * @param {Turn} turn
   */
  async #open(id, turn) {
    const session = this.#session;
    // The run that is in the lab may be the one: its newest state is to be read.
    await session.pause();
    const whole = await this.store.read(id);
    // Nothing is replaced before all of it is there.
    const images = await this.#imagesOf(whole);
    const snapshots = snapshotsOf(whole.samples);
    if (!(await session.loadModel(whole.checkpoint, 'paused', turn))) return false;
    session.imageSet.adopt(images, whole.record.dataset);
    session.run.adopt(whole.record);
    session.checkpointer.adopt(whole);
    session.trainer.preview.restore(snapshots);
    session.trainer.restore(whole.record.curve);
    await session.refreshConfig(turn);
    session.run.setContinues(true);
    await this.store.touch(id);
    return true;
  }

  /**
   * @param {WholeRun} whole
   * @returns {Promise<readonly MasterImage[]>}
   */
  async #imagesOf({ record: { dataset }, images }) {
    const { imageSet } = this.#session;
    if (dataset === null) return unpackImages(images);
    if (dataset === imageSet.dataset) return imageSet.images;
    const set = imageSet.sets.find(({ id }) => id === dataset);
    if (set) return loadSetImages(set);
    throw new LabError(
      'not-found',
      msg('This run learnt from the set “{0}”, which is not here.', dataset),
    );
  }

  /**
   * @param {string} id
   * @param {string} name
   */
  async rename(id, name) {
    await this.#change(() => this.store.rename(id, name));
    const { run } = this.#session;
    const renamed = this.runs.find((record) => record.id === id);
    if (renamed && run.id === id) run.rename(renamed.name);
  }

  /** @param {string} id */
  duplicate(id) {
    return this.#change(() => this.store.duplicate(id));
  }

  /** @param {IDBValidKey} id */
  remove(id) {
    return this.#change(() => this.store.remove(id));
  }

  /** All runs, and what is kept of the page. */
  removeAll() {
    return this.#change(async () => {
      await this.store.removeAll();
      removeOld();
      await this.#session.favourites.load();
      await forgetOffline();
    });
  }

  /** All samples that are kept of a run, oldest first. @param {string} id */
  async samplesOf(id) {
    return snapshotsOf(await this.store.samples(id));
  }

  /** Who makes and reads files of runs: the worker, unless there is none, or another figure has it. */
  get #files() {
    const { lab, phase, resting } = this.#session;
    return phase === 'ready' && !resting ? lab : { exportRun, importRun };
  }

  /** Saves a whole run to a file. @param {RunRecord} run */
  async export({ id, name, step }) {
    await this.#change(async () => {
      const file = await this.#files.exportRun(this.store.name, id);
      const stem = name.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '') || 'run';
      download(file, `${stem}-step-${step}${RUN_ENDING}`);
    });
  }

  /** Puts a run from a file beside the others. @param {File} file */
  async import(file) {
    const session = this.#session;
    await session.during(msg('Reading the run'), async () => {
      const added = await this.#change(async () => {
        if (file.size > MAX_MODEL_BYTES) {
          throw new LabError('too-large', msg('{0} is larger than any run is.', file.name));
        }
        return this.#files.importRun(this.store.name, file);
      });
      if (!added) return;
      const open = () => {
        session.messages.dismiss('storedRuns');
        this.open(added.id);
      };
      session.messages.say('storedRuns', msg('“{0}” is among your runs now.', added.name), {
        actions: [{ id: 'open-imported', label: msg('Open it'), run: open }],
      });
    });
  }

  /** Asks the browser not to clear the storage when the disk is full. */
  async persist() {
    const granted = (await navigator.storage?.persist?.().catch(() => false)) ?? false;
    await this.refresh();
    if (granted) return;
    const words = msg(
      'The browser does not promise it: it decides by how often the page is used. Export the ' +
        'runs that matter.',
    );
    this.#session.messages.say('storedRuns', words);
  }
}

/** @returns {Promise<Space | undefined>} */
async function measureSpace() {
  const { storage } = navigator;
  // Pages without TLS are not told.
  if (!storage?.estimate) return undefined;
  const [{ usage = 0, quota = 0 }, persisted, page] = await Promise.all([
    storage.estimate(),
    storage.persisted?.() ?? false,
    isKept(),
  ]);
  return { used: usage, left: Math.max(0, quota - usage), persisted, page };
}

/**
 * The newest samples, as many as a run has; those that are damaged are left out, since a run is worth
 * more than the pictures of its past.
 *
 * @param {StoredSample[]} samples
 * @returns {import('./preview.js').Snapshot[]}
 */
const snapshotsOf = (samples) =>
  samples.slice(-MAX_SNAPSHOTS).flatMap((sample) => {
    try {
      const { rgb, count, size } = unpackTiles(sample);
      const shape = { total: 1, count, size, height: size, width: size };
      const frame = { index: 1, t: 0, x_t: rgb, pred_x0: null, ...shape };
      return [{ step: sample.step, frame, kept: true }];
    } catch {
      return [];
    }
  });

/**
 * The runs of a site. Whatever belongs together is written in one transaction, so that a crash at
 * any moment leaves the state before.
 *
 * @import { RunRecord, StoredImage, StoredSample, WholeRun } from './schema.js'
 *
 * @typedef {Omit<RunRecord, 'savedAt' | 'usedAt' | 'step' | 'bytes' | 'picture'>} RunNote
 *
 * @typedef {object} RunState
 * @property {RunNote} note with the revision that this tab knows; 0 for a run that is new
 * @property {number} step
 * @property {Uint8Array} bytes the checkpoint
 * @property {StoredSample[]} samples those that may be new
 * @property {number[]} sampleSteps the steps of all that are to be kept
 * @property {StoredImage[]} [images] the whole set, where it may not be there yet
 *
 * @typedef {{ outcome: 'saved', revision: number, name: string, thinned: number }
 *   | { outcome: 'conflict' } | { outcome: 'images-needed' }} Saved
 *
 * @typedef {Record<(typeof STORES)[number], IDBObjectStore>} Stores
 */

import { LabError } from '../lib/errors.js';
import { msg } from '../lib/localize.js';
import { isQuota, outcome, transact } from './database.js';
import {
  isCheckpoint,
  isImage,
  isRun,
  isSample,
  MAX_NAME,
  newId,
  recordsOf,
  STORES,
} from './schema.js';

/** Requests under way at a time: each copies its value on the page's thread. */
const CHUNK = 64;

/** A database's name. Sites that share an origin have runs of their own. */
export const siteName = () => `unnoise ${new URL('.', location.href).href}`;

export class RunStore {
  /** @param {string} name of the database */
  constructor(name) {
    this.name = name;
  }

  /**
   * The runs, the one used last first, and the keys of records that are none.
   * @returns {Promise<{ runs: RunRecord[], damaged: IDBValidKey[] }>}
   */
  async list() {
    const records = await this.#transact('readonly', ({ runs }) => outcome(runs.getAll()));
    const runs = records.filter(isRun).sort((a, b) => b.usedAt - a.usedAt);
    const damaged = records.filter((record) => !isRun(record)).map(({ id }) => id);
    return { runs, damaged };
  }

  /**
   * A run with everything that belongs to it.
   * @param {string} id
   * @returns {Promise<WholeRun>}
   */
  async read(id) {
    const [record, checkpoint, samples, images] = await this.#transact(
      'readonly',
      async (stores) => {
        const record = await outcome(stores.runs.get(id));
        const set = typeof record?.imageSet === 'string' ? record.imageSet : '';
        return Promise.all([
          record,
          outcome(stores.checkpoints.get(id)),
          outcome(stores.samples.getAll(recordsOf(id))),
          outcome(stores.images.getAll(recordsOf(set))),
        ]);
      },
    );
    if (!record)
      throw new LabError('not-found', msg('This run is no longer in the browser’s storage.'));
    if (!isRun(record) || !isCheckpoint(checkpoint)) throw damaged('run');
    const whole = images.filter(isImage);
    // Another picture in place of a lost one would be learnt without a word.
    if (record.imageSet !== null && whole.length !== record.imageCount)
      throw damaged(msg('run’s images'));
    return {
      record,
      checkpoint: checkpoint.bytes,
      images: whole,
      samples: samples.filter(isSample),
    };
  }

  /** @param {string} id of a run whose samples are read alone */
  async samples(id) {
    const samples = await this.#transact('readonly', (stores) =>
      outcome(stores.samples.getAll(recordsOf(id))),
    );
    return samples.filter(isSample);
  }

  /**
   * Keeps the state of a run in place of the one before. Where the storage is full, the oldest
   * samples of all runs make room.
   * @param {RunState} state
   * @returns {Promise<Saved>}
   */
  async save(state) {
    for (let thinned = 0; ;) {
      try {
        const saved = await this.#save(state);
        return saved.outcome === 'saved' ? { ...saved, thinned } : saved;
      } catch (error) {
        const dropped = isQuota(error) ? await this.thinSamples() : 0;
        if (!dropped) throw inWords(error);
        thinned += dropped;
      }
    }
  }

  /**
   * @param {RunState} state
   * @returns {Promise<Saved>}
   */
  #save({ note, step, bytes, samples, sampleSteps, images }) {
    return this.#transact('readwrite', async (stores) => {
      const before = await outcome(stores.runs.get(note.id));
      if ((isRun(before) ? before.revision : 0) !== note.revision) return { outcome: 'conflict' };
      const imageBytes = await keepImages(stores, note, images);
      if (imageBytes === undefined) return { outcome: 'images-needed' };
      stores.checkpoints.put({ run: note.id, step, bytes });
      for (const sample of samples) stores.samples.put(sample);
      const kept = await outcome(stores.samples.getAll(recordsOf(note.id)));
      for (const sample of kept) {
        if (!sampleSteps.includes(sample.step)) stores.samples.delete([note.id, sample.step]);
      }
      const shown = kept.filter(isSample).filter((sample) => sampleSteps.includes(sample.step));
      const now = Date.now();
      const revision = note.revision + 1;
      // The user may have renamed it meanwhile.
      const name = isRun(before) ? before.name : await freeName(stores.runs, note.name);
      /** @type {RunRecord} */
      const record = {
        ...note,
        name,
        revision,
        step,
        savedAt: now,
        usedAt: now,
        picture: pictureOf(shown.at(-1)),
        bytes: { checkpoint: bytes.length, images: imageBytes, samples: sizeOf(shown) },
      };
      await outcome(stores.runs.put(record));
      if (isRun(before) && before.imageSet !== note.imageSet) await collectImages(stores);
      return { outcome: 'saved', revision, name, thinned: 0 };
    });
  }

  /**
   * Keeps a run that was made elsewhere, under a name of its own.
   * @param {WholeRun} run
   * @param {string} [id] one that is there already stays as it is
   * @returns {Promise<RunRecord>}
   */
  add({ record, checkpoint, images, samples }, id = newId()) {
    return this.#transact('readwrite', async (stores) => {
      const { runs } = stores;
      const there = await outcome(runs.get(id));
      if (isRun(there)) return there;
      const set = record.imageSet === null ? null : newId();
      const name = await freeName(runs, record.name);
      const imageCount = images.length;
      const added = {
        ...record,
        id,
        name,
        imageSet: set,
        imageCount,
        revision: 1,
      };
      if (set !== null) await putImages(stores.images, set, images);
      for (const sample of samples) stores.samples.put({ ...sample, run: id });
      stores.checkpoints.put({ run: id, step: record.step, bytes: checkpoint });
      await outcome(runs.put(added));
      return added;
    });
  }

  /**
   * A second run with the state of the first, and the same images.
   * @param {string} id
   * @returns {Promise<RunRecord>}
   */
  duplicate(id) {
    return this.#transact('readwrite', async (stores) => {
      const record = await outcome(stores.runs.get(id));
      const checkpoint = await outcome(stores.checkpoints.get(id));
      if (!isRun(record) || !isCheckpoint(checkpoint)) throw damaged('run');
      const copy = {
        ...record,
        id: newId(),
        name: await freeName(stores.runs, record.name),
        usedAt: Date.now(),
        revision: 1,
      };
      stores.checkpoints.put({ ...checkpoint, run: copy.id });
      for (const sample of await outcome(stores.samples.getAll(recordsOf(id)))) {
        stores.samples.put({ ...sample, run: copy.id });
      }
      await outcome(stores.runs.put(copy));
      return copy;
    });
  }

  /**
   * @param {string} id
   * @param {string} name
   */
  rename(id, name) {
    const clean = name.trim().slice(0, MAX_NAME);
    return this.#change(id, clean ? { name: clean } : {});
  }

  /** Notes that a run was opened. @param {string} id */
  touch(id) {
    return this.#change(id, { usedAt: Date.now() });
  }

  /**
   * @param {string} id
   * @param {Partial<RunRecord>} change
   */
  #change(id, change) {
    return this.#transact('readwrite', async ({ runs }) => {
      const record = await outcome(runs.get(id));
      if (isRun(record)) await outcome(runs.put({ ...record, ...change }));
    });
  }

  /** @param {IDBValidKey} id */
  remove(id) {
    return this.#transact('readwrite', async (stores) => {
      stores.runs.delete(id);
      stores.checkpoints.delete(id);
      await outcome(stores.samples.delete(recordsOf(id)));
      await collectImages(stores);
    });
  }

  removeAll() {
    return this.#transact('readwrite', async (stores) => {
      for (const store of Object.values(stores)) store.clear();
    });
  }

  /**
   * Makes room: forgets the older half of the samples of each run, in the one that was not used for
   * longest first, but never the newest sample.
   * @returns {Promise<number>} how many are gone
   */
  thinSamples() {
    return this.#transact('readwrite', async ({ runs, samples }) => {
      const records = (await outcome(runs.getAll())).filter(isRun);
      for (const record of records.sort((a, b) => a.usedAt - b.usedAt)) {
        const kept = await outcome(samples.getAll(recordsOf(record.id)));
        const gone = kept.slice(0, Math.floor(kept.length / 2));
        if (!gone.length) continue;
        for (const { step } of gone) samples.delete([record.id, step]);
        const bytes = {
          ...record.bytes,
          samples: sizeOf(kept.slice(gone.length).filter(isSample)),
        };
        await outcome(runs.put({ ...record, bytes }));
        return gone.length;
      }
      return 0;
    });
  }

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(stores: Stores) => T | Promise<T>} work
   * @returns {Promise<T>}
   */
  #transact(mode, work) {
    return transact(this.name, STORES, mode, (transaction) => {
      const stores = STORES.map((name) => [name, transaction.objectStore(name)]);
      return work(Object.fromEntries(stores));
    });
  }
}

/**
 * Keeps the images of a run, where they are not there yet.
 *
 * @param {Stores} stores
 * @param {Pick<RunRecord, 'imageSet' | 'imageCount'>} run
 * @param {StoredImage[]} [images]
 * @returns {Promise<number | undefined>} their size in bytes; nothing if they are needed
 */
async function keepImages(stores, { imageSet, imageCount }, images) {
  if (imageSet === null) return 0;
  const owner = (await outcome(stores.runs.getAll())).find((run) => run.imageSet === imageSet);
  const there = await outcome(stores.images.count(recordsOf(imageSet)));
  if (isRun(owner) && there === imageCount) return owner.bytes.images;
  if (images?.length !== imageCount) return undefined;
  await putImages(stores.images, imageSet, images);
  return sizeOf(images);
}

/**
 * @param {IDBObjectStore} store
 * @param {string} set
 * @param {StoredImage[]} images
 */
async function putImages(store, set, images) {
  for (const [index, image] of images.entries()) {
    // Of its own, or all that it shares a buffer with would be stored with it.
    const request = store.put({ ...image, png: image.png.slice(), set, index });
    if (index % CHUNK === CHUNK - 1) await outcome(request);
  }
}

/** Forgets the images that no run names. @param {Stores} stores */
async function collectImages({ runs, images }) {
  const records = await outcome(runs.getAll());
  const named = new Set(records.map((record) => record.imageSet));
  const keys = await outcome(images.getAllKeys());
  const sets = new Set(keys.map((key) => String(/** @type {unknown[]} */ (key)[0])));
  for (const set of sets) if (!named.has(set)) await outcome(images.delete(recordsOf(set)));
}

/**
 * A name that no run has.
 * @param {IDBObjectStore} runs
 * @param {string} wanted
 */
async function freeName(runs, wanted) {
  const taken = new Set((await outcome(runs.getAll())).map(({ name }) => name));
  const stem = wanted.replace(/ \d+$/, '').slice(0, MAX_NAME - 6);
  if (!taken.has(wanted)) return wanted;
  for (let number = 2; ; number++) {
    const name = `${stem} ${number}`;
    if (!taken.has(name)) return name;
  }
}

/** @param {StoredSample | undefined} sample */
const pictureOf = (sample) =>
  sample ? { count: sample.count, size: sample.size, png: sample.png } : null;

/** @param {{ png: Uint8Array }[]} pictures */
const sizeOf = (pictures) => pictures.reduce((sum, { png }) => sum + png.length, 0);

/** @param {unknown} error */
export const inWords = (error) =>
  isQuota(error)
    ? new LabError(
        'storage-full',
        msg(
          'There is not enough room in this browser’s storage. Delete runs that you no longer ' +
            'need.',
        ),
      )
    : error;

/** @param {string} what */
const damaged = (what) =>
  new LabError(
    'bad-checkpoint',
    msg('The stored {0} cannot be read: the record is damaged. Nothing else was changed.', what),
  );

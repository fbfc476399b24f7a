import { neededChannels } from '../lib/channels.js';
import { mergeConfig, sameConfig } from '../lib/config.js';
import { loadSetImages, loadSetModel, SETS } from '../lib/datasets.js';
import { LabError } from '../lib/errors.js';
import { integer, plural } from '../lib/format.js';
import { folderLabels, labelsOf } from '../lib/labels.js';
import { unpackImageZips } from '../lib/image-zips.js';
import { counted, msg, translated } from '../lib/localize.js';
import { readSources } from '../lib/own-images.js';
import { FetchedModel } from './fetched-model.js';
import { ImageCrops } from './image-crops.js';
import { ImageFindings } from './image-findings.js';

/**
 * @import { BundledSet } from '../lib/datasets.js'
 * @import { MasterImage, Decoded } from '../lib/decode-images.js'
 * @import { Turn } from '../lib/serial-queue.js'
 */

/** Beyond this the page itself would grow slow, and no browser trains on more in a sitting. */
const MAX_IMAGES = 10_000;
/** The longest side of crops, in pixels. */
const MAX_CROP = 64;
/** How often it is said how many files were read, in milliseconds. */
const TOLD_EVERY = 300;
/** Bad files named one by one; more than that are counted. */
const NAMED_REJECTS = 3;

/** The images to learn from: a bundled set, the user's own, or those of an earlier visit. */
export class ImageSet {
  sets = SETS;
  /** The bundled set that is loaded, or null for the user's own images. @type {string | null} */
  dataset = null;
  /** Where a model was asked for. @type {string | null} */
  modelAddress;
  fetchedModel;
  crops = new ImageCrops(this);
  findings;
  #usesLabels;
  #usesCrops = false;
  #mentionedCropping = false;

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.session = session;
    this.#usesLabels = session.options.usesLabels;
    this.modelAddress = session.options.model;
    this.fetchedModel = new FetchedModel(session);
    this.findings = new ImageFindings(session);
  }

  /** Whether a fresh model is to learn the labels of the images, where they have some. */
  get usesLabels() {
    return this.#usesLabels;
  }

  /** @returns {readonly MasterImage[]} */
  get images() {
    return this.session.lab?.images ?? [];
  }

  /** What the images are labelled, if it tells them apart. */
  get labels() {
    const labels = labelsOf(this.images);
    return labels.length > 1 ? labels : [];
  }

  /** Settings that suit the images better than the general defaults. */
  get defaults() {
    const labels = this.usesLabels ? this.labels : [];
    const set = this.sets.find((other) => other.id === this.dataset);
    const common = { labels, 'unet.in_channels': neededChannels(this.images) };
    const [picture] = this.images;
    if (this.usesCrops) {
      return { ...common, random_crop: true, size: cropSize(picture.size) };
    }
    return set ? { size: set.native_size, random_flip: set.flip, ...common } : common;
  }

  /** Whether there is one picture of the user's own, which can be learnt from its crops. */
  get canCrop() {
    return this.dataset === null && this.images.length === 1;
  }

  /** Whether a fresh model is to learn that picture from its crops. */
  get usesCrops() {
    return this.canCrop && this.#usesCrops;
  }

  /** @param {boolean} uses */
  useCrops(uses) {
    return this.session.queue.run((turn) => {
      this.#usesCrops = uses;
      this.session.run.setContinues(false);
      this.session.changed('images');
      return this.#refresh(turn);
    });
  }

  /** The model that was loaded learnt from crops. */
  learnsCrops() {
    this.#usesCrops = true;
    this.session.changed('images');
  }

  /** @param {boolean} uses */
  useLabels(uses) {
    return this.session.queue.run((turn) => {
      this.#usesLabels = uses;
      this.session.run.setContinues(false);
      this.session.changed('images');
      return this.#refresh(turn);
    });
  }

  /** The model that was loaded knows labels. */
  learnsLabels() {
    this.#usesLabels = true;
    this.session.changed('images');
  }

  /** First images and first model. */
  async open() {
    const { session } = this;
    const { dataset, model, needsModel, sources } = session.options;
    const usual = sources.length ? undefined : this.sets[0]?.id;
    const name = dataset === null ? usual : dataset;
    const withModel = needsModel && !model;
    if (name) await session.queue.run((turn) => this.#choose(name, { withModel, turn }));
    if (sources.length) await this.use(sources);
    if (model) await this.fetchModel(model);
  }

  /**
   * Replaces the images by a bundled set, and the model by the set's own.
   * @param {string} id
   * @returns {Promise<boolean>} whether the set's model was loaded
   */
  choose(id) {
    return this.session.queue.run(async (turn) => {
      const loaded = await this.#choose(id, { withModel: true, turn });
      await this.#refresh(turn);
      return loaded;
    });
  }

  /**
   * @param {string} id
   * @param {{ withModel: boolean, turn: Turn }} options
   */
  async #choose(id, { withModel, turn }) {
    const { session } = this;
    const set = this.sets.find((other) => other.id === id);
    if (!set) {
      const names = this.sets.map((other) => other.id).join(', ');
      const message = msg('There is no bundled set called “{0}”. There are: {1}.', id, names);
      session.fail(new LabError('not-found', message), 'sets');
      return false;
    }
    try {
      return await session.during(msg('Loading {0}', translated(set.title)), async () => {
        this.#replace(await loadSetImages(set), id);
        const size = Number(session.run.overrides.size ?? set.native_size);
        if (!withModel || size !== set.native_size) return false;
        if (session.run.trained && session.lab.step > 0) {
          this.#offerModel(set);
          return false;
        }
        return await this.#loadModel(set, turn);
      });
    } catch (error) {
      session.fail(error, 'sets');
      return false;
    }
  }

  /**
   * @param {BundledSet} set
   * @param {Turn} turn
   */
  async #loadModel(set, turn) {
    const { session } = this;
    const bytes = await loadSetModel(set);
    if (!bytes || !(await session.loadModel(bytes, 'bundled', turn))) return false;
    const { labels } = this.defaults;
    const { overrides } = session.run;
    if (fitsModel(session.lab.config, { ...overrides, labels })) return true;
    // A link that asks for another network gets that, untrained.
    await session.configure({ ...this.defaults, ...overrides }, turn);
    return false;
  }

  /**
   * What the user has trained is not thrown away for a click on a set.
   * @param {BundledSet} set
   */
  #offerModel(set) {
    const { session } = this;
    if (!set.model) return;
    const load = async () => {
      session.messages.dismiss('set-model');
      const loaded = await session.queue.run((turn) => this.#loadModel(set, turn));
      if (loaded) await session.sample();
    };
    session.messages.say('set-model', msg('The model that you trained is still loaded.'), {
      actions: [
        {
          id: 'use-set-model',
          label: msg('Use the model of “{0}”', translated(set.title)),
          run: load,
        },
      ],
    });
  }

  /** @param {import('../lib/model-files.js').GivenFile[]} offered */
  add(offered) {
    const words = msg('Reading {0}', plural(offered.length, 'file'));
    const { session } = this;
    return session.during(words, (say) =>
      session.queue.run((turn) => this.#add(offered, { turn, say })),
    );
  }

  /**
   * @param {import('../lib/model-files.js').GivenFile[]} files
   * @param {{ turn: Turn, say: (words: string) => void }} how
   */
  async #add(files, { turn, say }) {
    const { session } = this;
    const { given: offered, failures } = await unpackImageZips(files);
    if (session.run.training) {
      session.messages.say('busy', msg('Pause training first, then add images.'));
      return;
    }
    const own = this.dataset === null ? this.images : [];
    const free = MAX_IMAGES - own.length;
    const set = this.sets.find((other) => other.id === this.dataset);
    const { added, rejected } = await session.lab.addImages(
      offered.slice(0, free).map(({ file }) => file),
      {
        labels: folderLabels(offered.map(({ path }) => path)),
        ...this.crops.framing(own.length + Math.min(free, offered.length)),
        told: reporter(offered.length, say),
      },
    );
    if (added.length) this.#replace([...own, ...added.map(({ image }) => image)], null);
    this.#report(added, [...failures, ...rejected], {
      replaced: added.length ? set?.title : undefined,
    });
    if (offered.length > free) {
      session.messages.say(
        'many',
        msg(
          '{0} images are the most this page handles; the rest of the {1} were left out.',
          integer(MAX_IMAGES),
          integer(offered.length),
        ),
      );
    }
    await this.#refresh(turn);
  }

  /**
   * Replaces the images by those that the author of the page gives.
   * @param {import('../lib/own-images.js').ImageSource[]} sources
   */
  use(sources) {
    const { session } = this;
    const words = msg('Loading {0}', plural(sources.length, 'file'));
    return session.during(words, () => session.queue.run((turn) => this.#use(sources, turn)));
  }

  /**
   * @param {import('../lib/own-images.js').ImageSource[]} sources
   * @param {Turn} turn
   */
  async #use(sources, turn) {
    const { session } = this;
    const { given, failures } = await readSources(sources);
    if (session.disposed) return;
    await session.pause();
    const { added, rejected } = await session.lab.addImages(
      given.slice(0, MAX_IMAGES).map(({ file }) => file),
      { labels: folderLabels(given.map(({ path }) => path)) },
    );
    if (added.length)
      this.#replace(
        added.map(({ image }) => image),
        null,
      );
    const wrong = [...failures, ...rejected];
    if (wrong.length) this.#reportRejected(wrong, added.length);
    await this.#refresh(turn);
  }

  /** @param {MasterImage} image */
  remove(image) {
    return this.put(() => this.images.filter((other) => other !== image));
  }

  /**
   * Several at a time, which can be undone.
   * @param {MasterImage[]} unwanted
   * @param {string} what they are, in words
   */
  removeAll(unwanted, what) {
    const { images, session } = this;
    const undo = () => {
      session.messages.dismiss('cleared');
      this.put(() => images);
    };
    const gone = new Set(unwanted);
    session.messages.say('cleared', msg('Removed {0}.', what), {
      actions: [{ id: 'undo-remove', label: msg('Undo'), run: undo }],
    });
    return this.put(() => this.images.filter((image) => !gone.has(image)), undefined, {
      keep: true,
    });
  }

  async clear() {
    const { images, dataset, session } = this;
    const undo = () => {
      session.messages.dismiss('cleared');
      this.put(() => images, dataset);
    };
    session.messages.say('cleared', msg('Removed {0}.', plural(images.length, 'image')), {
      actions: [{ id: 'undo-clear', label: msg('Undo'), run: undo }],
    });
    await this.put(() => [], null);
  }

  /**
   * @param {() => readonly MasterImage[]} images the new ones
   * @param {string | null} [dataset] whose they are, if not still the same set's
   * @param {{ keep?: boolean }} [how] whether what can be undone stays so
   */
  put(images, dataset, { keep = false } = {}) {
    return this.session.queue.run((turn) => {
      this.#replace(images(), dataset === undefined ? this.dataset : dataset, { keep });
      return this.#refresh(turn);
    });
  }

  /**
   * The images of a run that was.
   * @param {readonly MasterImage[]} images
   * @param {string | null} dataset
   */
  adopt(images, dataset) {
    this.#replace(images, dataset);
  }

  /**
   * @param {readonly MasterImage[]} images
   * @param {string | null} dataset
   * @param {{ keep?: boolean }} [how] whether what can be undone stays so
   */
  #replace(images, dataset, { keep = false } = {}) {
    const { session } = this;
    if (images.length > 0 && !keep) session.messages.dismiss('cleared', 'files');
    session.lab.setImages(images);
    this.dataset = dataset;
    // A model that was trained on other images is a fine start, but seldom what is meant.
    session.run.setContinues(false);
    session.changed('images');
  }

  /** @param {Turn} turn */
  async #refresh(turn) {
    try {
      await this.session.refreshConfig(turn);
    } catch (error) {
      this.session.fail(error, 'config');
    }
  }

  /**
   * @param {Decoded[]} added
   * @param {LabError[]} rejected
   * @param {{ replaced?: string }} context
   */
  #report(added, rejected, { replaced }) {
    const { messages } = this.session;
    const remarks = [];
    if (replaced) {
      remarks.push(
        counted(
          added.length,
          'Your image replaced the set “{1}”.',
          'Your {0} images replaced the set “{1}”.',
          translated(replaced),
        ),
      );
    }
    const cropped = added.filter((image) => image.cropped).length;
    const sizes = new Set(added.map(({ width, height }) => `${width}×${height}`)).size;
    const whole = this.crops.crop === 'whole';
    if ((cropped || (sizes > 1 && !whole)) && !this.#mentionedCropping) {
      this.#mentionedCropping = true;
      remarks.push(
        msg('Images of other shapes and sizes are cropped to their central square and scaled.'),
      );
    }
    if (!this.crops.background && added.some((image) => image.transparent)) {
      remarks.push(msg('What is transparent is learnt as such.'));
    }
    if (this.images.length === 1) {
      remarks.push(
        msg(
          'One image alone is learnt by heart: the model will draw that image again. Add more ' +
            'for something new, or choose “Learn this one picture”, which learns its pieces.',
        ),
      );
    }
    if (remarks.length) messages.say('added', remarks.join(' '));
    if (rejected.length) this.#reportRejected(rejected, added.length);
  }

  /**
   * @param {LabError[]} rejected
   * @param {number} added
   */
  #reportRejected(rejected, added) {
    const named = rejected.slice(0, NAMED_REJECTS).map((error) => error.message);
    const more = rejected.length - named.length;
    if (more > 0)
      named.push(
        counted(
          more,
          '{0} more file could not be read either.',
          '{0} more files could not be read either.',
        ),
      );
    named.push(
      added
        ? counted(added, 'The other {0} image were added.', 'The other {0} images were added.')
        : msg('Nothing else changed.'),
    );
    this.session.fail(new LabError(rejected[0].code, named.join(' ')), 'files');
  }

  /** @param {string} address of a model's file */
  fetchModel(address) {
    this.modelAddress = address;
    return this.fetchedModel.fetch(address);
  }
}

/**
 * Side of the crops of a picture: half of it, so that there are many, and no more than what trains fast.
 * @param {number} side of the picture
 */
const cropSize = (side) => Math.max(8, Math.min(MAX_CROP, 4 * Math.floor(side / 8)));

/**
 * Says now and then how many files have been read.
 *
 * @param {number} total
 * @param {(words: string) => void} say
 */
function reporter(total, say) {
  let last = performance.now();
  return (/** @type {number} */ done) => {
    if (performance.now() - last < TOLD_EVERY) return;
    last = performance.now();
    say(msg('Reading {0} of {1}', integer(done), plural(total, 'file')));
  };
}

/**
 * Whether a model is the one that the settings ask for; how it is trained is another matter.
 * @param {import('../lib/config.js').Config} config of the model
 * @param {import('../lib/config.js').ConfigOverrides} overrides
 */
function fitsModel(config, overrides) {
  const target = mergeConfig(config, overrides);
  return sameConfig({ ...config, training: target.training, seed: target.seed }, target);
}

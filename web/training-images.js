import { packPictures, packSquares } from './lib/channels.js';
import { learnsCrops } from './lib/config.js';
import { decodeImage } from './lib/decode-images.js';
import { LabError } from './lib/errors.js';
import { classesOf, labelsOfModel } from './lib/labels.js';
import { SerialQueue } from './lib/serial-queue.js';

/**
 * The images that a lab learns from.
 *
 * @import { MasterImage, Decoded } from './lib/decode-images.js'
 */
export class TrainingImages {
  /** @type {readonly MasterImage[]} */
  list = [];
  #sending = new SerialQueue();

  /** @param {readonly MasterImage[]} images */
  set(images) {
    this.list = [...images];
  }

  /**
   * @param {Iterable<Blob & { name?: string }>} files
   * @param {(string | undefined)[]} labels what each file shows
   * @param {import('./lib/decode-images.js').Framing & { told?: (done: number) => void }} [how]
   *   `told` how many files have been looked at
   */
  async add(files, labels, { told, ...framing } = {}) {
    /** @type {Decoded[]} */
    const added = [];
    /** @type {LabError[]} */
    const rejected = [];
    for (const [index, file] of [...files].entries()) {
      try {
        const decoded = await decodeImage(file, framing);
        decoded.image.label = labels[index];
        added.push(decoded);
      } catch (error) {
        rejected.push(LabError.from(error));
      }
      told?.(index + 1);
    }
    if (added.length) this.set([...this.list, ...added.map(({ image }) => image)]);
    return { added, rejected };
  }

  /** @param {import('./engine.js').Engine} engine which has them all afterwards */
  send(engine) {
    return this.#sending.run(async () => {
      // With no images left there is nothing to send, and training says so itself. Again where
      // another model has come meanwhile.
      while (engine.images !== this.list && this.list.length > 0) {
        engine.images = this.list;
        try {
          await send(engine, this.list);
        } catch (error) {
          engine.images = undefined;
          throw error;
        }
      }
    });
  }
}

/**
 * @param {import('./engine.js').Engine} engine
 * @param {readonly MasterImage[]} images
 */
async function send(engine, images) {
  const { size, unet } = engine.config;
  if (learnsCrops(engine.config)) {
    const args = packPictures(images, unet.in_channels);
    await engine.call('setPictures', args, { transfer: [args.bytes.buffer] });
    return;
  }
  const bytes = await packSquares(images, size, unet.in_channels);
  const names = labelsOfModel(engine.config);
  const labels = names.length ? classesOf(images, names) : undefined;
  const args = { bytes, count: images.length, size, labels };
  await engine.call('setImages', args, { transfer: [bytes.buffer] });
}

import { yielder } from '../lib/yield-to-page.js';
import { decodeImage } from '../lib/decode-images.js';
import { plural } from '../lib/format.js';
import { originOf } from '../lib/image-origins.js';
import { msg } from '../lib/localize.js';

/** Beyond so many, images are kept smaller: the memory of a tab is soon gone. */
const MANY = 2000;
const SMALL_MASTER = 64;

/**
 * Whether something of an image's square may be empty.
 * @param {MasterImage} image
 */
function hasBackground(image) {
  const origin = originOf(image);
  return origin !== undefined && (origin.transparent || origin.crop === 'whole');
}

/**
 * How the user's images are made squares: all alike, or one by hand. They are cut anew from their
 * files, so nothing is lost by a choice.
 *
 * @import { MasterImage } from '../lib/decode-images.js'
 * @import { Origin, Square } from '../lib/image-origins.js'
 */
export class ImageCrops {
  /** Of all that are not cropped by hand. @type {'centre' | 'whole'} */
  crop = 'centre';
  /**
   * What stands behind transparent parts, as `#rrggbb`; nothing where they are learnt as such.
   * @type {string | undefined}
   */
  background;

  /** @param {import('./image-set.js').ImageSet} imageSet */
  constructor(imageSet) {
    this.imageSet = imageSet;
  }

  /**
   * @param {number} count of all images that there will be
   * @returns {import('../lib/decode-images.js').Framing}
   */
  framing(count) {
    const { crop, background } = this;
    return { crop, background, masterSize: count > MANY ? SMALL_MASTER : undefined };
  }

  /** Images whose files are at hand. */
  get #croppable() {
    const { images, dataset } = this.imageSet;
    return dataset === null ? images.filter((image) => originOf(image)) : [];
  }

  /** Whether there is anything to choose: pictures that are no squares or have been cropped. */
  get offered() {
    return this.#croppable.length > 0;
  }

  /** Whether the background is, or would be, seen anywhere. */
  get showsBackground() {
    return this.#croppable.some(hasBackground);
  }

  /** @param {'centre' | 'whole'} crop */
  cropAll(crop) {
    this.crop = crop;
    return this.#again(() => true);
  }

  /** @param {string | undefined} colour `#rrggbb`, or nothing: transparent */
  paint(colour) {
    this.background = colour;
    return this.#again(hasBackground);
  }

  /**
   * @param {MasterImage} image
   * @param {Square | 'centre' | 'whole'} crop
   */
  async cropOne(image, crop) {
    const origin = originOf(image);
    if (!origin) return;
    const { imageSet } = this;
    const { session } = imageSet;
    try {
      const framing = { ...this.framing(imageSet.images.length), crop };
      const { image: cut } = await decodeImage(origin.file, framing);
      cut.label = image.label;
      await imageSet.put(() => imageSet.images.map((other) => (other === image ? cut : other)));
    } catch (error) {
      session.fail(error, 'files');
    }
  }

  /** @param {(image: MasterImage) => boolean} concerns */
  async #again(concerns) {
    const { imageSet } = this;
    const { session } = imageSet;
    const images = this.#croppable.filter(concerns);
    const framing = this.framing(imageSet.images.length);
    session.changed('images');
    if (!images.length) return;
    await session.during(msg('Cutting {0} anew', plural(images.length, 'image')), async () => {
      /** @type {Map<MasterImage, MasterImage>} */
      const cut = new Map();
      const yieldToPage = yielder();
      try {
        for (const image of images) {
          const { file, crop } = /** @type {Origin} */ (originOf(image));
          const how = typeof crop === 'object' ? { ...framing, crop } : framing;
          const { image: fresh } = await decodeImage(file, how);
          fresh.label = image.label;
          cut.set(image, fresh);
          await yieldToPage();
        }
      } catch (error) {
        session.fail(error, 'files');
      }
      await imageSet.put(() => imageSet.images.map((image) => cut.get(image) ?? image));
    });
  }
}

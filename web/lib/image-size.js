import { LabError } from './errors.js';
import { compact, integer } from './format.js';
import { msg } from './localize.js';

/** Formats a browser decodes and that people mean by "an image". */
const ACCEPTED = new Set(['png', 'jpg', 'webp', 'gif', 'svg', 'bmp', 'heif', 'avif']);

/**
 * Decoding needs four bytes a pixel in one piece; above this a tab risks being killed, and the
 * limit still admits a 108-megapixel phone photograph.
 */
export const MAX_PIXELS = 120e6;

/** Almost every header fits here; a JPEG with a large embedded preview is read again further. */
const HEADER_BYTES = 256 * 1024;
const LONG_HEADER_BYTES = 32 * 2 ** 20;

/** More than the pixels that are decoded take without any compression. */
export const MAX_FILE_BYTES = 512 * 2 ** 20;

/**
 * @typedef {{ width: number, height: number, type: string }} ImageHeader
 */

/**
 * Width, height and true type of an image file, from its first bytes alone: nothing is decoded, so
 * a file that would not fit into memory is known before it can do harm.
 *
 * @param {Blob} file
 * @param {string} name
 * @returns {Promise<ImageHeader>}
 */
export async function readImageHeader(file, name) {
  if (file.size === 0) {
    throw new LabError(
      'bad-image',
      msg('{0} is empty (0 bytes). Save or download it again, then add it.', name),
    );
  }
  if (file.size > MAX_FILE_BYTES) {
    throw new LabError(
      'bad-image',
      msg(
        '{0} has {1}, more than an image that a tab can safely decode.',
        name,
        compact(file.size, 'B'),
      ),
    );
  }
  const header =
    (await parse(await firstBytes(file, name, HEADER_BYTES))) ??
    (file.size > HEADER_BYTES
      ? await parse(await firstBytes(file, name, LONG_HEADER_BYTES))
      : undefined);
  if (!header || !ACCEPTED.has(header.type)) {
    throw new LabError(
      'bad-image',
      msg(
        '{0} is not an image, whatever its name says. Add a PNG, JPEG, WebP, GIF or SVG file.',
        name,
      ),
    );
  }
  const { width, height } = header;
  if (!(width > 0 && height > 0)) {
    throw new LabError(
      'bad-image',
      msg(
        '{0} says that it is {1} × {2} pixels. Save it again from an image editor.',
        name,
        width,
        height,
      ),
    );
  }
  // A vector image has no pixels of its own: it is drawn at whatever size is wanted.
  if (header.type !== 'svg' && width * height > MAX_PIXELS) {
    throw new LabError(
      'bad-image',
      msg(
        '{0} is {1} × {2} pixels, more than a tab can safely decode. Scale it below {3} ' +
          'megapixels and add it again.',
        name,
        integer(width),
        integer(height),
        integer(MAX_PIXELS / 1e6),
      ),
    );
  }
  return header;
}

/**
 * @param {Blob} file
 * @param {string} name
 * @param {number} count
 */
async function firstBytes(file, name, count) {
  try {
    return new Uint8Array(await file.slice(0, count).arrayBuffer());
  } catch (cause) {
    const message = msg('{0} cannot be read any more. Choose it again.', name);
    throw new LabError('bad-image', message, { cause });
  }
}

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<ImageHeader | undefined>}
 */
async function parse(bytes) {
  // A page whose figures nobody has come to does not load it.
  const { imageSize } = await import('image-size');
  try {
    const { width, height, type } = imageSize(bytes);
    return { width, height, type: type ?? '' };
  } catch {
    return undefined;
  }
}

import { imageSize as readHeader } from 'image-size';
import { LabError } from './errors.js';
import { compact, integer } from './format.js';

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
      `${name} is empty (0 bytes). Save or download it again, then add it.`,
    );
  }
  if (file.size > MAX_FILE_BYTES) {
    throw new LabError(
      'bad-image',
      `${name} has ${compact(file.size, 'B')}, more than an image that a tab can safely decode.`,
    );
  }
  const header =
    parse(await firstBytes(file, name, HEADER_BYTES)) ??
    (file.size > HEADER_BYTES ? parse(await firstBytes(file, name, LONG_HEADER_BYTES)) : undefined);
  if (!header || !ACCEPTED.has(header.type)) {
    throw new LabError(
      'bad-image',
      `${name} is not an image, whatever its name says. Add a PNG, JPEG, WebP, GIF or SVG file.`,
    );
  }
  const { width, height } = header;
  if (!(width > 0 && height > 0)) {
    throw new LabError(
      'bad-image',
      `${name} says that it is ${width} × ${height} pixels. Save it again from an image editor.`,
    );
  }
  // A vector image has no pixels of its own: it is drawn at whatever size is wanted.
  if (header.type !== 'svg' && width * height > MAX_PIXELS) {
    throw new LabError(
      'bad-image',
      `${name} is ${integer(width)} × ${integer(height)} pixels, more than a tab can safely ` +
        `decode. Scale it below ${integer(MAX_PIXELS / 1e6)} megapixels and add it again.`,
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
    const message = `${name} cannot be read any more. Choose it again.`;
    throw new LabError('bad-image', message, { cause });
  }
}

/**
 * @param {Uint8Array} bytes
 * @returns {ImageHeader | undefined}
 */
function parse(bytes) {
  try {
    const { width, height, type } = readHeader(bytes);
    return { width, height, type: type ?? '' };
  } catch {
    return undefined;
  }
}

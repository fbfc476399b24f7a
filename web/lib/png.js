/**
 * PNG files, 8 bits a channel: the lossless form in which images are kept. A canvas
 * would do it too, but some browsers change a canvas's pixels on reading, against fingerprinting.
 */
import { zlibSync } from 'fflate';
import { concat } from './bytes.js';
import { crc32 } from './crc32.js';
import { LabError } from './errors.js';
import { inflateExactly } from './inflate.js';

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
/** By their channels, the bytes of a header that come after width and height: grey, RGB, with alpha. */
const KINDS = new Map([
  [1, [8, 0, 0, 0, 0]],
  [3, [8, 2, 0, 0, 0]],
  [4, [8, 6, 0, 0, 0]],
]);
/** Predicts a byte from those to the left, above, and above left. */
const PAETH = 4;
/** Larger than any sheet that is kept. */
const MAX_SIDE = 4096;

/**
 * @param {Uint8Array} bytes of grey, of RGB, or of RGB and alpha
 * @param {number} width
 * @param {number} height
 */
export function encodePng(bytes, width, height) {
  const channels = bytes.length / (width * height);
  const kind = KINDS.get(channels);
  if (!kind) throw new Error(`A picture has no ${channels} channels.`);
  const stride = width * channels;
  const lines = new Uint8Array(height * (stride + 1));
  for (let y = 0; y < height; y++) {
    const line = y * (stride + 1);
    lines[line] = PAETH;
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      lines[line + 1 + x] = bytes[at] - prediction(PAETH, bytes, at, { x, stride, channels });
    }
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set(kind, 8);
  const parts = [
    Uint8Array.from(SIGNATURE),
    chunk('IHDR', header),
    chunk('IDAT', zlibSync(lines)),
    chunk('IEND', new Uint8Array()),
  ];
  return concat(parts);
}

/**
 * The bytes of what `encodePng` wrote; of other files those of the same kinds.
 *
 * @param {Uint8Array} bytes
 * @param {number} width that is expected: another is refused before anything is unpacked
 * @param {number} height
 */
export function decodePng(bytes, width, height) {
  try {
    return decode(bytes, width, height);
  } catch (cause) {
    throw new LabError('bad-image', 'A stored picture is damaged.', { cause });
  }
}

/**
 * @param {Uint8Array} bytes
 * @param {number} width
 * @param {number} height
 */
function decode(bytes, width, height) {
  if (SIGNATURE.some((byte, index) => bytes[index] !== byte)) throw new Error('no PNG');
  const chunks = [...chunksOf(bytes)];
  const [header] = chunks;
  if (header?.type !== 'IHDR' || header.data.length !== 13) throw new Error('no header');
  const view = new DataView(header.data.buffer, header.data.byteOffset);
  const isExpected = view.getUint32(0) === width && view.getUint32(4) === height;
  if (!isExpected || !width || !height || Math.max(width, height) > MAX_SIDE) {
    throw new Error('its size');
  }
  const found = String(header.data.subarray(8));
  const [channels] = [...KINDS].find(([, kind]) => String(kind) === found) ?? [];
  if (!channels) throw new Error('another kind');
  const stride = width * channels;
  const packed = concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data));
  const lines = inflateExactly(packed, height * (stride + 1), 'zlib');
  const pixels = new Uint8Array(height * stride);
  for (let y = 0; y < height; y++) {
    const line = y * (stride + 1);
    const filter = lines[line];
    if (filter > PAETH) throw new Error('its filter');
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      pixels[at] = lines[line + 1 + x] + prediction(filter, pixels, at, { x, stride, channels });
    }
  }
  return pixels;
}

/**
 * What a byte is predicted to be, by the filters of the PNG specification.
 *
 * @param {number} filter
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {object} place
 * @param {number} place.x in its row
 * @param {number} place.stride bytes of a row
 * @param {number} place.channels bytes of a pixel
 */
function prediction(filter, bytes, at, { x, stride, channels }) {
  const left = x < channels ? 0 : bytes[at - channels];
  const above = at < stride ? 0 : bytes[at - stride];
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  const corner = x < channels || at < stride ? 0 : bytes[at - stride - channels];
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

/**
 * @param {string} type
 * @param {Uint8Array} data
 */
function chunk(type, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** @param {Uint8Array} bytes */
function* chunksOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = SIGNATURE.length; at + 12 <= bytes.length;) {
    const end = at + 8 + view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (end + 4 > bytes.length || view.getUint32(end) !== crc32(bytes.subarray(at + 4, end))) {
      throw new Error(`a damaged ${type}`);
    }
    yield { type, data: bytes.subarray(at + 8, end) };
    if (type === 'IEND') return;
    at = end + 4;
  }
  throw new Error('no end');
}

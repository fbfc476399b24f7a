import { Inflate, Unzlib } from 'fflate';

/** Unpacked in one go; what comes of it is at most `MAX_RATIO` times as much. */
const PIECE = 1 << 15;
/** Deflate cannot do better. */
const MAX_RATIO = 1032;

const STREAMS = { deflate: Inflate, zlib: Unzlib };

/**
 * Unpacks what is said to have `length` bytes. What has more or fewer is refused, and a bomb is as
 * soon as it has more: a library that inflates as far as the data go would not come back for
 * minutes.
 *
 * @param {Uint8Array} packed
 * @param {number} length which the caller has found bearable
 * @param {keyof typeof STREAMS} format
 */
export function inflateExactly(packed, length, format) {
  if (length > packed.length * MAX_RATIO) throw new Error('It is shorter than it says.');
  const whole = new Uint8Array(length);
  let end = 0;
  const stream = new STREAMS[format]((chunk) => {
    if (end + chunk.length > length) throw new Error('It is longer than it says.');
    whole.set(chunk, end);
    end += chunk.length;
  });
  for (let start = 0; start < packed.length; start += PIECE) {
    const piece = packed.subarray(start, start + PIECE);
    stream.push(piece, start + PIECE >= packed.length);
  }
  if (end !== length) throw new Error('It is shorter than it says.');
  return whole;
}

/**
 * Reads zips that anyone may have made: no more is unpacked than is wanted and allowed, whatever a
 * zip says of itself, and what is damaged is noticed. fflate, which writes ours, inflates until the
 * data end and checks no sums.
 *
 * The format is that of PKWARE's APPNOTE, sections 4.3 and 4.5.3.
 */
import { crc32 } from './crc32.js';
import { inflateExactly } from './inflate.js';

/**
 * @typedef {'damaged' | 'encrypted' | 'unknown' | 'too-large'} ZipFault
 *
 * @typedef {object} Wanted
 * @property {(name: string) => boolean} wants what is unpacked; of the rest the names are given
 * @property {number} maxBytes of all that is unpacked
 * @property {number} maxEntries of the whole zip
 *
 * @typedef {object} Entry
 * @property {string} name
 * @property {number} flags
 * @property {number} method
 * @property {number} sum
 * @property {number} packed bytes
 * @property {number} length bytes when it is unpacked
 * @property {number} offset of its local header
 */

export class ZipError extends Error {
  /** @param {ZipFault} fault */
  constructor(fault) {
    super(`The zip is ${fault}.`);
    this.fault = fault;
  }
}

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const END_LENGTH = 22;
const ENTRY_LENGTH = 46;
const LOCAL_LENGTH = 30;
const MAX_COMMENT = 0xffff;
const ENCRYPTED = 1;
const UTF_8 = 1 << 11;
const STORED = 0;
const DEFLATED = 8;
/** Stands where a number has 64 bits, elsewhere. */
const ELSEWHERE = 0xffffffff;
const EXTRA_64 = 1;

/** @param {Uint8Array} bytes */
export const isZip = (bytes) => [0x50, 0x4b, 0x03, 0x04].every((byte, at) => bytes[at] === byte);

/** Names that are looked at to tell what a zip is. */
const MAX_NAMES = 50_000;

/**
 * @param {Uint8Array} bytes
 * @param {Wanted} wanted
 * @returns {{ files: Map<string, Uint8Array>, others: string[] }}
 */
export function readZip(bytes, wanted) {
  const files = new Map(unzip(bytes, wanted));
  const others = namesInZip(bytes, wanted.maxEntries).filter((name) => !wanted.wants(name));
  return { files, others };
}

/**
 * The same file by file, for those who have other things to do in between.
 *
 * @param {Uint8Array} bytes
 * @param {Wanted} wanted
 * @returns {Generator<[name: string, content: Uint8Array]>}
 */
export function* unzip(bytes, { wants, maxBytes, maxEntries }) {
  try {
    const view = viewOf(bytes);
    const wanted = entriesOf(view, bytes, maxEntries).filter(({ name }) => wants(name));
    const total = wanted.reduce((sum, { length }) => sum + length, 0);
    if (total > maxBytes) throw new ZipError('too-large');
    for (const entry of wanted) yield [entry.name, unpack(view, bytes, entry)];
  } catch (cause) {
    throw faultOf(cause);
  }
}

/**
 * @param {Uint8Array} bytes
 * @param {number} [maxEntries]
 * @returns {string[]} of the files in a zip
 */
export function namesInZip(bytes, maxEntries = MAX_NAMES) {
  try {
    return entriesOf(viewOf(bytes), bytes, maxEntries).map(({ name }) => name);
  } catch (cause) {
    throw faultOf(cause);
  }
}

/** @param {Uint8Array} bytes */
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** What lies outside is a RangeError of the view; fflate has errors of its own. @param {unknown} cause */
const faultOf = (cause) => (cause instanceof ZipError ? cause : new ZipError('damaged'));

/**
 * @param {DataView} view
 * @param {Uint8Array} bytes
 * @param {number} maxEntries
 * @returns {Entry[]} without folders
 */
function entriesOf(view, bytes, maxEntries) {
  const directory = directoryOf(view);
  if (directory.count > maxEntries) throw new ZipError('too-large');
  /** @type {Entry[]} */
  const entries = [];
  let at = directory.offset;
  for (let index = 0; index < directory.count; index++) {
    if (view.getUint32(at, true) !== ENTRY) throw new ZipError('damaged');
    const flags = view.getUint16(at + 8, true);
    const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const start = at + ENTRY_LENGTH;
    const [packed, length, offset] = sizesOf(view, at, start + name, start + name + extra);
    entries.push({
      name: decodeName(bytes.subarray(start, start + name), flags),
      flags,
      method: view.getUint16(at + 10, true),
      sum: view.getUint32(at + 16, true),
      packed,
      length,
      offset,
    });
    at = start + name + extra + comment;
  }
  return entries.filter(({ name }) => !name.endsWith('/'));
}

/** @param {DataView} view */
function directoryOf(view) {
  const last = view.byteLength - END_LENGTH;
  const first = Math.max(0, last - MAX_COMMENT);
  for (let at = last; at >= first; at--) {
    if (view.getUint32(at, true) !== END) continue;
    const count = view.getUint16(at + 10, true);
    const offset = view.getUint32(at + 16, true);
    if (count < 0xffff && offset < ELSEWHERE) return { count, offset };
    if (at < 20 || view.getUint32(at - 20, true) !== LOCATOR_64) return { count, offset };
    const end = number64(view, at - 12);
    if (view.getUint32(end, true) !== END_64) throw new ZipError('damaged');
    return { count: number64(view, end + 32), offset: number64(view, end + 48) };
  }
  throw new ZipError('damaged');
}

/**
 * The numbers of an entry that may have 64 bits: in the order in which those that have lie in the
 * extra field.
 *
 * @param {DataView} view
 * @param {number} entry
 * @param {number} extra where the extra field begins
 * @param {number} end and ends
 * @returns {number[]} the lengths packed and unpacked, and the offset
 */
function sizesOf(view, entry, extra, end) {
  const [length, packed, offset] = [24, 20, 42].map((field) => view.getUint32(entry + field, true));
  const sizes = [length, packed, offset];
  if (!sizes.includes(ELSEWHERE)) return [packed, length, offset];
  for (let at = extra; at + 4 <= end; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== EXTRA_64) continue;
    let next = at + 4;
    const whole = sizes.map((size) => (size < ELSEWHERE ? size : number64(view, (next += 8) - 8)));
    return [whole[1], whole[0], whole[2]];
  }
  throw new ZipError('damaged');
}

/**
 * @param {DataView} view
 * @param {number} at
 */
const number64 = (view, at) => Number(view.getBigUint64(at, true));

/**
 * @param {Uint8Array} name
 * @param {number} flags
 */
const decodeName = (name, flags) =>
  new TextDecoder(flags & UTF_8 ? 'utf-8' : 'windows-1252').decode(name);

/**
 * @param {DataView} view
 * @param {Uint8Array} bytes
 * @param {Entry} entry
 */
function unpack(view, bytes, { flags, method, sum, packed, length, offset }) {
  if (flags & ENCRYPTED) throw new ZipError('encrypted');
  if (method !== STORED && method !== DEFLATED) throw new ZipError('unknown');
  if (view.getUint32(offset, true) !== LOCAL) throw new ZipError('damaged');
  const [name, extra] = [26, 28].map((field) => view.getUint16(offset + field, true));
  const start = offset + LOCAL_LENGTH + name + extra;
  if (start + packed > bytes.length) throw new ZipError('damaged');
  const data = bytes.subarray(start, start + packed);
  // Copies, so that no part keeps the whole zip in memory.
  const file = method === STORED ? data.slice() : inflateExactly(data, length, 'deflate');
  if (file.length !== length || crc32(file) !== sum) throw new ZipError('damaged');
  return file;
}

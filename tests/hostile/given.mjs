// What the readers are given: the page's own code, and input that someone has damaged or made up.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { crc32 } from 'node:zlib';
import { build } from 'esbuild';
import fc from 'fast-check';

const MODULES = [
  'lib/attributes',
  'lib/config',
  'lib/embed-code',
  'lib/errors',
  'lib/fetch-file',
  'lib/format',
  'lib/hash-state',
  'lib/image-size',
  'lib/model-files',
  'lib/own-images',
  'lib/png',
  'lib/samplers',
  'lib/svg-weight',
  'lib/zip',
  'element/loss-curve',
  'element/run',
  'element/sample-link',
  'notebook/kernel',
  'store/archive',
  'store/images',
  'store/schema',
];

/** The readers of the page, which are written for a bundler. @returns {Promise<any>} */
export async function bundle() {
  // The page's globals that modules look at when they are loaded or called.
  Object.assign(globalThis, { window: globalThis, document: { baseURI: 'https://example.org/' } });
  const { outputFiles } = await build({
    stdin: {
      contents: MODULES.map((name) => `export * from './web/${name}.js';`).join('\n'),
      resolveDir: fileURLToPath(new URL('../..', import.meta.url)),
    },
    bundle: true,
    write: false,
    format: 'esm',
    logLevel: 'error',
  });
  const file = join(await mkdtemp(join(tmpdir(), 'unnoise-')), 'readers.mjs');
  await writeFile(file, outputFiles[0].text);
  return import(pathToFileURL(file).href);
}

/** Names that every object has already, and such as lead elsewhere. */
export const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
  'length',
  '../up',
  '/root',
  'a\\b',
  'con',
];

/** Text where a number or a word is meant. */
export const ABSURD = [
  '',
  ' ',
  '-1',
  '0',
  '-0',
  '0.5',
  '1e308',
  '1e999',
  '-Infinity',
  'NaN',
  '0x10',
  '4294967296',
  '9007199254740993',
  '1,2,3',
  `${'1,'.repeat(500)}1`,
  'null',
  'undefined',
  'true',
  '[object Object]',
  '{"__proto__":{"polluted":true}}',
  '[[[[[[[[[[',
  'javascript:alert(1)',
  '"><script>alert(1)</script>',
  "' onload='alert(1)",
  '\n\n[x](javascript:alert(1))',
  '{{constructor.constructor("alert(1)")()}}',
  '\u0000',
  '\ud800',
  'x'.repeat(1500),
  ...NAMES,
];

const change = fc.oneof(
  fc.record({ kind: fc.constant('set'), at: fc.nat(), to: fc.nat(255) }),
  fc.record({ kind: fc.constant('flip'), at: fc.nat(), to: fc.nat(7) }),
  fc.record({ kind: fc.constant('cut'), at: fc.nat(), to: fc.nat() }),
  fc.record({ kind: fc.constant('drop'), at: fc.nat(), to: fc.nat(40) }),
  fc.record({ kind: fc.constant('repeat'), at: fc.nat(), to: fc.nat(60) }),
  fc.record({ kind: fc.constant('number'), at: fc.nat(), to: fc.nat() }),
);

/** A way to damage bytes in a few places. */
export const damaged = fc
  .array(change, { minLength: 1, maxLength: 5 })
  .map((changes) => (/** @type {Uint8Array} */ bytes) => changes.reduce(applied, bytes));

/**
 * @param {Uint8Array} before
 * @param {{ kind: string, at: number, to: number }} change
 */
function applied(before, { kind, at: place, to }) {
  if (!before.length) return before;
  const at = place % before.length;
  if (kind === 'cut') return before.slice(0, at);
  if (kind === 'drop') return concat(before.subarray(0, at), before.subarray(at + to));
  if (kind === 'repeat') return concat(before.subarray(0, at + to), before.subarray(at));
  const bytes = before.slice();
  if (kind === 'set') bytes[at] = to;
  if (kind === 'flip') bytes[at] ^= 1 << to;
  // Lengths and offsets have four bytes.
  if (kind === 'number')
    for (let i = 0; i < 4; i++) if (at + i < bytes.length) bytes[at + i] = to >> (8 * i);
  return bytes;
}

/** @param {Uint8Array[]} parts */
const concat = (...parts) => new Uint8Array(Buffer.concat(parts));

/**
 * A zip of entries that say of themselves what they are told to.
 *
 * @param {{ name: string, packed: Uint8Array, length: number, method?: number, flags?: number,
 *   of?: Uint8Array, wide?: boolean, offset?: number }[]} entries `of` has their checksum; `wide` is
 *   written in 64 bits
 */
export function packedZip(entries) {
  const locals = [];
  const directory = [];
  let end = 0;
  for (const { name, packed, length, method = 8, flags = 0, of, wide, offset = end } of entries) {
    const bytes = Buffer.from(name);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(bytes.length, 26);
    locals.push(local, bytes, packed);
    const extra = Buffer.alloc(wide ? 28 : 0);
    const head = Buffer.alloc(46);
    head.writeUInt32LE(0x02014b50, 0);
    head.writeUInt16LE(flags | (1 << 11), 8);
    head.writeUInt16LE(method, 10);
    head.writeUInt32LE(of ? crc32(of) : 0, 16);
    head.writeUInt16LE(bytes.length, 28);
    head.writeUInt16LE(extra.length, 30);
    for (const [index, [field, value]] of [
      [24, length],
      [20, packed.length],
      [42, offset],
    ].entries()) {
      head.writeUInt32LE(wide ? 0xffffffff : value, field);
      if (wide) extra.writeBigUInt64LE(BigInt(value), 4 + 8 * index);
    }
    if (wide) extra.writeUInt32LE(1 | (24 << 16), 0);
    directory.push(head, bytes, extra);
    end += local.length + bytes.length + packed.length;
  }
  const tail = Buffer.alloc(22);
  tail.writeUInt32LE(0x06054b50, 0);
  tail.writeUInt16LE(entries.length, 8);
  tail.writeUInt16LE(entries.length, 10);
  tail.writeUInt32LE(Buffer.concat(directory).length, 12);
  tail.writeUInt32LE(end, 16);
  return concat(...locals, ...directory, tail);
}

/**
 * A whole run as one file: a zip with `manifest.json`, `checkpoint.safetensors`, `images/0.png` …
 * and `samples/<step>.png`, to take elsewhere.
 *
 * @import { RunRecord, WholeRun } from './schema.js'
 */
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import { LabError } from '../lib/errors.js';
import { MAX_MODEL_BYTES } from '../lib/model-files.js';
import { isImage, isObject, isRun, isSample } from './schema.js';

const FORMAT = 'unnoise-run';
/** Raised when a file can no longer be read by older versions. */
const VERSION = 1;
/** More images than the page handles make no run of it. */
const MAX_ENTRIES = 4096;

const MANIFEST = 'manifest.json';
const CHECKPOINT = 'checkpoint.safetensors';
const EXPECTED = /^(manifest\.json|checkpoint\.safetensors|images\/\d+\.png|samples\/\d+\.png)$/;

/** @param {WholeRun} run */
export function packRun({ record, checkpoint, images, samples }) {
  /** @type {Record<string, Uint8Array>} */
  const files = { [CHECKPOINT]: checkpoint };
  for (const [index, { png }] of images.entries()) files[`images/${index}.png`] = png;
  for (const { step, png } of samples) files[`samples/${step}.png`] = png;
  const manifest = {
    format: FORMAT,
    version: VERSION,
    run: { ...record, picture: null },
    images: images.map(({ name, label, size }) => ({ name, label, size })),
    samples: samples.map(({ step, count, size }) => ({ step, count, size })),
  };
  files[MANIFEST] = strToU8(JSON.stringify(manifest, null, 2));
  // Nothing in it gets smaller.
  return zipSync(files, { level: 0 });
}

/**
 * @param {Uint8Array} bytes
 * @returns {WholeRun}
 */
export function unpackRun(bytes) {
  const files = unzip(bytes);
  const manifest = parse(files[MANIFEST]);
  if (!isObject(manifest) || manifest.format !== FORMAT) throw notARun();
  if (Number(manifest.version) > VERSION) {
    throw new LabError(
      'newer-format',
      'This run was saved by a newer version of the page. Reload the page to update.',
    );
  }
  const { run, images, samples } = manifest;
  const checkpoint = files[CHECKPOINT];
  if (!isRun(run) || !checkpoint || !Array.isArray(images) || !Array.isArray(samples)) {
    throw notARun();
  }
  const unpacked = {
    images: images.map((image, index) => ({
      ...image,
      set: '',
      index,
      png: files[`images/${index}.png`],
    })),
    samples: samples.map((sample) => ({
      ...sample,
      run: '',
      png: files[`samples/${sample?.step}.png`],
    })),
  };
  const whole = unpacked.images.every(isImage) && unpacked.samples.every(isSample);
  if (!whole || images.length !== run.imageCount) throw damaged();
  const last = unpacked.samples.at(-1);
  const picture = last ? { count: last.count, size: last.size, png: last.png } : null;
  const size = (/** @type {{ png: Uint8Array }[]} */ list) =>
    list.reduce((sum, { png }) => sum + png.length, 0);
  const sizes = {
    checkpoint: checkpoint.length,
    images: size(unpacked.images),
    samples: size(unpacked.samples),
  };
  const record = { ...run, picture, bytes: sizes, usedAt: Date.now() };
  return { record, checkpoint, ...unpacked };
}

/** @param {Uint8Array} bytes */
function unzip(bytes) {
  let total = 0;
  let entries = 0;
  const filter = (/** @type {import('fflate').UnzipFileInfo} */ { name, originalSize }) => {
    if (!EXPECTED.test(name)) return false;
    total += originalSize;
    if (++entries > MAX_ENTRIES || total > MAX_MODEL_BYTES) {
      throw new LabError('too-large', 'This file holds more than a run; nothing was changed.');
    }
    return true;
  };
  try {
    // Copies, so that no part keeps the whole file in memory.
    const files = Object.entries(unzipSync(bytes, { filter }));
    return Object.fromEntries(files.map(([name, file]) => [name, file.slice()]));
  } catch (cause) {
    if (cause instanceof LabError) throw cause;
    throw damaged(cause);
  }
}

/** @param {Uint8Array | undefined} bytes @returns {unknown} */
function parse(bytes) {
  try {
    return bytes && JSON.parse(strFromU8(bytes));
  } catch (cause) {
    throw damaged(cause);
  }
}

const notARun = () =>
  new LabError(
    'bad-checkpoint',
    'This file is not a run that was exported here; nothing was changed.',
  );

/** @param {unknown} [cause] */
const damaged = (cause) =>
  new LabError(
    'truncated',
    'This run’s file is cut short or damaged. Copy or download it again; nothing was changed.',
    { cause },
  );

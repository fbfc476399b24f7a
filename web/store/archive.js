/**
 * A whole run as one file: a zip with `manifest.json`, `checkpoint.safetensors`, `images/0.png` …
 * and `samples/<step>.png`, to take elsewhere.
 *
 * @import { RunRecord, WholeRun } from './schema.js'
 */
import { strFromU8, strToU8, zipSync } from 'fflate';
import { LabError } from '../lib/errors.js';
import { msg } from '../lib/localize.js';
import { MAX_MODEL_BYTES } from '../lib/model-files.js';
import { readZip, ZipError } from '../lib/zip.js';
import { isImage, isObject, isRun, isSample, MAX_NAME, plainRun } from './schema.js';

const FORMAT = 'unnoise-run';
/** Raised when a file can no longer be read by older versions. */
const VERSION = 1;
/** More images than the page handles make no run of it. */
const LIMITS = { maxBytes: MAX_MODEL_BYTES, maxEntries: 20_000 };
/** Many times what it takes to describe so many images. */
const MAX_MANIFEST = 16 * 2 ** 20;

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
 * @param {typeof LIMITS} [limits]
 * @returns {WholeRun}
 */
export function unpackRun(bytes, limits = LIMITS) {
  const files = unzip(bytes, limits);
  const manifest = parse(files.get(MANIFEST));
  if (!isObject(manifest) || manifest.format !== FORMAT) throw notARun();
  if (Number(manifest.version) > VERSION) {
    throw new LabError(
      'newer-format',
      msg('This run was saved by a newer version of the page. Reload the page to update.'),
    );
  }
  const { run, images, samples } = manifest;
  const checkpoint = files.get(CHECKPOINT);
  if (!isRun(run) || !checkpoint || !Array.isArray(images) || !Array.isArray(samples)) {
    throw notARun();
  }
  /** @type {unknown[]} */
  const pictures = images.map((image, index) => ({
    set: '',
    index,
    name: image?.name,
    label: image?.label,
    size: image?.size,
    png: files.get(`images/${index}.png`),
  }));
  /** @type {unknown[]} */
  const drawn = samples.map((sample) => ({
    run: '',
    step: sample?.step,
    count: sample?.count,
    size: sample?.size,
    png: files.get(`samples/${sample?.step}.png`),
  }));
  if (!pictures.every(isImage) || !drawn.every(isSample)) throw damaged();
  if (images.length !== run.imageCount) throw damaged();
  const last = drawn.at(-1);
  const sizeOf = (/** @type {{ png: Uint8Array }[]} */ list) =>
    list.reduce((sum, { png }) => sum + png.length, 0);
  const record = {
    ...plainRun(run),
    name: run.name.slice(0, MAX_NAME),
    picture: last ? { count: last.count, size: last.size, png: last.png } : null,
    bytes: { checkpoint: checkpoint.length, images: sizeOf(pictures), samples: sizeOf(drawn) },
    usedAt: Date.now(),
  };
  return { record, checkpoint, images: pictures, samples: drawn };
}

/**
 * @param {Uint8Array} bytes
 * @param {typeof LIMITS} limits
 */
function unzip(bytes, limits) {
  try {
    return readZip(bytes, { wants: (name) => EXPECTED.test(name), ...limits }).files;
  } catch (cause) {
    if (!(cause instanceof ZipError) || cause.fault !== 'too-large') throw damaged(cause);
    throw new LabError('too-large', msg('This file holds more than a run; nothing was changed.'));
  }
}

/** @param {Uint8Array | undefined} bytes @returns {unknown} */
function parse(bytes) {
  try {
    if (bytes && bytes.length > MAX_MANIFEST) throw new Error('too long');
    return bytes && JSON.parse(strFromU8(bytes));
  } catch (cause) {
    throw damaged(cause);
  }
}

const notARun = () =>
  new LabError(
    'bad-checkpoint',
    msg('This file is not a run that was exported here; nothing was changed.'),
  );

/** @param {unknown} [cause] */
const damaged = (cause) =>
  new LabError(
    'truncated',
    msg(
      'This run’s file is cut short or damaged. Copy or download it again; nothing was ' +
        'changed.',
    ),
    { cause },
  );

import { LabError } from './errors.js';
import { RUN_ENDING } from './model-files.js';
import { isImageName, imagesInZip, ZIP_LIMIT } from './own-images.js';
import { isZip, namesInZip, ZipError } from './zip.js';

/**
 * Zips among files that someone chose or dropped: those of images are unpacked, and those of models
 * and of runs are left as they are. Only what is in them tells them apart.
 *
 * @import { GivenFile } from './model-files.js'
 *
 * @param {GivenFile[]} given
 * @returns {Promise<{ given: GivenFile[], failures: LabError[] }>}
 */
export async function unpackImageZips(given) {
  /** @type {GivenFile[]} */
  const unpacked = [];
  /** @type {LabError[]} */
  const failures = [];
  for (const one of given) {
    try {
      if (await holdsImages(one)) unpacked.push(...(await imagesInZip(one.file, one.file.name)));
      else unpacked.push(one);
    } catch (error) {
      failures.push(LabError.from(error));
    }
  }
  return { given: unpacked, failures };
}

/** @param {GivenFile} given */
async function holdsImages({ file, path }) {
  if (path.endsWith(RUN_ENDING) || file.size > ZIP_LIMIT) return false;
  if (!/\.zip$/i.test(file.name) && !/zip/.test(file.type)) return false;
  if (!isZip(new Uint8Array(await file.slice(0, 4).arrayBuffer()))) return false;
  try {
    const names = namesInZip(new Uint8Array(await file.arrayBuffer()));
    return names.some(isImageName) && !names.some((name) => /\.(safetensors|bin)$/i.test(name));
  } catch (error) {
    // Whoever takes it for a model says what is wrong with it.
    if (error instanceof ZipError) return false;
    throw error;
  }
}

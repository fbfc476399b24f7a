import { LabError } from './errors.js';
import { msg } from './localize.js';

/**
 * Class labels: names of folders, and the numbers that a model has for them.
 *
 * @import { Config } from './config.js'
 * @import { MasterImage } from './decode-images.js'
 */

/**
 * What files are to be called after the folders they lie in: below all folders that they share, the
 * first; where that leaves none, the last they share.
 *
 * @param {string[]} paths `folder/…/file`
 * @returns {(string | undefined)[]} undefined for a file beside the folders of others
 */
export function folderLabels(paths) {
  const folders = paths.map((path) => path.split('/').filter(Boolean).slice(0, -1));
  const [first = []] = folders;
  let shared = 0;
  while (shared < first.length && folders.every((names) => names[shared] === first[shared])) {
    shared++;
  }
  const alone = folders.every(({ length }) => length === shared);
  return folders.map((names) => names[alone ? shared - 1 : shared]);
}

/**
 * The labels that images have, sorted, each once.
 * @param {readonly MasterImage[]} images
 */
export function labelsOf(images) {
  const names = new Set(images.flatMap(({ label }) => label ?? []));
  return [...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/**
 * The names of a model's classes; their numbers where they have no names.
 * @param {Config} config
 * @returns {string[]} empty for a model without labels
 */
export function labelsOfModel({ labels, unet }) {
  if (labels.length) return labels;
  return Array.from({ length: Math.max(0, (unet.num_class_embeds ?? 0) - 1) }, (_, i) => String(i));
}

/**
 * The class of each image to a model that knows `names`; those it does not know are of none.
 *
 * @param {readonly MasterImage[]} images
 * @param {string[]} names
 */
export function classesOf(images, names) {
  const numbers = new Map(names.map((name, number) => [name, number]));
  return Uint32Array.from(images, ({ label = '' }) => numbers.get(label) ?? names.length);
}

/**
 * @param {readonly (string | number | null)[]} labels names, numbers, null for any
 * @param {string[]} names of the model
 * @returns {(number | null)[]}
 */
export function labelNumbers(labels, names) {
  return labels.map((label) => {
    if (typeof label !== 'string') return label;
    const number = names.indexOf(label);
    if (number >= 0) return number;
    const known = names.length
      ? msg('It knows {0}.', names.join(', '))
      : msg('It was trained without labels.');
    throw new LabError('bad-config', `${msg('The model knows no label “{0}”.', label)} ${known}`);
  });
}

/** Stands for one label after the other, whatever the model knows. */
export const EACH = '*';

/**
 * Of what is asked for, the part that a model knows.
 *
 * @param {readonly (string | number | null)[]} asked
 * @param {string[]} names of the model
 */
export const knownLabels = (asked, names) =>
  asked.includes(EACH) ? names : asked.filter((label) => names.includes(String(label)));

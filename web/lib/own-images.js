import { LabError } from './errors.js';

/**
 * The images that the author of a page gives: by address, as files, as `<img>` in the markup, or in
 * a zip, whose folders are labels.
 *
 * @import { GivenFile } from './model-files.js'
 * @typedef {Blob & { name?: string }} NamedBlob
 * @typedef {{ source: string | NamedBlob, name?: string, label?: string }} ImageSource
 */

/** More than any set of small pictures. */
const MAX_UNZIPPED = 256 * 2 ** 20;

const IMAGE_NAME = /\.(png|jpe?g|webp|gif|svg|avif|bmp)$/i;

/**
 * @param {string | Iterable<string | URL | Blob> | undefined} images as the property `images` has
 *   them: addresses with spaces between, or a list
 * @returns {ImageSource[]}
 */
export function listedImages(images = []) {
  const list = typeof images === 'string' ? images.split(/\s+/).filter(Boolean) : [...images];
  return list.map((one) => ({ source: one instanceof Blob ? one : String(one) }));
}

/**
 * The images in an element's markup: those that are its children, and those in children of the slot
 * `images`. Images inside anything else are a part of the fallback.
 *
 * @param {Element} element
 * @returns {ImageSource[]}
 */
export function markedUpImages(element) {
  const given = [...element.children].flatMap((child) => {
    const slot = child.getAttribute('slot');
    if (slot !== null && slot !== 'images') return [];
    if (child instanceof HTMLImageElement) return [child];
    if (slot === null && child.localName !== 'picture') return [];
    return [...child.querySelectorAll('img')];
  });
  return given.map((image) => ({
    source: image.currentSrc || image.src,
    name: image.alt || undefined,
    label: image.dataset.label,
  }));
}

/**
 * Fetches and unpacks what sources name. What cannot be had never keeps the others out.
 *
 * @param {ImageSource[]} sources
 * @returns {Promise<{ given: GivenFile[], failures: LabError[] }>}
 */
export async function readSources(sources) {
  const read = await Promise.allSettled(sources.map(readSource));
  /** @type {GivenFile[]} */
  const given = [];
  /** @type {LabError[]} */
  const failures = [];
  for (const result of read) {
    if (result.status === 'fulfilled') given.push(...result.value);
    else failures.push(LabError.from(result.reason));
  }
  return { given, failures };
}

/**
 * @param {ImageSource} source
 * @returns {Promise<GivenFile[]>}
 */
async function readSource({ source, name, label }) {
  const blob = typeof source === 'string' ? await fetchImage(source) : source;
  const called = name ?? (typeof source === 'string' ? lastPart(source) : source.name) ?? 'image';
  const start = new Uint8Array(await blob.slice(0, 4).arrayBuffer());
  if (start[0] === 0x50 && start[1] === 0x4b) return unpack(blob, called);
  const file = new File([blob], called, { type: blob.type });
  return [{ file, path: label ? `${label}/${called}` : called }];
}

/** @param {string} address */
async function fetchImage(address) {
  const response = await fetch(new URL(address, document.baseURI)).catch(() => undefined);
  if (response?.ok) return response.blob();
  const why = response ? `the server answers ${response.status}` : 'it cannot be reached from here';
  const message =
    `The image ${address} could not be fetched: ${why}. Check the address; on another host it ` +
    'needs the header Access-Control-Allow-Origin.';
  throw new LabError('not-found', message);
}

/** @param {string} address */
function lastPart(address) {
  const { pathname } = new URL(address, document.baseURI);
  return decodeURIComponent(pathname.split('/').at(-1) ?? '') || undefined;
}

/**
 * @param {Blob} zip
 * @param {string} name
 * @returns {Promise<GivenFile[]>}
 */
async function unpack(zip, name) {
  const { unzipSync } = await import('fflate');
  let bytes = 0;
  const filter = (/** @type {{ name: string, originalSize: number }} */ entry) => {
    const hidden = entry.name
      .split('/')
      .some((part) => part.startsWith('.') || part === '__MACOSX');
    if (hidden || !IMAGE_NAME.test(entry.name)) return false;
    bytes += entry.originalSize;
    return bytes <= MAX_UNZIPPED;
  };
  /** @type {Record<string, Uint8Array>} */
  let files;
  try {
    files = unzipSync(new Uint8Array(await zip.arrayBuffer()), { filter });
  } catch (cause) {
    const message = `${name} is a zip that cannot be read. Pack it again without encryption.`;
    throw new LabError('bad-image', message, { cause });
  }
  const entries = Object.entries(files);
  if (!entries.length) throw new LabError('bad-image', `${name} is a zip without images.`);
  return entries.map(([path, content]) => {
    const type = path.toLowerCase().endsWith('.svg') ? 'image/svg+xml' : '';
    const part = /** @type {BlobPart} */ (content);
    return { file: new File([part], path.split('/').at(-1) ?? path, { type }), path };
  });
}

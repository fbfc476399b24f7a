import { yielder } from './yield-to-page.js';
import { LabError } from './errors.js';
import { blobOf, TooLongError } from './fetch-file.js';
import { marked, msg, translated } from './localize.js';
import { unzip, ZipError } from './zip.js';

/**
 * The images that the author of a page gives: by address, as files, as `<img>` in the markup, or in
 * a zip, whose folders are labels.
 *
 * @import { GivenFile } from './model-files.js'
 * @typedef {Blob & { name?: string }} NamedBlob
 * @typedef {{ source: string | NamedBlob, name?: string, label?: string }} ImageSource
 */

/** Bytes of a zip, and of what is unpacked of it: more than any set of small pictures has. */
export const ZIP_LIMIT = 256 * 2 ** 20;
const LIMITS = { maxBytes: ZIP_LIMIT, maxEntries: 20_000 };
/** More than the page handles; each may be a zip. */
const MAX_SOURCES = 2000;
/** Fetched at a time. */
const AT_ONCE = 8;

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
  /** @type {GivenFile[]} */
  const given = [];
  /** @type {LabError[]} */
  const failures = [];
  for (let first = 0; first < Math.min(sources.length, MAX_SOURCES); first += AT_ONCE) {
    const some = sources.slice(first, first + AT_ONCE);
    for (const result of await Promise.allSettled(some.map(readSource))) {
      if (result.status === 'fulfilled') given.push(...result.value);
      else failures.push(LabError.from(result.reason));
    }
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
  if (start[0] === 0x50 && start[1] === 0x4b) return imagesInZip(blob, called);
  const file = new File([blob], called, { type: blob.type });
  return [{ file, path: label ? `${label}/${called}` : called }];
}

/** @param {string} address */
async function fetchImage(address) {
  /** @param {string} why @param {unknown} [cause] */
  const failed = (why, cause) => {
    const message = msg(
      'The image {0} could not be fetched: {1}. Check the address; on another host it ' +
        'needs the header Access-Control-Allow-Origin.',
      address,
      why,
    );
    return new LabError('not-found', message, { cause });
  };
  if (!URL.canParse(address, document.baseURI)) throw failed(msg('this is no address'));
  const url = new URL(address, document.baseURI);
  const response = await fetch(url).catch(() => undefined);
  if (!response) throw failed(msg('it cannot be reached from here'));
  if (!response.ok) throw failed(msg('the server answers {0}', response.status));
  try {
    return await blobOf(response, LIMITS.maxBytes);
  } catch (cause) {
    throw failed(
      cause instanceof TooLongError ? msg('it is too large') : msg('it broke off'),
      cause,
    );
  }
}

/** @param {string} address */
function lastPart(address) {
  const { pathname } = new URL(address, document.baseURI);
  const part = pathname.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(part) || undefined;
  } catch {
    return part;
  }
}

/** What is said about a zip that is not read. @type {Record<import('./zip.js').ZipFault, string>} */
const SENTENCES = {
  damaged: marked('{0} is a zip that is cut short or damaged. Copy or download it again.'),
  encrypted: marked('{0} is an encrypted zip. Pack it again without a password.'),
  unknown: marked('{0} is packed in a way that is not read. Pack it again as an ordinary zip.'),
  'too-large': marked(
    '{0} is a zip that holds more than a set of small pictures. Leave out what is large.',
  ),
};

/**
 * Images among hidden files, which are those of operating systems, are none.
 * @param {string} path
 */
export const isImageName = (path) =>
  IMAGE_NAME.test(path) &&
  !path.split('/').some((part) => part.startsWith('.') || part === '__MACOSX');

/**
 * The images in a zip, whose folders are labels.
 * @param {Blob} zip
 * @param {string} name
 * @returns {Promise<GivenFile[]>}
 */
export async function imagesInZip(zip, name) {
  const refused = (
    /** @type {import('./zip.js').ZipFault} */ fault,
    /** @type {unknown} */ cause,
  ) => new LabError('bad-image', translated(SENTENCES[fault], name), { cause });
  if (zip.size > LIMITS.maxBytes) throw refused('too-large', undefined);
  const bytes = new Uint8Array(await zip.arrayBuffer());
  /** @type {GivenFile[]} */
  const files = [];
  const yieldToPage = yielder();
  try {
    for (const [path, content] of unzip(bytes, { wants: isImageName, ...LIMITS })) {
      const type = path.toLowerCase().endsWith('.svg') ? 'image/svg+xml' : '';
      const part = /** @type {BlobPart} */ (content);
      files.push({ file: new File([part], path.split('/').at(-1) ?? path, { type }), path });
      await yieldToPage();
    }
  } catch (cause) {
    throw refused(cause instanceof ZipError ? cause.fault : 'damaged', cause);
  }
  if (!files.length) throw new LabError('bad-image', msg('{0} is a zip without images.', name));
  return files;
}

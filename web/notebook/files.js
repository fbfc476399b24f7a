import { setAssetSource, setBasePath } from '../lib/assets.js';
import { picturesOf, SETS } from '../lib/datasets.js';

/**
 * Where the files of the package come from in a notebook: from the kernel, which has them and needs
 * no connection; from the folder that the model names; or from beside this script.
 *
 * @import { Kernel } from './kernel.js'
 */

/** Whoever runs a cell again loads this script again, but the element stays that of the first. */
const SHARED = Symbol.for('unnoise.files');
const own = { setAssetSource, setBasePath };
const page = /** @type {{ [SHARED]?: typeof own }} */ (/** @type {unknown} */ (globalThis));
const shared = (page[SHARED] ??= own);

/** Named, and not fetched; a page keeps them. */
const ADDRESSED = ['worker.js', ...SETS.flatMap(picturesOf).map((file) => `samples/${file}`)];

const TYPES = {
  js: 'text/javascript',
  png: 'image/png',
  webp: 'image/webp',
  wasm: 'application/wasm',
};

/** @param {string} name */
function typeOf(name) {
  const extension = /** @type {keyof typeof TYPES} */ (name.split('.').at(-1));
  return TYPES[extension] ?? 'application/octet-stream';
}

/**
 * @param {Kernel} kernel
 * @param {unknown} base
 */
export async function prepareFiles(kernel, base) {
  if (typeof base === 'string' && base) return shared.setBasePath(base);
  if (!kernel.present) return;
  /** @param {string} name */
  const blobOf = async (name) => new Blob([await kernel.file(name)], { type: typeOf(name) });
  const addresses = await Promise.all(
    ADDRESSED.map(async (name) => [name, URL.createObjectURL(await blobOf(name))]),
  );
  shared.setAssetSource({
    addresses: Object.fromEntries(addresses),
    fetch: async (name) => new Response(await blobOf(name)),
  });
}

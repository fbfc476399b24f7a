/**
 * Where the files are that come with the script: the wasm, the worker, the bundled sets, the
 * font of formulas.
 *
 * Bundlers find and copy a file only where its whole name stands in `new URL(…, import.meta.url)`,
 * so each is written out. The names are relative to the built script at the root of the package.
 */

/** @type {Record<string, () => URL>} */
const FILES = {
  'worker.js': () => new URL('./worker.js', import.meta.url),
  'cpu/unnoise_bg.wasm': () => new URL('./cpu/unnoise_bg.wasm', import.meta.url),
  'cpu-relaxed/unnoise_bg.wasm': () => new URL('./cpu-relaxed/unnoise_bg.wasm', import.meta.url),
  'gpu/unnoise_bg.wasm': () => new URL('./gpu/unnoise_bg.wasm', import.meta.url),
  'samples/faces/sprites.png': () => new URL('./samples/faces/sprites.png', import.meta.url),
  'samples/faces/model.safetensors': () =>
    new URL('./samples/faces/model.safetensors', import.meta.url),
  'samples/faces/film.avif': () => new URL('./samples/faces/film.avif', import.meta.url),
  'samples/faces/run-lengths.webp': () =>
    new URL('./samples/faces/run-lengths.webp', import.meta.url),
  'samples/digits/sprites.png': () => new URL('./samples/digits/sprites.png', import.meta.url),
  'samples/digits/model.safetensors': () =>
    new URL('./samples/digits/model.safetensors', import.meta.url),
  'samples/sprites/sprites.png': () => new URL('./samples/sprites/sprites.png', import.meta.url),
  'samples/sprites/model.safetensors': () =>
    new URL('./samples/sprites/model.safetensors', import.meta.url),
  'fonts/stix-two-math.woff2': () => new URL('./fonts/stix-two-math.woff2', import.meta.url),
};

/** @type {string | undefined} */
let base;

/**
 * Where the files come from one by one, if they lie in no folder.
 * @typedef {object} AssetSource
 * @property {Record<string, string>} addresses of files that are not fetched but named: the
 *   worker's script and the sheets of the bundled sets
 * @property {(name: string) => Promise<Response>} fetch
 */

/** @type {AssetSource | undefined} */
let source;

/** @param {AssetSource | undefined} given */
export function setAssetSource(given) {
  source = given;
}

/**
 * Says where the package's files were copied to, for bundlers that leave `new URL` alone. It holds
 * for whatever is fetched from then on, by all labs and elements of the page.
 *
 * @param {string | URL} path a folder, relative to the page if it is no whole address
 */
export function setBasePath(path) {
  base = String(path).replace(/\/?$/, '/');
}

/** The address of the package's script, for a tag that loads it on another page. */
export function scriptAddress() {
  // In a notebook there is none.
  if (source) return 'unnoise.js';
  const folder = new URL('.', assetAddress('worker.js'));
  return new URL('unnoise.js', folder).href;
}

/**
 * @param {string} name of a file, relative to the package
 * @returns {URL}
 */
export function assetAddress(name) {
  const given = source?.addresses[name];
  if (given) return new URL(given);
  const find = FILES[name];
  if (!find) throw new Error(`The package has no file ${name}.`);
  // Turbopack's `new URL` gives a path of the page's origin, and no address.
  const address = base ? base + name : find().href;
  return new URL(address, globalThis.document?.baseURI);
}

/**
 * @param {string} name of a file, relative to the package
 * @param {RequestInit} [options]
 */
export function fetchAsset(name, options) {
  return source ? source.fetch(name) : fetch(assetAddress(name), options);
}

// The variant in one file, unnoise.single.js: the script, the worker, the wasm for the CPU, the
// bundled sets, the font of formulas. For places that take one file and no more.
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

/** What is in it, by the names that web/lib/assets.js has for them. */
const ASSETS = {
  'cpu/unnoise_bg.wasm': 'application/wasm',
  'samples/faces/sprites.png': 'image/png',
  'samples/faces/model.safetensors': 'application/octet-stream',
  'samples/faces/run-lengths.webp': 'image/webp',
  'samples/digits/sprites.png': 'image/png',
  'samples/digits/model.safetensors': 'application/octet-stream',
  'samples/sprites/sprites.png': 'image/png',
  'samples/sprites/model.safetensors': 'application/octet-stream',
  'fonts/stix-two-math.woff2': 'font/woff2',
  'worker.js': 'text/javascript',
};

/**
 * In place of web/lib/assets.js.
 * @param {string} folder that has been built
 */
const inlined = (folder) => ({
  name: 'inlined',
  setup({ onLoad }) {
    onLoad({ filter: /web\/lib\/assets\.js$/ }, async () => {
      const files = await Promise.all(
        Object.entries(ASSETS).map(async ([name, type]) => {
          const bytes = gzipSync(await readFile(`${folder}/${name}`), { level: 9 });
          return [name, { type, text: bytes.toString('base64') }];
        }),
      );
      return {
        resolveDir: 'web/lib',
        contents: `import { gunzipSync } from 'fflate';
          const files = new Map(${JSON.stringify(files)});
          // This variant has one build for the CPU, which every browser runs.
          files.set('cpu-relaxed/unnoise_bg.wasm', files.get('cpu/unnoise_bg.wasm'));
          const addresses = new Map();
          export const setBasePath = () => {};
          export const scriptAddress = () => import.meta.url;
          export function assetAddress(name) {
            const file = files.get(name);
            if (!file) throw new Error('This variant of the package has no file ' + name + '.');
            if (!addresses.has(name)) {
              const packed = Uint8Array.from(atob(file.text), (one) => one.charCodeAt(0));
              const blob = new Blob([gunzipSync(packed)], { type: file.type });
              addresses.set(name, URL.createObjectURL(blob));
            }
            return new URL(addresses.get(name));
          }
          export const fetchAsset = (name, options) => fetch(assetAddress(name), options);`,
      };
    });
  },
});

/**
 * @param {import('esbuild').BuildOptions} shared with the other builds
 * @param {string} folder that has been built, and gets the file
 */
export const buildSingle = (shared, folder) =>
  build({
    ...shared,
    entryPoints: { 'unnoise.single': 'web/index.js' },
    sourcemap: false,
    plugins: [...(shared.plugins ?? []), inlined(folder)],
  });

/** Style sheets are bundled as text. */
declare module '*.css' {
  const text: string;
  export default text;
}

/** What wasm-bindgen writes beside a build's wasm, bundled by scripts/build-web.mjs. */
declare module 'bindings/*' {
  type Bindings = import('./worker/bindings.js').Bindings;
  export const Engine: Bindings['Engine'];
  export const selfTest: Bindings['selfTest'];
  const init: Bindings['default'];
  export default init;
}

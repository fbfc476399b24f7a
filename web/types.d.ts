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

declare module 'gifenc' {
  type Palette = number[][];
  interface Encoder {
    writeFrame(
      index: Uint8Array,
      width: number,
      height: number,
      options: {
        palette: Palette;
        delay: number;
        transparent?: boolean;
        transparentIndex?: number;
        /** What becomes of the frame before the next is drawn. */
        dispose?: number;
      },
    ): void;
    finish(): void;
    bytes(): Uint8Array;
  }
  export function GIFEncoder(): Encoder;
  export function quantize(rgba: Uint8ClampedArray, maxColors: number): Palette;
  export function applyPalette(rgba: Uint8ClampedArray, palette: Palette): Uint8Array;
}

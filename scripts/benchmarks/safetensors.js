// Just enough of safetensors for what the contenders start from; used by Node and in the browser.

/** @typedef {{ shape: number[], values: Float32Array }} Tensor */

/** @param {number} bits of a half-precision number */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * 2 ** -24 * fraction;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

/** @param {ArrayBuffer} buffer */
export function header(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const text = new TextDecoder().decode(new Uint8Array(buffer, 8, length));
  return { length, json: JSON.parse(text) };
}

/**
 * @param {ArrayBuffer} buffer of F32 and F16 tensors
 * @returns {Record<string, Tensor>}
 */
export function tensors(buffer) {
  const { length, json } = header(buffer);
  delete json.__metadata__;
  return Object.fromEntries(
    Object.entries(json).map(([name, { dtype, shape, data_offsets }]) => {
      const bytes = buffer.slice(
        ...data_offsets.map((/** @type {number} */ at) => 8 + length + at),
      );
      const values =
        dtype === 'F32'
          ? new Float32Array(bytes)
          : Float32Array.from(new Uint16Array(bytes), (bits) => half(bits));
      return [name, { shape, values }];
    }),
  );
}

/**
 * The same file with other metadata.
 * @param {ArrayBuffer} buffer
 * @param {(metadata: Record<string, string>) => void} change
 */
export function withMetadata(buffer, change) {
  const { length, json } = header(buffer);
  change(json.__metadata__);
  const text = new TextEncoder().encode(JSON.stringify(json));
  const result = new Uint8Array(8 + text.length + buffer.byteLength - 8 - length);
  new DataView(result.buffer).setBigUint64(0, BigInt(text.length), true);
  result.set(text, 8);
  result.set(new Uint8Array(buffer, 8 + length), 8 + text.length);
  return result;
}

/**
 * The description of the training in a checkpoint's file (safetensors): eight bytes with the length
 * of a JSON header, that header, and the tensors.
 */

/** @param {Uint8Array} bytes */
function read(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  return { header, tensors: bytes.subarray(8 + length) };
}

/**
 * @param {Uint8Array} bytes
 * @returns {number | undefined}
 */
export function learningRateOf(bytes) {
  const { training } = read(bytes).header.__metadata__ ?? {};
  return training && JSON.parse(training).learning_rate;
}

/**
 * The same checkpoint, to be trained on with another learning rate.
 * @param {Uint8Array} bytes
 * @param {number} rate
 */
export function withLearningRate(bytes, rate) {
  const { header, tensors } = read(bytes);
  const metadata = header.__metadata__;
  const training = JSON.stringify({ ...JSON.parse(metadata.training), learning_rate: rate });
  const changed = { ...header, __metadata__: { ...metadata, training } };
  const encoded = new TextEncoder().encode(JSON.stringify(changed));
  // Tensors begin at a multiple of eight bytes; spaces lead there.
  const length = Math.ceil(encoded.length / 8) * 8;
  const whole = new Uint8Array(8 + length + tensors.length).fill(32, 0, 8 + length);
  new DataView(whole.buffer).setBigUint64(0, BigInt(length), true);
  whole.set(encoded, 8);
  whole.set(tensors, 8 + length);
  return whole;
}

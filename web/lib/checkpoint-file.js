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
 * How the model was trained; nothing where the file does not say.
 * @param {Uint8Array} bytes
 * @returns {Record<string, unknown> | undefined}
 */
export function trainingOf(bytes) {
  const { training } = read(bytes).header.__metadata__ ?? {};
  return training && JSON.parse(training);
}

/**
 * The same checkpoint, to be trained on in another way.
 * @param {Uint8Array} bytes
 * @param {Record<string, unknown>} changes settings of the training
 */
export function withTraining(bytes, changes) {
  const { header, tensors } = read(bytes);
  const metadata = header.__metadata__;
  const training = JSON.stringify({ ...JSON.parse(metadata.training), ...changes });
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

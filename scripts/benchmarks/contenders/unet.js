// diffusers' `UNet2DModel` with block_out_channels 32, 64, 64, one layer per block and no
// attention, once for every library in JavaScript.

/**
 * What a library must bring. Each looks up its own parameters by the name of the layer.
 * @template T
 * @typedef {object} Operations
 * @property {(x: T, name: string, stride?: number) => T} conv padded by half the kernel
 * @property {(x: T, name: string) => T} linear
 * @property {(x: T, name: string) => T} normSilu group norm of 8 groups, ε = 1e-5, then SiLU
 * @property {(x: T) => T} silu
 * @property {(a: T, b: T) => T} add
 * @property {(x: T, time: T) => T} addTime adds `[n, c]` to every pixel
 * @property {(a: T, b: T) => T} concat along the channels
 * @property {(x: T) => T} upsample nearest neighbour, twice the size
 */

const LEVELS = 3;
/** Blocks whose input and output widths differ carry the input across by a 1×1 convolution. */
const SHORTCUT = /^up_blocks|^down_blocks\.1/;

/**
 * @template T
 * @param {Operations<T>} ops
 * @param {T} x the noised images
 * @param {T} embedding of their timesteps
 * @returns {T} the predicted noise
 */
export function unet(ops, x, embedding) {
  const hidden = ops.silu(ops.linear(embedding, 'time_embedding.linear_1'));
  const time = ops.silu(ops.linear(hidden, 'time_embedding.linear_2'));

  const resnet = (/** @type {T} */ x, /** @type {string} */ name) => {
    let h = ops.conv(ops.normSilu(x, `${name}.norm1`), `${name}.conv1`);
    h = ops.addTime(h, ops.linear(time, `${name}.time_emb_proj`));
    h = ops.conv(ops.normSilu(h, `${name}.norm2`), `${name}.conv2`);
    return ops.add(h, SHORTCUT.test(name) ? ops.conv(x, `${name}.conv_shortcut`) : x);
  };

  let h = ops.conv(x, 'conv_in');
  const skips = [h];
  for (let level = 0; level < LEVELS; level++) {
    h = resnet(h, `down_blocks.${level}.resnets.0`);
    skips.push(h);
    if (level === LEVELS - 1) continue;
    h = ops.conv(h, `down_blocks.${level}.downsamplers.0.conv`, 2);
    skips.push(h);
  }
  h = resnet(h, 'mid_block.resnets.0');
  h = resnet(h, 'mid_block.resnets.1');
  for (let level = 0; level < LEVELS; level++) {
    for (const layer of [0, 1]) {
      const skip = /** @type {T} */ (skips.pop());
      h = resnet(ops.concat(h, skip), `up_blocks.${level}.resnets.${layer}`);
    }
    if (level === LEVELS - 1) continue;
    h = ops.conv(ops.upsample(h), `up_blocks.${level}.upsamplers.0.conv`);
  }
  return ops.conv(ops.normSilu(h, 'conv_norm_out'), 'conv_out');
}

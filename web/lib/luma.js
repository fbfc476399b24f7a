/**
 * How bright a colour of sRGB is: the luma of ITU-R BT.709, whose primaries sRGB has, in the unit of its
 * channels.
 * @param {ArrayLike<number>} rgb
 * @param {number} [at] of the red one
 */
export const luma = (rgb, at = 0) => 0.2126 * rgb[at] + 0.7152 * rgb[at + 1] + 0.0722 * rgb[at + 2];

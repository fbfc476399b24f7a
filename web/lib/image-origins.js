/**
 * Where images came from, so that they can be cropped anew: the file, and what was cut out of it.
 * Those of an earlier visit and of bundled sets have none.
 *
 * @import { MasterImage } from './decode-images.js'
 *
 * @typedef {{ x: number, y: number, side: number }} Square its corner as a share of the width and the
 *   height, its side as a share of the shorter of both
 * @typedef {'centre' | 'whole' | Square} Crop the central square, all of the picture on a square, or
 *   a part of it
 *
 * @typedef {object} Origin
 * @property {Blob & { name?: string }} file
 * @property {Crop} crop
 * @property {boolean} transparent whether the file's image has transparent parts
 */

/** @type {WeakMap<MasterImage, Origin>} */
const origins = new WeakMap();

/** @param {MasterImage} image */
export const originOf = (image) => origins.get(image);

/**
 * @param {MasterImage} image
 * @param {Origin} origin
 */
export const noteOrigin = (image, origin) => void origins.set(image, origin);

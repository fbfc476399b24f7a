import { PNG } from 'pngjs';

/**
 * A square picture: RGB bytes, or one grey byte a pixel.
 * @typedef {Uint8Array} Tile
 */

/**
 * Lays tiles out row by row, without gaps, and encodes them as one PNG.
 *
 * @param {Tile[]} tiles all of one size; RGB or grey is told from their length
 * @param {number} side of a tile in pixels
 * @param {number} columns
 * @returns {Buffer}
 */
export function encodeSheet(tiles, side, columns) {
  const channels = tiles[0].length / (side * side);
  const width = side * columns;
  const height = side * Math.ceil(tiles.length / columns);
  const pixels = Buffer.alloc(width * height * channels, 255);
  tiles.forEach((tile, i) => {
    const left = (i % columns) * side;
    const top = Math.floor(i / columns) * side;
    for (let y = 0; y < side; y++) {
      const row = tile.subarray(y * side * channels, (y + 1) * side * channels);
      pixels.set(row, ((top + y) * width + left) * channels);
    }
  });
  return encode(pixels, width, height, channels);
}

/**
 * @param {Buffer} pixels
 * @param {number} width
 * @param {number} height
 * @param {number} channels 3 or 1
 */
function encode(pixels, width, height, channels) {
  const colorType = channels === 3 ? 2 : 0;
  const image = Object.assign(new PNG({ width, height }), { data: pixels });
  const settings = {
    colorType,
    inputColorType: colorType,
    inputHasAlpha: false,
    deflateLevel: 9,
    // The plain strategy; pngjs's default finds no repeats, and tiles repeat a lot.
    deflateStrategy: 0,
  };
  // Which filter packs best depends on the pictures: none for flat ones, adaptive for others.
  const tries = [0, 1, 4, -1].map((filterType) =>
    PNG.sync.write(image, { ...settings, filterType }),
  );
  return tries.reduce((best, next) => (next.length < best.length ? next : best));
}

/**
 * The tiles of a sheet as separate pictures.
 *
 * @param {Buffer} file
 * @param {number} side of a tile in pixels
 * @param {number} count
 * @returns {Buffer[]} one PNG file a tile
 */
export function cutSheet(file, side, count) {
  const sheet = PNG.sync.read(file);
  const columns = sheet.width / side;
  return Array.from({ length: count }, (_, i) => {
    const tile = new PNG({ width: side, height: side });
    const left = (i % columns) * side;
    const top = Math.floor(i / columns) * side;
    PNG.bitblt(sheet, tile, left, top, side, side, 0, 0);
    return PNG.sync.write(tile, { colorType: 2 });
  });
}

/**
 * Faces, where the browser finds them itself (the Shape Detection API): nothing is fetched for it.
 *
 * @import { Square } from './image-origins.js'
 *
 * @typedef {{ boundingBox: DOMRectReadOnly }} Face
 * @typedef {new (options: { maxDetectedFaces: number }) =>
 *   { detect: (picture: ImageBitmapSource) => Promise<Face[]> }} Detector
 */

/** A head is larger than the face in it. */
const MARGIN = 1.6;

const Detector = /** @type {{ FaceDetector?: Detector }} */ (globalThis).FaceDetector;

/**
 * The square around the largest face; undefined where there is none. Undefined itself where the
 * browser finds no faces.
 */
export const findFace = Detector
  ? async (/** @type {ImageBitmap | HTMLCanvasElement} */ picture) => {
      try {
        return squareAround(await new Detector({ maxDetectedFaces: 8 }).detect(picture), picture);
      } catch {
        // Some browsers have it by name, and no detector behind it.
        return undefined;
      }
    }
  : undefined;

/**
 * @param {Face[]} faces
 * @param {{ width: number, height: number }} picture
 * @returns {Square | undefined}
 */
function squareAround(faces, { width, height }) {
  const [largest] = faces
    .map(({ boundingBox }) => boundingBox)
    .sort((a, b) => b.width * b.height - a.width * a.height);
  if (!largest) return undefined;
  const side = MARGIN * Math.max(largest.width, largest.height);
  return {
    x: (largest.x + largest.width / 2 - side / 2) / width,
    y: (largest.y + largest.height / 2 - side / 2) / height,
    side: side / Math.min(width, height),
  };
}

import { drawTiles, gridColumns } from './canvas.js';
import { LabError, throwIfAborted } from './errors.js';
import { msg } from './localize.js';

/**
 * Films by the browser's own encoders (WebCodecs); what writes their files is loaded once one is
 * asked for.
 *
 * @import { GifFrame, Making } from './gif.js'
 *
 * @typedef {object} Format
 * @property {'.mp4' | '.webm'} ending
 * @property {string} type
 * @property {string} codec as WebCodecs has it
 * @property {string} track as the file's format has it
 */

/**
 * What is played in most places first. H.264 by its baseline profile, which has frames in the order in
 * which they are shown: others may come out of order, and the file would have to say how.
 * @type {Format[]}
 */
const FORMATS = [
  { ending: '.mp4', type: 'video/mp4', codec: 'avc1.42e028', track: 'avc' },
  { ending: '.webm', type: 'video/webm', codec: 'vp09.00.31.08', track: 'V_VP9' },
  { ending: '.webm', type: 'video/webm', codec: 'vp8', track: 'V_VP8' },
];
/** Pixels with hard edges need more bits than films of the world. */
const BITS_PER_SECOND = 12e6;
/** Frames between two that stand alone, where a player can jump to. */
const KEY_EVERY = 30;
/** How many frames an encoder may be behind. */
const MAX_QUEUE = 4;

export const canFilm = typeof VideoEncoder === 'function' && typeof VideoFrame === 'function';

/**
 * @param {GifFrame[]} frames all of one size
 * @param {{ scale: number, delayMs: number, lastMs: number, gap: string } & Making} options how much larger
 *   than the images, how long a frame and the last one stand, and the colour between the tiles
 * @returns {Promise<{ film: Blob, ending: string }>}
 */
export async function encodeFilm(frames, { scale, delayMs, lastMs, gap, signal, told }) {
  const canvas = document.createElement('canvas');
  const stage = stageFor(frames[0], scale);
  const format = await formatFor(stage);
  const { muxer, bytes } = await muxerFor(format, stage);
  /** @type {unknown} */
  let failure;
  const encoder = new VideoEncoder({
    output: (chunk, meta) => {
      try {
        muxer.addVideoChunk(chunk, meta);
      } catch (error) {
        failure ??= error;
      }
    },
    error: (error) => (failure = error),
  });
  encoder.configure(configFor(format, stage));
  // The last frame again at the end, so that it stands for as long as it should.
  const shown = [...frames, frames[frames.length - 1]];
  for (const [index, frame] of shown.entries()) {
    if (signal?.aborted) encoder.close();
    throwIfAborted(signal);
    told?.(index / shown.length);
    const last = index === frames.length;
    const begins = last ? (index - 1) * delayMs + lastMs : index * delayMs;
    paint(canvas, stage, { frame, scale, gap });
    const picture = new VideoFrame(stage, { timestamp: begins * 1000, duration: delayMs * 1000 });
    encoder.encode(picture, { keyFrame: index % KEY_EVERY === 0 });
    picture.close();
    while (encoder.encodeQueueSize > MAX_QUEUE && !failure) {
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
  }
  await encoder.flush();
  encoder.close();
  if (failure) throw failure;
  muxer.finalize();
  return { film: new Blob([bytes()], { type: format.type }), ending: format.ending };
}

/**
 * Encoders take even sides only.
 * @param {GifFrame} frame
 * @param {number} scale
 */
function stageFor(frame, scale) {
  const canvas = document.createElement('canvas');
  drawTiles(canvas, frame.rgb, frame.count, frame.size, gridColumns(frame.count));
  const even = (/** @type {number} */ length) => 2 * Math.ceil((length * scale) / 2);
  return new OffscreenCanvas(even(canvas.width), even(canvas.height));
}

/**
 * @param {HTMLCanvasElement} canvas for the tiles, pixel by pixel
 * @param {OffscreenCanvas} stage
 * @param {{ frame: GifFrame, scale: number, gap: string }} shown
 */
function paint(canvas, stage, { frame, scale, gap }) {
  drawTiles(canvas, frame.rgb, frame.count, frame.size, gridColumns(frame.count));
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (stage.getContext('2d'));
  context.fillStyle = gap;
  context.fillRect(0, 0, stage.width, stage.height);
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, 0, 0, canvas.width * scale, canvas.height * scale);
}

/**
 * @param {Format} format
 * @param {{ width: number, height: number }} size
 * @returns {VideoEncoderConfig}
 */
const configFor = ({ codec, track }, { width, height }) => ({
  codec,
  width,
  height,
  bitrate: BITS_PER_SECOND,
  ...(track === 'avc' ? { avc: { format: 'avc' } } : {}),
});

/** @param {{ width: number, height: number }} size */
async function formatFor(size) {
  for (const format of FORMATS) {
    const { supported } = await VideoEncoder.isConfigSupported(configFor(format, size));
    if (supported) return format;
  }
  const message = msg('This browser can encode no film. Save a GIF instead.');
  throw new LabError('not-found', message);
}

/**
 * @param {Format} format
 * @param {{ width: number, height: number }} size
 */
async function muxerFor({ ending, track }, { width, height }) {
  if (ending === '.mp4') {
    const { ArrayBufferTarget, Muxer } = await import('mp4-muxer');
    const target = new ArrayBufferTarget();
    const video = { codec: /** @type {'avc'} */ (track), width, height };
    const muxer = new Muxer({ target, video, fastStart: 'in-memory' });
    return { muxer, bytes: () => target.buffer };
  }
  const { ArrayBufferTarget, Muxer } = await import('webm-muxer');
  const target = new ArrayBufferTarget();
  const muxer = new Muxer({ target, video: { codec: track, width, height } });
  return { muxer, bytes: () => target.buffer };
}

/**
 * Draws points in the plane on a canvas: the data, arrows, ways, and the cloud between two frames.
 *
 * @import { Scene } from '../element/plane.js'
 *
 * @typedef {object} PlanePicture
 * @property {Scene | undefined} scene
 * @property {Float32Array} data x and y of each point that is learnt from
 * @property {number} extent how far from its middle the plane is seen
 * @property {number} ways how many points' ways are drawn
 * @property {number} progress from 0 to 1
 *
 * @typedef {(name: string) => string} Colour of the theme, by its name
 */

/** How arrows are drawn. @param {Colour} colour @param {number} unit */
const usual = (colour, unit) => ({
  colour: colour('--noise'),
  width: Math.max(1, 0.8 * unit),
  alpha: 0.55,
});
/** What is compared with. @param {Colour} colour @param {number} unit */
const broad = (colour, unit) => ({ colour: colour('--noise'), width: 4 * unit, alpha: 0.4 });
/** What is compared. @param {Colour} colour @param {number} unit */
const thin = (colour, unit) => ({
  colour: colour('--accent'),
  width: Math.max(1, unit),
  alpha: 0.9,
});

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} side of the canvas, in pixels
 * @param {PlanePicture} picture
 * @param {Colour} colour
 */
export function drawPlane(context, side, { scene, data, extent, ways, progress }, colour) {
  const scale = side / (2 * extent);
  const unit = side / 480;
  const x = (/** @type {number} */ value) => side / 2 + value * scale;
  const y = (/** @type {number} */ value) => side / 2 - value * scale;
  context.clearRect(0, 0, side, side);
  if (scene?.field) {
    const { field, compared } = scene;
    // What is claimed is drawn on what is measured: where they are one, each arrow has an edge.
    if (compared) drawField(context, side, compared.values, field, progress, broad(colour, unit));
    const stroke = compared ? thin(colour, unit) : usual(colour, unit);
    drawField(context, side, field.arrows, field, progress, stroke, compared?.values);
  }
  context.fillStyle = colour('--text');
  context.globalAlpha = 0.22;
  dots(context, data.length / 2, 1.5 * unit, (i) => [x(data[2 * i]), y(data[2 * i + 1])]);
  if (!scene) {
    context.globalAlpha = 1;
    return;
  }
  const { count, times } = scene;
  const last = times.length - 1;
  const at = progress * last;
  const from = Math.min(Math.floor(at), last);
  const to = Math.min(from + 1, last);
  const share = at - from;
  const draw = (
    /** @type {Float32Array} */ points,
    /** @type {Stroke} */ stroke,
    /** @type {number} */ radius,
  ) => {
    const place = (/** @type {number} */ i) => {
      const [a, b] = [2 * (from * count + i), 2 * (to * count + i)];
      const px = points[a] + share * (points[b] - points[a]);
      const py = points[a + 1] + share * (points[b + 1] - points[a + 1]);
      return /** @type {[number, number]} */ ([x(px), y(py)]);
    };
    use(context, stroke);
    context.lineJoin = 'round';
    context.beginPath();
    for (let i = 0; i < Math.min(ways, count); i++) {
      for (let frame = 0; frame <= from; frame++) {
        const k = 2 * (frame * count + i);
        if (frame === 0) context.moveTo(x(points[k]), y(points[k + 1]));
        else context.lineTo(x(points[k]), y(points[k + 1]));
      }
      context.lineTo(...place(i));
    }
    context.stroke();
    context.fillStyle = stroke.colour;
    context.globalAlpha = count > 600 ? 0.75 : 0.9;
    dots(context, count, radius * unit, place);
  };
  const radius = count > 600 ? 1.5 : 2;
  const line = { colour: colour('--accent'), width: Math.max(1, 0.9 * unit), alpha: 0.34 };
  if (scene.kind === 'claim-4' && scene.compared) {
    draw(scene.compared.values, broad(colour, unit), 2 * radius);
    draw(scene.points, thin(colour, unit), radius);
  } else draw(scene.points, line, radius);
  context.globalAlpha = 1;
}

/**
 * @typedef {{ colour: string, width: number, alpha: number }} Stroke
 */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Stroke} stroke
 */
function use(context, { colour, width, alpha }) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.globalAlpha = alpha;
}

/**
 * Squares: a thousand circles take a path several times as long.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {number} count
 * @param {number} radius
 * @param {(i: number) => [number, number]} place
 */
function dots(context, count, radius, place) {
  const size = Math.max(1.5, 2 * radius);
  for (let i = 0; i < count; i++) {
    const [px, py] = place(i);
    context.fillRect(px - size / 2, py - size / 2, size, size);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} side
 * @param {Float32Array} arrows
 * @param {NonNullable<Scene['field']>} field that they are of
 * @param {number} progress
 * @param {Stroke} stroke
 * @param {Float32Array} [scaledAs] the arrows whose size is that of these, if not their own
 */
function drawField(context, side, arrows, field, progress, stroke, scaledAs = arrows) {
  const { side: cells, extent, frames } = field;
  const size = 2 * cells * cells;
  const frame = Math.round(progress * (frames - 1));
  const of = (/** @type {Float32Array} */ all) => all.subarray(frame * size, (frame + 1) * size);
  const values = of(arrows);
  let squares = 0;
  for (const value of of(scaledAs)) squares += value * value;
  // Twice the root mean square is the longest arrow.
  const longest = 2 * Math.sqrt(squares / (cells * cells)) || 1;
  const cell = side / (cells - 1);
  const unit = side / 480;
  use(context, stroke);
  context.beginPath();
  for (let i = 0; i < cells * cells; i++) {
    const [vx, vy] = [values[2 * i], values[2 * i + 1]];
    const length = Math.hypot(vx, vy);
    if (!(length > 1e-3 * longest)) continue;
    const drawn = (0.85 * cell * Math.min(1, length / longest)) / length;
    const place = (/** @type {number} */ k) => extent * ((2 * k) / (cells - 1) - 1);
    const sx = side / 2 + (place(i % cells) * side) / (2 * extent);
    const sy = side / 2 - (place(Math.floor(i / cells)) * side) / (2 * extent);
    const [dx, dy] = [vx * drawn, -vy * drawn];
    const [ex, ey] = [sx + dx, sy + dy];
    context.moveTo(sx, sy);
    context.lineTo(ex, ey);
    // The head, a third of the arrow and at most a few pixels.
    const head = Math.min(1 / 3, (4 * unit) / Math.hypot(dx, dy));
    context.moveTo(ex - head * (dx - 0.6 * dy), ey - head * (dy + 0.6 * dx));
    context.lineTo(ex, ey);
    context.lineTo(ex - head * (dx + 0.6 * dy), ey - head * (dy - 0.6 * dx));
  }
  context.stroke();
  context.globalAlpha = 1;
}

/**
 * Original 16x16 pixel-art creatures from a seed.
 *
 * A creature is a mirrored body with a few independent parts (head gear, limbs, eyes, mouth,
 * markings) in one of a dozen palettes. Every part has only a handful of forms, and all creatures
 * stand on the same ground line in light from straight above: varied to look at, and yet regular
 * enough that a tiny model can recombine the parts.
 */

export const SIDE = 16;

/** The last row of feet; one more is left for the outline. */
const FLOOR = 13;

/** @typedef {[number, number, number]} Colour RGB bytes, or in palettes hue, saturation, lightness */

/** @type {Colour[]} */
const PALETTES = [
  [2, 74, 60],
  [22, 88, 59],
  [42, 92, 57],
  [82, 56, 51],
  [140, 48, 48],
  [172, 58, 46],
  [200, 78, 56],
  [224, 72, 62],
  [256, 58, 65],
  [286, 48, 60],
  [326, 68, 66],
  [24, 34, 50],
];

/** Colours that no palette changes. @type {Record<string, Colour>} */
const FIXED = {
  w: [255, 255, 255], // eyes and teeth
  k: [38, 28, 52], // pupils and mouths
  r: [226, 76, 96], // tongue
  o: [255, 140, 150], // blush
  h: [222, 196, 150], // horn
  H: [250, 236, 208],
  y: [240, 178, 40], // gold
  Y: [255, 222, 96],
  g: [64, 140, 60], // leaf
  v: [98, 190, 74],
  V: [160, 224, 104],
};

/**
 * Parts are drawn as the right half of a mirrored picture: the first letter of a line is beside the
 * middle line, later ones lie outwards. Letters are those of FIXED, or tones of the creature:
 * n line, d dark, b base, l light, and L and B the light and base of its second colour.
 */
const GEAR = {
  // rise: how many of the lines stand above the body
  none: { rise: 0, lines: [] },
  horns: { rise: 2, lines: ['    H', '   H', '  hh'] },
  ears: { rise: 2, lines: ['    l', '   bl', '   bb', '   bb'] },
  round: { rise: 1, lines: ['   bb', '   bL', '   bb'] },
  antennae: { rise: 3, lines: ['  LB', '  n', ' n'] },
  sprout: { rise: 3, lines: ['  V', ' vv', 'g'] },
  spikes: { rise: 2, lines: ['L', 'B L', '  B L'] },
  crown: { rise: 3, lines: ['  Y', 'Y Y', 'yyy'] },
};

/** Drawn outwards from the side of the body, the last line at `drop` rows below its middle. */
const ARMS = {
  none: { drop: 0, lines: [] },
  stubs: { drop: 1, lines: ['d'] },
  raised: { drop: 0, lines: ['b', 'b', 'd'] },
  wings: { drop: 0, lines: [' L', 'LB', 'B'] },
};

/** The first line is one row above the eye line. */
const EYES = {
  pair: ['', ' kw', ' kw'],
  big: [' ww', ' kkw', ' kkw'],
  dots: ['', '  k', '  k', '   o'],
  cyclops: ['ww', 'kww', 'kww', 'ww'],
  sleepy: ['', ' nnn', ' kw'],
  angry: ['  nn', ' nww', ' kkw'],
};

const MOUTHS = {
  smile: ['  k', 'kk'],
  flat: ['kk'],
  open: ['kk', 'r'],
  fangs: ['kkk', ' w'],
  small: ['k'],
};

/** Rows between the body and the ground. */
const LEGS = { none: 0, feet: 1, tall: 2, tentacles: 2 };

/**
 * Half the width of the body at t, 0 at its top and 1 at its bottom.
 * @type {Record<string, (t: number, half: number) => number>}
 */
const BODIES = {
  ball: (t, half) => half * Math.sqrt(1 - (2 * t - 1) ** 2) + 0.35,
  box: (t, half) => half * (1 - Math.abs(2 * t - 1) ** 5) ** 0.2,
  dome: (t, half) => half * Math.sqrt(1 - (1 - Math.min(1, t * 1.5)) ** 2) + 0.2,
  drop: (t, half) => half * Math.sqrt(Math.sin(Math.PI * t ** 1.5)) + 0.3,
  jelly: (t, half) =>
    half * (t < 0.5 ? Math.sqrt(1 - (1 - 2 * t) ** 2) : 1 - (t - 0.5) * 0.35) + 0.3,
};

/**
 * @param {number} count
 * @returns {import('./sheet.mjs').Tile[]} RGB on white, no two alike
 */
export function makeCreatures(count) {
  /** @type {Map<string, import('./sheet.mjs').Tile>} */
  const tiles = new Map();
  for (let seed = 0; tiles.size < count; seed++) {
    const tile = creature(seed);
    tiles.set(tile.join(), tile);
  }
  return [...tiles.values()];
}

/** @param {number} seed */
function creature(seed) {
  const { int, pick } = random(seed);
  const skin = tones(pick(PALETTES));
  const second = tones(pick(PALETTES));
  const colours = { ...FIXED, ...skin, L: second.l, B: second.b };

  const legs = pick(['none', 'feet', 'feet', 'tall', 'tentacles']);
  const gear = GEAR[pick(Object.keys(GEAR))];
  const arms = pick(['none', 'none', 'stubs', 'raised', 'wings']);
  const shape = BODIES[pick(Object.keys(BODIES))];
  const marking = pick(['none', 'belly', 'belly', 'spots', 'stripes']);
  const eyes = pick(['pair', 'pair', 'big', 'big', 'dots', 'cyclops', 'sleepy', 'angry']);
  const mouth = MOUTHS[pick(Object.keys(MOUTHS))];

  // Room for the head gear and the outline above it; wings need a column more than other arms.
  const bottom = FLOOR - LEGS[legs];
  const height = Math.min(int(8, 10), bottom - gear.rise);
  const half = arms === 'wings' ? 5 : int(5, 6);
  const top = bottom - height + 1;
  const widths = Array.from({ length: height }, (_, y) =>
    Math.max(1, Math.round(shape((y + 0.5) / height, half))),
  );
  const side = Math.max(...widths);

  const canvas = new Canvas(colours);
  // Limbs and head gear first: the body covers where they join it.
  drawLegs(canvas, legs, widths[height - 1], bottom + 1);
  const { drop, lines } = ARMS[arms];
  canvas.stamp(side, top + Math.round(height * 0.55) + drop - lines.length + 1, lines);
  canvas.stamp(0, top - gear.rise, gear.lines);

  widths.forEach((width, y) => {
    for (let x = 0; x < width; x++) canvas.put(x, top + y, bodyTone(x, y, side, height, marking));
  });

  const eyeRow = top + Math.max(2, Math.round(height * 0.32));
  canvas.stamp(0, eyeRow - 1, EYES[eyes]);
  const mouthRow = eyeRow + (eyes === 'cyclops' ? 4 : 3);
  canvas.stamp(0, Math.min(mouthRow, bottom - 1), mouth);

  return canvas.outlined(skin.n);
}

/**
 * @param {Canvas} canvas
 * @param {string} legs
 * @param {number} width half the width of the body where the legs start
 * @param {number} row where they start
 */
function drawLegs(canvas, legs, width, row) {
  if (legs === 'tentacles') {
    for (let x = 0; x < width; x += 2) {
      const end = x % 4 === 0 ? FLOOR : FLOOR - 1;
      for (let y = row; y <= end; y++) canvas.put(x, y, 'd');
    }
  } else {
    const at = Math.max(1, Math.min(width - 2, 3));
    for (let y = row; y <= FLOOR; y++) canvas.stamp(at, y, ['dd']);
  }
}

/**
 * The tone of the body: a rounded thing in light from above, with markings.
 * @returns {string} a letter of the colours
 */
function bodyTone(x, y, side, height, marking) {
  const u = x / (side - 0.5);
  const v = (2 * y + 1) / height - 1;
  const belly = (x / (side * 0.62)) ** 2 + ((v - 0.62) / 0.62) ** 2 < 1;
  if (marking === 'belly' && belly) return v > 0.75 ? 'l' : 'p';
  if (marking === 'stripes' && x > side - 4 && y % 3 === 1) return 'd';
  const spot =
    y === 1 ? x === 1 || x === 4 : (y === height - 2 && x === 4) || (y === height - 1 && x === 2);
  if (marking === 'spots' && spot) return 'd';
  const light = 0.1 - v * 0.85 - u * u * 0.55;
  return light > 0.42 ? 'l' : light < -0.62 ? 'd' : 'b';
}

/** A mirrored drawing on nothing. */
class Canvas {
  /** @type {(Colour | undefined)[]} */
  #pixels = new Array(SIDE * SIDE);
  #colours;

  /** @param {Record<string, Colour>} colours by letter */
  constructor(colours) {
    this.#colours = colours;
  }

  /** Paints a pixel and its mirror image; x counts outwards from the middle line. */
  put(x, y, letter) {
    const middle = SIDE / 2;
    this.#pixels[y * SIDE + middle + x] = this.#colours[letter];
    this.#pixels[y * SIDE + middle - 1 - x] = this.#colours[letter];
  }

  /** @param {number} x @param {number} y @param {string[]} lines */
  stamp(x, y, lines) {
    lines.forEach((line, j) => {
      [...line].forEach((letter, i) => letter !== ' ' && this.put(x + i, y + j, letter));
    });
  }

  /**
   * The picture on white; an outline around everything ties the parts together.
   * @param {Colour} line
   */
  outlined(line) {
    const at = (x, y) => (x < 0 || x >= SIDE ? undefined : this.#pixels[y * SIDE + x]);
    const rgb = new Uint8Array(SIDE * SIDE * 3).fill(255);
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const beside = at(x - 1, y) ?? at(x + 1, y) ?? at(x, y - 1) ?? at(x, y + 1);
        const colour = at(x, y) ?? (beside && line);
        if (colour) rgb.set(colour, (y * SIDE + x) * 3);
      }
    }
    return rgb;
  }
}

/**
 * The tones of one material; shadows turn towards violet and lights towards yellow.
 * @param {Colour} palette
 */
function tones([h, s, l]) {
  const towards = (target, by) => {
    const turn = ((target - h + 540) % 360) - 180;
    return h + Math.sign(turn) * Math.min(Math.abs(turn), by);
  };
  return {
    n: hsl(towards(265, 22), s * 0.75, l * 0.4),
    d: hsl(towards(265, 12), s * 0.9, l * 0.76),
    b: hsl(h, s, l),
    l: hsl(towards(55, 10), s, l + (100 - l) * 0.42),
    p: hsl(towards(55, 14), s * 0.8, l + (100 - l) * 0.7),
  };
}

/**
 * @param {number} hue in degrees
 * @param {number} saturation in percent
 * @param {number} lightness in percent
 * @returns {Colour}
 */
function hsl(hue, saturation, lightness) {
  const light = lightness / 100;
  const reach = (saturation / 100) * Math.min(light, 1 - light);
  const channel = (offset) => {
    const k = (offset + (hue + 360) / 30) % 12;
    return Math.round(255 * (light - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/**
 * A small seeded generator (mulberry32), so that the sheet comes out the same everywhere.
 * @param {number} seed
 */
function random(seed) {
  // Scattered, since neighbouring seeds start out alike.
  let state = Math.imul(seed + 1, 0x9e3779b1);
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  /** A whole number from `low` to `high`, both included. */
  const int = (low, high) => low + Math.floor(next() * (high - low + 1));
  /** @template T @param {T[]} list */
  const pick = (list) => list[int(0, list.length - 1)];
  return { int, pick };
}

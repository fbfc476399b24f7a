import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { initWasm, Resvg } from '@resvg/resvg-wasm';

const require = createRequire(import.meta.url);

export const SIDE = 64;

/**
 * The hundred faces: every smiley of Noto Emoji that is an upright disc. Left out are those that
 * lose the disc (cracking, dotted, melting, in clouds), that are turned or covered (rolling, shaking,
 * peeking) or crowded (partying).
 */
const NAMES = `
  grinning-face grinning-face-with-big-eyes grinning-face-with-smiling-eyes
  beaming-face-with-smiling-eyes grinning-squinting-face grinning-face-with-sweat
  face-with-tears-of-joy slightly-smiling-face upside-down-face winking-face
  smiling-face-with-smiling-eyes smiling-face smiling-face-with-halo smiling-face-with-hearts
  smiling-face-with-heart-eyes star-struck face-blowing-a-kiss kissing-face
  kissing-face-with-closed-eyes kissing-face-with-smiling-eyes
  smiling-face-with-tear face-savoring-food face-with-tongue winking-face-with-tongue zany-face
  squinting-face-with-tongue money-mouth-face smiling-face-with-open-hands
  face-with-hand-over-mouth face-with-open-eyes-and-hand-over-mouth
  shushing-face thinking-face saluting-face zipper-mouth-face face-with-raised-eyebrow neutral-face
  expressionless-face face-without-mouth smirking-face unamused-face
  face-with-rolling-eyes grimacing-face face-exhaling lying-face relieved-face pensive-face
  sleepy-face drooling-face sleeping-face face-with-bags-under-eyes
  face-with-medical-mask face-with-thermometer face-with-head-bandage nauseated-face face-vomiting
  sneezing-face hot-face cold-face woozy-face face-with-crossed-out-eyes
  face-with-spiral-eyes cowboy-hat-face disguised-face smiling-face-with-sunglasses nerd-face
  face-with-monocle confused-face face-with-diagonal-mouth worried-face slightly-frowning-face
  frowning-face face-with-open-mouth hushed-face astonished-face flushed-face distorted-face
  pleading-face face-holding-back-tears frowning-face-with-open-mouth anguished-face
  fearful-face anxious-face-with-sweat sad-but-relieved-face crying-face loudly-crying-face
  face-screaming-in-fear confounded-face persevering-face disappointed-face
  downcast-face-with-sweat
  weary-face tired-face yawning-face face-with-steam-from-nose enraged-face angry-face
  face-with-symbols-on-mouth smiling-face-with-horns angry-face-with-horns clown-face
`
  .trim()
  .split(/\s+/);

/** @returns {Promise<import('./sheet.mjs').Tile[]>} RGB on white */
export async function makeFaces() {
  // The WebAssembly build draws the same bytes on every kind of machine.
  await initWasm(await readFile(require.resolve('@resvg/resvg-wasm/index_bg.wasm')));
  const { icons, width, height } = require('@iconify-json/noto/icons.json');
  return NAMES.map((name) => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ' +
      `viewBox="0 0 ${width} ${height}">${icons[name].body}</svg>`;
    const drawing = new Resvg(svg, { fitTo: { mode: 'width', value: SIDE }, background: '#fff' });
    // The background leaves nothing transparent, so the alpha bytes can go.
    return drawing.render().pixels.filter((_, i) => i % 4 !== 3);
  });
}

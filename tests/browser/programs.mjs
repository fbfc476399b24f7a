// Programs that tests run in a page of any browser.
import assert from 'node:assert/strict';

/** A network that every backend of every browser trains in seconds. */
export const TINIEST = {
  size: 8,
  'unet.block_out_channels': [8, 16],
  'unet.norm_num_groups': 4,
  batch_size: 2,
  lr_warmup_steps: 5,
  num_train_timesteps: 100,
};

/** How far losses of two backends may lie apart. */
const TOLERANCE = 2e-4;

/**
 * Whether two runs learnt the same.
 * @param {number[]} actual
 * @param {number[]} expected losses
 */
export function assertAgree(actual, expected) {
  assert.equal(actual.length, expected.length);
  for (const [step, loss] of actual.entries()) {
    assert.ok(Math.abs(loss - expected[step]) < TOLERANCE, `${actual}, not ${expected}`);
  }
}

/**
 * What a lab is like, and the losses of its first steps.
 * @param {{ address: string, backend: string, config: object, steps: number }} job
 */
export async function train({ address, backend, config, steps }) {
  const { Lab } = await import(`${address}pkg/lab.js`);
  const lab = await Lab.create({ backend, config });
  const { size } = lab.config;
  const rgb = Uint8ClampedArray.from({ length: size * size * 3 }, (_, i) => (i * 37) % 256);
  lab.setImages([{ rgb, size }]);
  const losses = /** @type {number[]} */ ([]);
  for await (const report of lab.train({ steps })) losses.push(...report.losses);
  const { selfTest, backendReason, adapterKind } = lab;
  const known = { backend: lab.backend, selfTest, backendReason, adapterKind };
  lab.dispose();
  return { ...known, losses };
}

/**
 * Has programs of the GPU do nothing, for tests of how many there are and what they take: it takes an
 * emulator minutes to compile those of a network. A program without a layout still has to use what is
 * bound to it.
 */
export function computeNothing() {
  const device = /** @type {any} */ (globalThis).GPUDevice.prototype;
  const { createShaderModule } = device;
  device.createShaderModule = function (/** @type {any} */ descriptor) {
    const [, name] = /@compute[^{]*?\bfn\s+(\w+)/.exec(descriptor.code) ?? [];
    const bound = descriptor.code.matchAll(/@group\((\d+)\)\s*@binding\((\d+)\)\s*var<([^>]+)>/g);
    let declared = '';
    let used = '';
    for (const [, group, binding, space] of bound) {
      const type = space === 'uniform' ? 'vec4u' : 'array<u32>';
      declared += `@group(${group}) @binding(${binding}) var<${space}> b${binding}: ${type};\n`;
      used += `_ = &b${binding};`;
    }
    const code = `${declared}@compute @workgroup_size(1) fn ${name}() {${used}}`;
    return createShaderModule.call(this, { ...descriptor, code });
  };
}

/**
 * What the page says while it trains: whether the GPU is being prepared; and with each of its first
 * reports the speed, and whether there is a preview, whose kernels are compiled too.
 * @param {number} reports
 */
export async function watchTraining(reports) {
  const element = /** @type {any} */ (document.querySelector('unnoise-lab'));
  const wait = async (/** @type {() => unknown} */ condition) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await wait(() => element.session?.phase === 'ready');
  const { session } = element;
  await wait(() => !session.activity);
  const rates = /** @type {number[]} */ ([]);
  const drawn = /** @type {boolean[]} */ ([]);
  element.addEventListener('unnoise-progress', (/** @type {CustomEvent} */ { detail }) => {
    rates.push(detail.rate);
    drawn.push(session.trainer.preview.frame !== undefined);
  });
  const said = new Set();
  const look = () => {
    const text = (/** @type {string} */ name) =>
      element.shadowRoot.querySelector(`[data-testid=${name}]`)?.textContent?.trim();
    for (const name of ['status', 'preparing', 'rate']) {
      if (text(name)) said.add(`${name}: ${text(name)}`);
    }
  };
  const looking = setInterval(look, 20);
  const training = session.train();
  await wait(() => rates.length >= reports);
  await session.pause();
  await training;
  clearInterval(looking);
  return { rates: rates.slice(0, reports), drawn: drawn.slice(0, reports), said: [...said] };
}

/**
 * The main path of a visitor who plays, by the buttons of the page: grey images and transparent ones,
 * one cropped by hand, training looked back at, samples looked at and kept, a film.
 */
export async function play() {
  const element = /** @type {any} */ (document.querySelector('unnoise-lab'));
  /** @type {string[]} */
  const errors = [];
  addEventListener('error', ({ message }) => errors.push(message));
  addEventListener('unhandledrejection', ({ reason }) => errors.push(String(reason)));
  const by = (/** @type {string} */ name) =>
    (element.shadowRoot ?? element).querySelector(`[data-testid="${name}"]`);
  const text = (/** @type {string} */ name) => by(name)?.textContent.replace(/\s+/g, ' ').trim();
  const wait = async (/** @type {() => unknown} */ condition) => {
    for (let tries = 0; !condition(); tries++) {
      if (tries > 2000) throw new Error(`never: ${condition}; ${text('message')}; ${errors}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const press = async (/** @type {string} */ name) => {
    await wait(() => by(name) && !by(name).disabled);
    by(name).click();
  };
  await wait(() => element.session?.phase === 'ready' && !element.session.activity && by('train'));
  const { session } = element;
  const { lab } = session;

  /** @param {string[]} colours of a square on what is in front of nothing, or on white */
  const give = async (colours, clear = false) => {
    const files = new DataTransfer();
    for (const [index, colour] of colours.entries()) {
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [24, 16];
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
      context.fillStyle = '#fff';
      if (!clear) context.fillRect(0, 0, 24, 16);
      context.fillStyle = colour;
      context.fillRect(index, 3, 10, 10);
      const blob = await new Promise((resolve) => canvas.toBlob(resolve));
      files.items.add(new File([/** @type {Blob} */ (blob)], `${colour}.png`));
    }
    by('file-input').files = files.files;
    by('file-input').dispatchEvent(new Event('change'));
    await wait(() => lab.images.length === colours.length && !session.activity);
  };
  const channels = () => lab.config.unet.in_channels;
  await give(['#000', '#333', '#666', '#999']);
  await wait(() => channels() === 1);
  by('clear-images').click();
  await wait(() => lab.images.length === 0);
  await give(['#f00', '#a20', '#c0f', '#00f'], true);
  await wait(() => channels() === 4);

  const [before] = lab.images;
  by('thumb-crop').click();
  await wait(() => by('crop-canvas') && by('crop-use'));
  const end = { key: 'ArrowLeft', shiftKey: true, bubbles: true };
  for (let times = 0; times < 5; times++) {
    by('crop-canvas').dispatchEvent(new KeyboardEvent('keydown', end));
  }
  await wait(() => by('crop-canvas').getAttribute('aria-valuetext').startsWith('0 %'));
  by('crop-use').click();
  await wait(() => lab.images[0] !== before && !session.activity);
  const cropped = lab.images[0].size;

  await press('train');
  await wait(() => by('preview-scrub')?.max > 0);
  await press('pause');
  await wait(() => !session.run.training && !session.activity);
  const scrub = by('preview-scrub');
  scrub.value = '0';
  scrub.dispatchEvent(new Event('input'));
  await wait(() => session.film.looksBack && /^after step \d/.test(text('preview-step')));

  await press('sample');
  await wait(() => by('sample-canvas')?.dataset.state === 'done' && by('tile-0'));
  for (const [index, name] of ['tile-0', 'tile-1'].entries()) {
    by(name).click();
    await wait(() => session.selectedSample.recording.ended && by('touch-x0'));
    await press('touch-keep');
    await wait(() => session.favourites.list.length === index + 1);
    by('touch-close').click();
    await wait(() => !session.selectedSample.subject);
  }
  await wait(() => text('tray-count') === '2 samples');
  const checked = by('sample-canvas').hasAttribute('data-alpha');
  /** @type {string[]} */
  const saved = [];
  for (const name of ['save-gif', 'save-film'].filter((name) => by(name))) {
    await press(name);
    const ending = name === 'save-gif' ? /\.gif with your downloads/ : /\.(mp4|webm) with/;
    await wait(() => ending.test(text('message') ?? ''));
    saved.push(name);
  }
  const films = typeof VideoEncoder === 'function';
  return { cropped, checked, saved, films, loops: !!by('loop-gif'), errors };
}

/**
 * Whether a visitor could do all of it.
 * @param {Awaited<ReturnType<typeof play>>} seen
 */
export function assertPlayed({ films, ...seen }) {
  const saved = films ? ['save-gif', 'save-film'] : ['save-gif'];
  assert.deepEqual(seen, { cropped: 16, checked: true, saved, loops: true, errors: [] });
}

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

// Models leave for diffusers and come back, as a zip and as a folder, and are still the same.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { unzipSync, zipSync } from 'fflate';
import { ALL_IMAGES, TINY, Site } from './lab.mjs';

const SETTINGS = { ...TINY, backend: 'flex' };
const STATE = 'unnoise.safetensors';
const WEIGHTS = 'unet/diffusion_pytorch_model.safetensors';

const site = Site.forTests();
/** @type {string} */
let folder;
/** What one trained model exports, and a fingerprint of what it draws. */
/** @type {{ zip: Uint8Array, files: Record<string, Uint8Array>, drawn: string }} */
let exported;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unnoise-'));
  const lab = await site.open(SETTINGS);
  await lab.train();
  await lab.sample();
  const drawn = await lab.pixels();
  const download = lab.page.waitForEvent('download');
  await lab.by('export-diffusers').click();
  const zip = await readFile(await (await download).path());
  exported = { zip, files: unzipSync(zip), drawn };
  assert.match((await download).suggestedFilename(), /-step-30-diffusers\.zip$/);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** @param {string} path */
const json = (path) => JSON.parse(new TextDecoder().decode(exported.files[path]));

/**
 * The header of a safetensors file.
 * @param {Uint8Array} bytes
 */
function header(bytes) {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
}

/**
 * That two safetensors files say the same. Metadata are in no order.
 * @param {Uint8Array} actual
 * @param {Uint8Array} expected
 */
function assertSame(actual, expected) {
  assert.deepEqual(header(actual), header(expected));
  const body = (/** @type {Uint8Array} */ bytes) => {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
    return Buffer.from(bytes.subarray(8 + Number(length)));
  };
  assert.ok(body(actual).equals(body(expected)));
}

/** @param {import('./lab.mjs').LabPage} lab */
async function drawn(lab) {
  await lab.ready();
  await lab.sample();
  return lab.pixels();
}

test('the zip is the folder of a pipeline', () => {
  const { files } = exported;
  assert.deepEqual(Object.keys(files).sort(), [
    'model_index.json',
    'scheduler/scheduler_config.json',
    'unet/config.json',
    WEIGHTS,
  ]);
  assert.deepEqual(json('model_index.json'), {
    _class_name: 'DDPMPipeline',
    scheduler: ['diffusers', 'DDPMScheduler'],
    unet: ['diffusers', 'UNet2DModel'],
  });
  const unet = json('unet/config.json');
  assert.equal(unet.sample_size, 16);
  assert.deepEqual(unet.block_out_channels, [8, 16]);
  const scheduler = json('scheduler/scheduler_config.json');
  assert.equal(scheduler.num_train_timesteps, 100);
  const { __metadata__: metadata, ...tensors } = header(files[WEIGHTS]);
  assert.equal(metadata.format, 'pt');
  assert.deepEqual(tensors['conv_in.weight'].shape, [8, 3, 3, 3]);
  assert.equal(tensors['conv_in.weight'].dtype, 'F32');
});

test('with the state of training the zip goes on as the run itself would', async () => {
  const lab = await site.open(SETTINGS);
  await lab.train();
  const saved = await readFile(await lab.save('save-model'));
  await lab.by('export-state').check();
  const zip = await readFile(await lab.save('export-diffusers'));
  const files = unzipSync(zip);
  assert.deepEqual(Object.keys(files).sort(), [...Object.keys(exported.files), STATE].sort());
  // The same file as the page saves, and so as the command line writes.
  assertSame(files[STATE], saved);
  const { __metadata__: metadata } = header(files[STATE]);
  assert.equal(metadata.step, '30');
  // The command line (cargo test builds it) opens the folder, and finds the same run.
  const pipeline = join(folder, 'with-state');
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(pipeline, path)), { recursive: true });
    await writeFile(join(pipeline, path), bytes);
  }
  const program = fileURLToPath(new URL('../../target/release/unnoise', import.meta.url));
  const imported = join(folder, 'imported.safetensors');
  execFileSync(program, ['import', '--model', pipeline, '--out', imported], { stdio: 'pipe' });
  assertSame(await readFile(imported), saved);
  await lab.load('run.zip', zip);
  await lab.page.getByText('Loaded run.zip, trained for 30 steps.').waitFor();
  assertSame(await readFile(await lab.save()), saved);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('a zip draws the same images after it is loaded', async () => {
  const lab = await site.open(SETTINGS);
  await lab.load('model.zip', exported.zip);
  await lab.page.getByText('Loaded model.zip, trained for 30 steps.').waitFor();
  assert.equal(await drawn(lab), exported.drawn);
  assert.equal(await lab.text('step'), '30');
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('a model that arrives while a setting takes effect is not lost', async () => {
  const lab = await site.open(SETTINGS);
  const step = await lab.page.evaluate(
    async (bytes) => {
      const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
      const model = Uint8Array.from(bytes);
      await Promise.all([session.set('learning_rate', 0.002), session.loadModel(model, 'file')]);
      return session.lab.step;
    },
    [...exported.zip],
  );
  assert.equal(step, 30);
  assert.equal(await drawn(lab), exported.drawn);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('a folder dropped on the page draws the same, and images beside it are added', async () => {
  const model = join(folder, 'pipeline');
  for (const [path, bytes] of Object.entries(exported.files)) {
    await mkdir(dirname(join(model, path)), { recursive: true });
    await writeFile(join(model, path), withoutSteps(path, bytes));
  }
  const lab = await site.open(SETTINGS);
  const session = await site.context.newCDPSession(lab.page);
  const drag = (/** @type {'dragEnter' | 'dragOver' | 'drop'} */ type) => {
    const data = { items: [], files: [model, ALL_IMAGES[0]], dragOperationsMask: 1 };
    return session.send('Input.dispatchDragEvent', { type, x: 200, y: 200, data });
  };
  await drag('dragEnter');
  await drag('dragOver');
  // A page that has not seen anything coming does not get a drop.
  await lab.page.locator('.root.dragging').waitFor();
  await drag('drop');
  await lab.page.getByText('Loaded pipeline.').waitFor();
  assert.equal(await drawn(lab), exported.drawn);
  // How long it was trained is not known, and yet it is no model of random weights.
  assert.equal(await lab.text('step'), '0');
  assert.equal(await lab.by('thumb').count(), 1);
  await lab.addImages(ALL_IMAGES.slice(1));
  await lab.by('thumb').nth(1).waitFor();
  assert.equal(await drawn(lab), exported.drawn);
  await lab.page.close();
});

test('what cannot be loaded changes nothing', async () => {
  const lab = await site.open(SETTINGS);
  await lab.load('model.zip', exported.zip);
  await lab.page.getByText(/Loaded model\.zip/).waitFor();
  const { files, zip } = exported;
  const without = { ...files };
  delete without[WEIGHTS];
  const pickled = { ...without, 'unet/diffusion_pytorch_model.bin': new Uint8Array(4) };
  for (const [bytes, sentence] of /** @type {[Uint8Array, RegExp][]} */ ([
    [zip.subarray(0, zip.length / 2), /zip is cut short/],
    [zipSync({ 'readme.txt': new Uint8Array(4) }), /unet\/config\.json: .* is not there/],
    [zipSync(without), /diffusion_pytorch_model\.safetensors: .* is not there/],
    [zipSync(pickled), /pickle/],
  ])) {
    await lab.ready();
    await lab.load('broken.zip', bytes);
    await lab.page.getByText(sentence).waitFor();
  }
  assert.equal(await drawn(lab), exported.drawn);
  await lab.page.close();
});

test('programs export and load by the Lab', async () => {
  const lab = await site.open(SETTINGS);
  const codes = await lab.page.evaluate(async (files) => {
    const { lab } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    const bytes = Object.entries(files).map(([path, list]) => [path, Uint8Array.from(list)]);
    await lab.load(Object.fromEntries(bytes));
    await lab.load(await lab.export('diffusers'));
    const code = (/** @type {Promise<unknown>} */ promise) => promise.catch(({ code }) => code);
    return [lab.step, await code(lab.export('onnx')), await code(lab.load({ a: 1 }))];
  }, listed(exported.files));
  assert.deepEqual(codes, [30, 'bad-config', 'bad-checkpoint']);
  await lab.page.close();
});

/**
 * Files as they can be sent to a page.
 * @param {Record<string, Uint8Array>} files
 */
const listed = (files) =>
  Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, [...bytes]]));

/**
 * Weights as diffusers writes them, which knows nothing of steps.
 * @param {string} path
 * @param {Uint8Array} bytes
 */
function withoutSteps(path, bytes) {
  if (path !== WEIGHTS) return bytes;
  const changed = Buffer.from(bytes);
  const start = changed.indexOf('"step"');
  assert.ok(start > 0);
  changed.write('"stop"', start);
  return changed;
}

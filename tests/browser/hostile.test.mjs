// What is made to do harm: pictures, zips, models, links, messages and stored records. Each gets a
// sentence or is let go, the page answers, and nothing loaded or trained is lost.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, test } from 'node:test';
import { zipSync } from 'fflate';
import { packedZip } from '../hostile/given.mjs';
import { eventually, images, Site, TINY } from './lab.mjs';

const site = Site.forTests();
/** @type {import('./lab.mjs').LabPage} */
let lab;

before(async () => {
  lab = await site.open({ ...TINY, backend: 'flex', train_steps: 5, dataset: 'sprites' });
});

/** The images of the lab: their sides, and the colours of their corners, rounded. */
const kept = () =>
  lab.page.evaluate(() => {
    const { lab } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    return lab.images.map((/** @type {any} */ { size, rgb }) => {
      const corner = (/** @type {number} */ x, /** @type {number} */ y) =>
        [0, 1, 2].map((channel) => (rgb[(y * size + x) * 3 + channel] > 127 ? 1 : 0)).join('');
      const [low, high] = [Math.floor(size / 8), size - 1 - Math.floor(size / 8)];
      return [size, corner(low, low), corner(high, low), corner(low, high), corner(high, high)];
    });
  });

const RED = '100';
const BLUE = '001';
const GREEN = '010';
const YELLOW = '110';

test('16 bits, CMYK, turned by EXIF, animated, a single pixel', async () => {
  await lab.replaceImages(
    images('deep.png', 'cmyk.jpg', 'rotated.jpg', 'animated.webp', 'dot.png'),
  );
  const quarters = [RED, BLUE, GREEN, YELLOW];
  assert.deepEqual(await kept(), [
    [16, ...quarters],
    [16, ...quarters],
    // A quarter turn clockwise.
    [16, GREEN, RED, YELLOW, BLUE],
    // The first picture.
    [16, ...quarters],
    [1, GREEN, GREEN, GREEN, GREEN],
  ]);
});

/** @param {string} name @param {string | Uint8Array} content */
const file = (name, content) => ({
  name,
  mimeType: 'application/octet-stream',
  buffer: Buffer.from(content),
});

/**
 * @param {string} input
 * @param {ReturnType<typeof file>} offered
 * @param {RegExp} sentence
 */
async function refused(input, offered, sentence) {
  const before = await kept();
  await lab.by(input).setInputFiles(offered);
  await lab.page.getByTestId('message').getByText(sentence).first().waitFor({ timeout: 20_000 });
  await lab.ready();
  assert.deepEqual(await kept(), before);
  assert.deepEqual(lab.errors, []);
}

const svg = (/** @type {string} */ inner, attributes = 'width="10" height="10"') =>
  `<svg xmlns="http://www.w3.org/2000/svg" ${attributes}>${inner}</svg>`;

test('a drawing of a million shapes in ten lines', () => {
  const levels = Array.from({ length: 7 }, (_, level) => {
    const uses = `<use href="#a${level}"/>`.repeat(10);
    return `<g id="a${level + 1}">${uses}</g>`;
  });
  const bomb = svg(`<g id="a0"><rect width="1" height="1"/></g>${levels.join('')}`);
  return refused('file-input', file('bomb.svg', bomb), /bomb\.svg .* too long to draw/);
});

test('entities that stand for entities', () => {
  const entity = (/** @type {string} */ name, /** @type {string} */ value) =>
    `<!ENTITY ${name} "${value.repeat(10)}">`;
  const declared = `<!DOCTYPE svg [${entity('a', 'x')}${entity('b', '&a;')}${entity('c', '&b;')}]>`;
  const text = `${declared}${svg('<text>&c;</text>')}`;
  return refused('file-input', file('laughs.svg', text), /too long to draw/);
});

test('a drawing as thin as a line, with a program in it', async () => {
  const program =
    '<script>top.hacked = parent.hacked = 1</script><rect width="1" height="99999" fill="red"/>';
  const text = svg(program, 'width="1" height="99999" onload="parent.hacked = 1"');
  await lab.addImages(/** @type {any} */ ([file('line.svg', text)]));
  await eventually(async () => (await kept()).length === 6);
  assert.deepEqual((await kept()).at(-1), [128, RED, RED, RED, RED]);
  assert.equal(await lab.page.evaluate(() => /** @type {any} */ (window).hacked), undefined);
});

test('pictures cut short', async () => {
  for (const name of ['deep.png', 'rotated.jpg', 'animated.webp']) {
    const whole = await readFile(images(name)[0]);
    const cut = file(`cut-${name}`, whole.subarray(0, 60));
    await refused('file-input', cut, new RegExp(`cut-${name}`));
  }
});

test('zips: a bomb, one that is encrypted, one within another, names that go up', async () => {
  const zeros = new Uint8Array(1 << 20);
  const config = { name: 'unet/config.json', packed: zeros.subarray(0, 9), length: 2 ** 31 };
  await refused('load-model', file('bomb.zip', packedZip([config])), /more than a small model/);
  const encrypted = { ...config, length: 9, flags: 1 };
  await refused('load-model', file('secret.zip', packedZip([encrypted])), /encrypted/);
  const lies = { ...config, packed: zeros, length: 9 };
  await refused('load-model', file('lies.zip', packedZip([lies])), /cut short or damaged/);
  const inner = zipSync({ 'config.json': new Uint8Array(2) });
  await refused('load-model', file('nested.zip', zipSync({ 'inner.zip': inner })), /config\.json/);
  const up = { '../../../etc/unet/config.json': Buffer.from('{}') };
  await refused('load-model', file('up.zip', zipSync(up)), /\.\.\/etc/);
});

// Good ones take a browser a minute; what bounds them is the same.
test('10,100 files at once: as many are read as the page handles, and it answers', async () => {
  const dot = [...(await readFile(images('dot.png')[0]))];
  await lab.by('clear-images').click();
  await lab.page.evaluate((dot) => {
    const { session } = /** @type {any} */ (document.querySelector('unnoise-lab'));
    const files = Array.from({ length: 10_100 }, (_, index) => {
      const file = new File([index < 5 ? new Uint8Array(dot) : 'words'], `${index}.png`);
      return { file, path: file.name };
    });
    session.imageSet.add(files);
  }, dot);
  const said = (/** @type {RegExp} */ words) =>
    lab.page.getByTestId('message').getByText(words).first().waitFor({ timeout: 60_000 });
  await said(/10,000 images are the most/);
  await said(/9,992 more files could not be read/);
  await lab.ready();
  assert.equal((await kept()).length, 5);
  await lab.by('clear-images').click();
});

test('a link of absurd numbers, prototype names and programs', async () => {
  const hash = [
    '__proto__=1&constructor=2&toString=3&unet.__proto__=4&scheduler.constructor=5',
    'size=1e999&unet.block_out_channels=9,9&batch_size=-1&num_train_timesteps=4294967296',
    'train_steps=Infinity&steps=1e308&count=0.5&sample_seed=-1&eta=NaN&timestep=1e308',
    `dataset=${encodeURIComponent('"><img src=x onerror=window.hacked=1>')}`,
    'mode=__proto__&theme=constructor&sampler=toString&compare=__proto__:1,ddim:1e9,:&label=__proto__',
    Array.from({ length: 500 }, (_, index) => `junk${index}=1`).join('&'),
    `images=${encodeURIComponent('javascript:window.hacked=1 http:// %')}`,
  ].join('&');
  const page = await site.context.newPage();
  const errors = /** @type {string[]} */ ([]);
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto(`${site.address}#${hash}&backend=flex`);
  const message = page.getByTestId('message').first();
  await message.waitFor({ timeout: 60_000 });
  await page
    .locator('[data-testid=status][data-state=ready]')
    .waitFor({ state: 'attached', timeout: 60_000 });
  const [hacked, polluted] = await page.evaluate(() => [
    /** @type {any} */ (window).hacked,
    Object.keys(Object.prototype).length,
  ]);
  assert.deepEqual([hacked, polluted, errors], [undefined, 0, []]);
  await page.close();
});

test('a config that is none is refused by the name of the setting', async () => {
  const page = await site.context.newPage();
  const config = '{"unet":{"block_out_channels":{"length":4294967295}},"__proto__":{"hacked":1}}';
  const body = `<script type="module" src="pkg/unnoise.js"></script>
    <unnoise-lab controls loading="eager" backend="flex" config='${config}'></unnoise-lab>`;
  await page.route('**/embed.html', (route) => route.fulfill({ contentType: 'text/html', body }));
  await page.goto(`${site.address}embed.html`);
  await page
    .getByTestId('message')
    .getByText(/“unet.block_out_channels” needs a list|no setting called “__proto__”/)
    .first()
    .waitFor({ timeout: 60_000 });
  assert.equal(await page.evaluate(() => /** @type {any} */ ({}).hacked), undefined);
  await page.close();
});

test('messages of other frames are heard by nobody', async () => {
  const page = await site.context.newPage();
  await page.addInitScript(() => {
    const heard = /** @type {string[]} */ ([]);
    Object.assign(window, { heard });
    const { addEventListener } = EventTarget.prototype;
    /** @this {EventTarget} @param {any[]} args */
    EventTarget.prototype.addEventListener = function (...args) {
      if (args[0] === 'message' && (this === window || this instanceof BroadcastChannel)) {
        heard.push(String(this));
      }
      return /** @type {any} */ (addEventListener).apply(this ?? window, args);
    };
  });
  await page.goto(
    `${site.address}#${new URLSearchParams({ backend: 'flex', dataset: 'sprites' })}`,
  );
  await page
    .locator('[data-testid=status][data-state=ready]')
    .waitFor({ state: 'attached', timeout: 60_000 });
  const before = await page.evaluate(() => location.href);
  await page.route('**/foreign.html', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<script>
        for (const message of [
          { fatal: { code: 'internal', message: 'from afar' } }, { lost: 1, workers: 0 },
          { id: 1, ok: true, value: {} }, { id: 1, method: 'free', target: 1, args: {} },
          { type: 'unnoise-height', height: 1e9 }, { type: 'file', name: '__proto__' }, null, 'x',
        ]) parent.postMessage(message, '*');
        parent.postMessage('last', '*');
      </script>`,
    }),
  );
  await page.evaluate(
    () =>
      new Promise((resolve) => {
        const frame = document.createElement('iframe');
        // Of no origin: everything of ours is foreign to it.
        frame.sandbox.add('allow-scripts');
        frame.src = 'foreign.html';
        window.onmessage = ({ data }) => data === 'last' && setTimeout(resolve, 200);
        document.body.append(frame);
      }),
  );
  assert.deepEqual(await page.evaluate(() => /** @type {any} */ (window).heard), []);
  assert.equal(await page.evaluate(() => location.href), before);
  assert.equal(await page.locator('[data-testid=status]').getAttribute('data-state'), 'ready');
  assert.equal(await page.getByText('from afar').count(), 0);
  await page.close();
});

test('a run whose samples someone has edited still opens; what is no run is left alone', async () => {
  await lab.addImages(images('deep.png'));
  await eventually(async () => (await kept()).length === 1);
  await lab.train();
  await eventually(async () => (await lab.by('run').count()) > 0);
  await lab.page.evaluate(async () => {
    const name = `unnoise ${new URL('.', location.href).href}`;
    const database = await new Promise((resolve) => {
      indexedDB.open(name).onsuccess = ({ target }) => resolve(/** @type {any} */ (target).result);
    });
    await new Promise((resolve) => {
      const transaction = database.transaction(['runs', 'samples'], 'readwrite');
      const [runs, samples] = ['runs', 'samples'].map((store) => transaction.objectStore(store));
      runs.getAll().onsuccess = (/** @type {any} */ { target: { result } }) => {
        const [run] = result;
        samples.put({ run: run.id, step: 3, count: 1, size: 16, png: new Uint8Array(9) });
        runs.put({ ...run, id: 7, savedAt: 1e300 });
        runs.put({ ...run, id: 'script', name: '<img src=x onerror=window.hacked=1>'.repeat(9) });
      };
      transaction.oncomplete = resolve;
    });
    database.close();
  });
  await lab.page.reload();
  await lab.ready();
  await lab.by('runs-damaged').getByText('1 stored run could not be read').waitFor();
  assert.equal(await lab.by('run').count(), 2);
  await lab.by('resume-run').click();
  await eventually(async () => (await lab.text('step')) === '5');
  await lab.by('runs-delete-damaged').click();
  await lab.by('runs-damaged').waitFor({ state: 'detached' });
  assert.equal(await lab.page.evaluate(() => /** @type {any} */ (window).hacked), undefined);
  assert.deepEqual(lab.errors, []);
});

// The code in README.md, pkg/README.md and docs/element.md, as it stands there. That of the guides in
// docs/embedding is tried by tests/hosts, that of python/README.md by python/test_package.py, that of
// docs/python.md by scripts/check-python; here is that nothing is left over.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { blocksOf, codeOf } from '../hosts/guides.mjs';
import { HOSTS } from '../hosts/list.mjs';
import { Site } from './lab.mjs';

const site = Site.forTests();
const API = '../../pkg/README';
/** Documents of other code, and what languages that is in; policies have none. */
const DOCUMENTS = {
  '../../README': ['html'],
  [API]: ['', 'html', 'js'],
  '../element': ['html'],
  '../../python/README': ['python'],
  '../python': ['sh'],
};

/** Sections of self-hosting.md that make no host of their own, and the test that tries their code. */
const ELSEWHERE = {
  'Trusted Types': 'below',
  "The lab's own page": 'private.test.mjs',
  'Models from other hosts': 'below',
};

test('every block of code runs in some test', async () => {
  const guides = await readdir(new URL('../../docs/embedding/', import.meta.url));
  const hosts = Object.entries(HOSTS);
  for (const guide of ['../embedding.md', ...guides].map((file) => file.replace(/\.md$/, ''))) {
    for (const section of new Set((await blocksOf(guide)).map((block) => block.section))) {
      if (guide === 'self-hosting' && section in ELSEWHERE) continue;
      const host = hosts.find(
        ([name, host]) => host.guide === guide && (host.section ?? name) === section,
      );
      assert.ok(host, `tests/hosts/list.mjs has no host for ${guide}.md, ${section}`);
      // Refuses a block that it does not know how to use.
      await codeOf(guide, section);
    }
  }
  for (const [document, languages] of Object.entries(DOCUMENTS)) {
    const found = new Set((await blocksOf(document)).map(({ language }) => language));
    assert.deepEqual([...found].sort(), languages, document);
  }
});

for (const document of ['../../README', API, '../element']) {
  test(`the figures of ${document.replaceAll('../', '')}.md start`, async () => {
    const script = '<script type="module" src="unnoise/unnoise.js"></script>';
    for (const { language, content } of await blocksOf(document)) {
      if (language !== 'html') continue;
      const page = await site.blank();
      /** @type {string[]} */
      const wrong = [];
      page.on('pageerror', (error) => wrong.push(String(error)));
      const body = `${script}${content}`.replaceAll('unnoise/unnoise.js', 'pkg/unnoise.js');
      await page.route('**/figures.html', (route) =>
        route.fulfill({ body, contentType: 'text/html' }),
      );
      await page.goto(`${site.address}figures.html`);
      const figures = await page.locator('unnoise-lab').elementHandles();
      assert.ok(figures.length);
      for (const figure of figures) {
        await figure.scrollIntoViewIfNeeded();
        const mode = (await figure.getAttribute('mode')) ?? 'lab';
        await page.waitForFunction(
          ([element, mode]) => /** @type {any} */ (element).settings?.mode === mode,
          /** @type {const} */ ([figure, mode]),
        );
        assert.equal(
          await figure.evaluate((/** @type {any} */ { state }) => state !== 'failed'),
          true,
        );
      }
      assert.deepEqual(wrong, []);
      await page.close();
    }
  });
}

/**
 * A page of its own, with the package and more.
 * @param {string} body
 * @param {Record<string, string>} [headers]
 */
async function openPage(body, headers = {}) {
  const page = await site.blank();
  const script = '<script type="module" src="pkg/unnoise.js"></script>';
  await page.route('**/self-hosting.html', (route) =>
    route.fulfill({ body: script + body, contentType: 'text/html', headers }),
  );
  await page.goto(`${site.address}self-hosting.html`);
  return page;
}

test('the element draws under the policies for Trusted Types', async () => {
  const { policies } = await codeOf('self-hosting', 'Trusted Types');
  const page = await openPage(
    '<unnoise-lab mode="sample" dataset="sprites" backend="flex" sampler="ddim" steps="4" autoplay />',
    { 'content-security-policy': policies.join('; ') },
  );
  await page.locator('unnoise-lab[drawn]').waitFor();
  assert.equal(await page.evaluate(() => 'trustedTypes' in window), true);
  await page.close();
});

test('the model of another host in the guide is asked for first', async () => {
  const [{ content }] = (await blocksOf('self-hosting')).filter(
    ({ section }) => section === 'Models from other hosts',
  );
  const page = await openPage(content.replaceAll('unnoise/', 'pkg/'));
  await page.getByTestId('fetch-model').filter({ hasText: 'example.org' }).waitFor();
  await page.close();
});

/**
 * Runs in a page: what the code takes for granted is there, and all it makes is small.
 * @param {{ address: string, code: string }} given
 * @returns {Promise<number>} how many frames were drawn
 */
async function runCode({ address, code }) {
  const { Lab } = await import(address);
  const { create } = Lab;
  const { train, sample } = Lab.prototype;
  const size = 16;
  const small = {
    size,
    'unet.block_out_channels': [8, 16],
    'unet.norm_num_groups': 4,
    batch_size: 4,
    num_train_timesteps: 100,
  };
  Lab.create = ({ config, ...options } = {}) =>
    create.call(Lab, { ...options, backend: 'flex', config: { ...small, ...config } });
  Lab.prototype.train = function ({ steps, ...options }) {
    return train.call(this, { ...options, steps: Math.min(steps, 3) });
  };
  let frames = 0;
  /** @type {AsyncGenerator[]} */
  const begun = [];
  Lab.prototype.sample = function (options) {
    const draw = async function* (/** @type {any} */ lab) {
      for await (const frame of sample.call(lab, options)) {
        frames++;
        yield frame;
      }
    };
    begun.push(draw(this));
    return begun.at(-1);
  };
  const canvas = new OffscreenCanvas(20, 20);
  /** @type {File[]} */
  const files = [];
  for (const [label, colour] of Object.entries({ cat: 'red', dog: 'blue' })) {
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context.fillStyle = colour;
    context.fillRect(0, 0, 20, 20);
    const file = new File([await canvas.convertToBlob()], `${label}.png`, { type: 'image/png' });
    Object.defineProperty(file, 'webkitRelativePath', { value: `pets/${label}/1.png` });
    files.push(file);
  }
  const lab = await Lab.create();
  await lab.addImages(files);
  const mask = Uint8Array.from({ length: size * size }, (_, pixel) => Number(pixel % size > 9));
  const { signal } = new AbortController();
  // The first block imports the class, and those after it have it too.
  Object.assign(window, { Lab, lab, files, signal, init: files[0], mask });
  const text = code.replaceAll("'unnoise/lab'", JSON.stringify(address));
  await import(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })));
  // Some begin to draw and leave it at that.
  for (const frame of begun) while (!(await frame.next()).done);
  lab.dispose();
  return frames;
}

test('the code of the API runs', async () => {
  const blocks = (await blocksOf(API)).filter(({ language }) => language === 'js');
  assert.ok(blocks.length);
  for (const { content } of blocks) {
    const page = await site.blank();
    const address = `${site.address}pkg/lab.js`;
    assert.ok((await page.evaluate(runCode, { address, code: content })) > 0, content);
    await page.close();
  }
});

// The element as an author embeds it: what it fetches and when, one engine for all figures of a
// page, modes, own images, the fallback, the theme of the page around, and code to embed it.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { zipSync } from 'fflate';
import { eventually, images, recordLiveWorkers, Site } from './lab.mjs';

/** A network small enough for a test, in the words of `config`. */
const TINY = JSON.stringify({
  size: 16,
  unet: { block_out_channels: [8, 16], norm_num_groups: 4 },
  batch_size: 4,
  num_train_timesteps: 100,
  train_steps: 20,
  steps: 4,
  count: 4,
});
/** One image of the tests' own, so that no set and no model is fetched. */
const OWN = 'backend="flex" images="tests/browser/images/square.png"';
const SPACE = '<div style="height: 4000px"></div>';

const site = Site.forTests();

/**
 * A page of an author.
 * @param {string} body
 * @param {{ head?: string, hash?: string, files?: Record<string, Buffer> }} [more]
 */
async function author(body, { head = '', hash = '', files = {} } = {}) {
  const blank = await site.blank();
  await blank.close();
  const page = await site.context.newPage();
  const errors = /** @type {string[]} */ ([]);
  page.on('pageerror', (error) => errors.push(String(error)));
  for (const [name, content] of Object.entries(files)) {
    await page.route(`**/${name}`, (route) => route.fulfill({ body: content }));
  }
  const html = `<!doctype html><meta charset="utf-8">${head}
    <script type="module" src="pkg/unnoise.js"></script>${body}`;
  await page.route('**/article.html', (route) =>
    route.fulfill({ contentType: 'text/html', body: html }),
  );
  await page.addInitScript(recordLiveWorkers);
  await page.goto(`${site.address}article.html${hash}`);
  return { page, errors };
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} selector
 * @param {string | RegExp} wanted
 */
const inState = (page, selector, wanted) =>
  eventually(async () => {
    const state = await page.locator(selector).evaluate((element) => Reflect.get(element, 'state'));
    if (state === 'failed')
      throw new Error(`${selector}: ${await page.locator(selector).innerText()}`);
    return typeof wanted === 'string' ? state === wanted : wanted.test(state);
  });

/** @param {import('playwright-core').Page} page @param {string} selector @param {string} name */
const read = (page, selector, name) =>
  page.locator(selector).evaluate((element, name) => {
    const value = { ...Reflect.get(element, name) };
    // Pixels are many, and compared by other tests.
    delete value.x_t;
    delete value.pred_x0;
    return value;
  }, name);

test('ten figures that nobody has come to cost one small script', async (t) => {
  const figure =
    '<unnoise-lab mode="sample" dataset="sprites" backend="flex" autoplay></unnoise-lab>';
  const { page, errors } = await author(SPACE + figure.repeat(10));
  await page.waitForFunction(() => customElements.get('unnoise-lab'));
  await page.waitForTimeout(1000);
  const fetched = await page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .map((entry) => /** @type {PerformanceResourceTiming} */ (entry))
      .map(({ name, decodedBodySize }) => ({ name, bytes: decodedBodySize })),
  );
  const bytes = fetched.reduce((sum, entry) => sum + entry.bytes, 0);
  t.diagnostic(`${bytes} bytes: ${fetched.map(({ name }) => name.split('/').at(-1))}`);
  assert.ok(bytes < 60_000, `${bytes} bytes before the first figure is near the screen`);
  assert.ok(fetched.every(({ name }) => /(\.js|favicon\.ico)$/.test(name)));
  assert.equal(
    await page
      .locator('unnoise-lab')
      .first()
      .evaluate((one) => Reflect.get(one, 'state')),
    'idle',
  );
  await page.locator('unnoise-lab').first().scrollIntoViewIfNeeded();
  await inState(page, 'unnoise-lab >> nth=0', /starting|ready|sampling/);
  assert.deepEqual(errors, []);
  await page.close();
});

test('figures of a page share one engine, and each keeps its state', async () => {
  const figure = (/** @type {string} */ id, /** @type {string} */ mode) =>
    `<unnoise-lab id="${id}" mode="${mode}" ${OWN}
      config='${TINY}'></unnoise-lab>`;
  const { page, errors } = await author(figure('a', 'train') + figure('b', 'train'));
  const live = () => page.evaluate(() => /** @type {any} */ (window).live.size);
  await inState(page, '#a', /ready|resting/);
  await page.locator('#b').scrollIntoViewIfNeeded();
  await inState(page, '#b', /ready|resting/);
  // Who uses a figure has the engine.
  await page.evaluate(() => /** @type {any} */ (document.querySelector('#a')).train());
  await eventually(async () => (await read(page, '#a', 'progress')).step === 20);
  await inState(page, '#a', 'ready');
  assert.equal(await live(), 1);
  assert.equal((await read(page, '#a', 'frame')).total, 4);
  await page.evaluate(() => /** @type {any} */ (document.querySelector('#b')).train());
  await eventually(async () => (await read(page, '#b', 'progress')).step === 20);
  await inState(page, '#a', 'resting');
  assert.equal(await live(), 1);
  assert.equal((await read(page, '#a', 'progress')).step, 20);
  assert.equal((await read(page, '#a', 'frame')).total, 4);
  assert.equal(await page.locator('#a').getByTestId('step').textContent(), '20');
  // It goes on where it was.
  const drawn = (/** @type {string} */ id) =>
    page.locator(id).evaluate(async (element) => {
      const { lab } = /** @type {any} */ (element);
      await Reflect.get(element, 'sample').call(element);
      return { step: lab.step, pixels: [.../** @type {any} */ (element).frame.x_t] };
    });
  const [a, b] = [await drawn('#a'), await drawn('#b')];
  assert.equal(a.step, 20);
  assert.deepEqual(a, b);
  assert.equal(await live(), 1);
  assert.deepEqual(errors, []);
  await page.close();
});

test('training is paused for another figure, and resumed', async () => {
  const long = TINY.replace('"train_steps":20', '"train_steps":100000');
  const figure = (/** @type {string} */ id, /** @type {string} */ mode) =>
    `<unnoise-lab id="${id}" mode="${mode}" ${OWN}
      config='${long}'></unnoise-lab>`;
  const { page, errors } = await author(figure('a', 'train'));
  await inState(page, '#a', 'ready');
  await page.locator('#a').getByTestId('train').click();
  await inState(page, '#a', 'training');
  await page.evaluate(
    (html) => document.body.insertAdjacentHTML('afterbegin', html),
    figure('b', 'sample'),
  );
  // Coming into view is no reason to end what the reader has begun.
  await inState(page, '#b', 'waiting');
  await page.locator('#b').getByText('Another figure of this page is computing').waitFor();
  await inState(page, '#a', 'training');
  await page.locator('#b').getByText('Show this one now').click();
  await inState(page, '#b', 'ready');
  await inState(page, '#a', 'resting');
  await page.locator('#a').getByText('Paused, because another figure').waitFor();
  const { step } = await read(page, '#a', 'progress');
  assert.ok(step > 0);
  await page.locator('#a').getByTestId('train').click();
  await inState(page, '#a', 'training');
  await eventually(async () => (await read(page, '#a', 'progress')).step > step);
  await inState(page, '#b', 'resting');
  await page.locator('#a').getByTestId('pause').click();
  assert.deepEqual(errors, []);
  await page.close();
});

const MODES = {
  forward: { panels: ['forward'], canvas: 'forward-canvas' },
  train: { panels: ['train'], canvas: undefined },
  sample: { panels: ['sample bare'], canvas: 'sample-canvas' },
  compare: { panels: ['sample bare'], canvas: 'compare-canvas-1' },
  edit: { panels: ['edit'], canvas: 'edit-canvas' },
  diagnostics: { panels: ['diagnostics'], canvas: undefined },
};

test('each mode shows its part, light and dark', async () => {
  const { page, errors } = await author('<main></main>');
  for (const [mode, { panels, canvas }] of Object.entries(MODES)) {
    const draws = ['sample', 'compare', 'edit'].includes(mode);
    const events = await page.evaluate(async ([mode, tiny, draws]) => {
      const element = document.createElement('unnoise-lab');
      Object.assign(element, { mode, backend: 'flex', images: 'tests/browser/images/square.png' });
      Object.assign(element, { config: JSON.parse(tiny) });
      const events = /** @type {string[]} */ ([]);
      element.addEventListener('unnoise-state', (event) =>
        events.push(/** @type {CustomEvent} */ (event).detail.state),
      );
      document.querySelector('main')?.replaceChildren(element);
      await new Promise((resolve) => element.addEventListener('unnoise-ready', resolve));
      if (draws) await /** @type {any} */ (element).sample();
      return events;
    }, /** @type {const} */ ([mode, TINY, draws]));
    assert.equal(events[0], 'starting', mode);
    await eventually(async () => (await page.locator('section.panel').count()) === panels.length);
    const names = await page
      .locator('section.panel')
      .evaluateAll((all) => all.map(({ className }) => className.replace('panel', '').trim()));
    assert.deepEqual(names, panels, mode);
    if (canvas) await page.locator(`unnoise-pixels[drawn] [data-testid=${canvas}]`).waitFor();
    assert.equal((await read(page, 'unnoise-lab', 'settings')).mode, mode);
    for (const scheme of /** @type {const} */ (['light', 'dark'])) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.screenshot({
        path: `target/screenshots/mode-${mode}-${scheme}.png`,
        fullPage: true,
      });
    }
  }
  assert.deepEqual(errors, []);
  await page.close();
});

test('own images come by address, from markup and in a zip', async () => {
  const [square, wide] = await Promise.all(
    images('square.png', 'wide.jpg').map((path) => readFile(path)),
  );
  const zip = Buffer.from(
    zipSync({ 'pets/cat/1.png': square, 'pets/dog/2.jpg': wide, 'pets/notes.txt': square }),
  );
  const files = { 'square.png': square, 'wide.jpg': wide, 'pets.zip': zip };
  const lab = `mode="train" backend="flex" config='${TINY}'`;
  const { page, errors } = await author(
    `<unnoise-lab id="address" ${lab} images="square.png wide.jpg gone.png"></unnoise-lab>
     <unnoise-lab id="zip" ${lab} images="pets.zip"></unnoise-lab>
     <unnoise-lab id="markup" ${lab}>
       <img src="square.png" alt="a square" data-label="square" />
       <picture><img src="wide.jpg" alt="a wide one" /></picture>
       <p>Not this: <img src="wide.jpg" alt="" /></p>
     </unnoise-lab>`,
    { files },
  );
  const learnt = async (/** @type {string} */ id) => {
    await page.locator(id).scrollIntoViewIfNeeded();
    await inState(page, id, /ready|resting/);
    return page
      .locator(id)
      .evaluate((element) =>
        /** @type {any} */ (element).lab.images.map(
          (/** @type {any} */ { name, label }) => `${name}:${label}`,
        ),
      );
  };
  assert.deepEqual(await learnt('#address'), ['square.png:undefined', 'wide.jpg:undefined']);
  await page
    .locator('#address')
    .getByText(/gone\.png could not be fetched/)
    .waitFor();
  assert.deepEqual(await learnt('#zip'), ['1.png:cat', '2.jpg:dog']);
  assert.deepEqual(await learnt('#markup'), ['a square:square', 'a wide one:undefined']);
  assert.equal((await read(page, '#markup', 'settings')).dataset, null);
  assert.deepEqual(errors, []);
  await page.close();
});

test('the fallback is seen until the figure works, where it cannot, and on paper', async () => {
  const body = `<unnoise-lab mode="sample" ${OWN} config='${TINY}'>
    <p>A still of the samples.</p></unnoise-lab>`;
  const { page, errors } = await author(SPACE + body);
  const fallback = page.getByText('A still of the samples.');
  assert.ok(await fallback.isVisible());
  await fallback.scrollIntoViewIfNeeded();
  await inState(page, 'unnoise-lab', 'ready');
  await eventually(async () => !(await fallback.isVisible()));
  await page.emulateMedia({ media: 'print' });
  assert.ok(await fallback.isVisible());
  assert.ok(!(await page.locator('unnoise-lab section.panel').isVisible()));
  assert.deepEqual(errors, []);
  await page.close();

  const { page: alone } = await author('<p></p>');
  await alone.route(/\.wasm$/, (route) => route.abort());
  await alone.evaluate((html) => (document.body.innerHTML = html), body);
  await eventually(
    async () =>
      (await alone.locator('unnoise-lab').evaluate((one) => Reflect.get(one, 'state'))) ===
      'failed',
  );
  assert.ok(await alone.getByText('A still of the samples.').isVisible());
  await alone.close();
});

test('the theme is that of the page around, and follows it', async () => {
  const { page, errors } = await author(
    `<unnoise-lab mode="sample" ${OWN} config='${TINY}'></unnoise-lab>`,
  );
  await inState(page, 'unnoise-lab', 'ready');
  const scheme = (/** @type {string} */ wanted) =>
    eventually(
      async () =>
        (await page.locator('unnoise-lab').evaluate((one) => getComputedStyle(one).colorScheme)) ===
        wanted,
    );
  await scheme('light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await scheme('dark');
  const html = (/** @type {string} */ name, /** @type {string} */ value) =>
    page.evaluate(
      ([name, value]) => document.documentElement.setAttribute(name, value),
      [name, value],
    );
  await html('data-theme', 'light');
  await scheme('light');
  await html('data-theme', 'auto');
  await scheme('dark');
  await html('style', 'color-scheme: light');
  await scheme('light');
  await html('style', 'background: #111');
  await page.emulateMedia({ colorScheme: 'light' });
  await scheme('dark');
  await page.locator('unnoise-lab').evaluate((one) => one.setAttribute('theme', 'light'));
  await scheme('light');
  assert.deepEqual(errors, []);
  await page.close();
});

test('a figure that leaves the page and comes back has what it had', async () => {
  const { page, errors } = await author(
    `<main><unnoise-lab mode="train" ${OWN} config='${TINY}'></unnoise-lab></main>`,
  );
  await inState(page, 'unnoise-lab', 'ready');
  await page.evaluate(() => /** @type {any} */ (document.querySelector('unnoise-lab')).train());
  const workers = await page.evaluate(async () => {
    const element = /** @type {any} */ (document.querySelector('unnoise-lab'));
    const main = element.parentElement;
    element.remove();
    Object.assign(window, { element, main });
    return /** @type {any} */ (window).live.size;
  });
  assert.equal(workers, 1);
  // Away, it holds no worker.
  await eventually(() => page.evaluate(() => /** @type {any} */ (window).live.size === 0));
  await page.evaluate(() => {
    const { element, main } = /** @type {any} */ (window);
    main.append(element);
  });
  await inState(page, 'unnoise-lab', /resting|ready/);
  assert.equal((await read(page, 'unnoise-lab', 'progress')).step, 20);
  const step = await page.locator('unnoise-lab').evaluate(async (element) => {
    await Reflect.get(element, 'sample').call(element);
    return /** @type {any} */ (element).lab.step;
  });
  assert.equal(step, 20);
  assert.deepEqual(errors, []);
  await page.close();
});

test('a figure that has left the page for good is let go of', async () => {
  const { page } = await author('<main></main>');
  await page.evaluate(async (config) => {
    await customElements.whenDefined('unnoise-lab');
    const element = /** @type {any} */ (document.createElement('unnoise-lab'));
    // Of plots the last is kept by uPlot: this mode has none.
    Object.assign(element, { mode: 'sample', backend: 'flex', loading: 'eager', hash: true });
    element.setAttribute('images', 'tests/browser/images/square.png');
    element.setAttribute('config', config);
    const ready = new Promise((resolve) => element.addEventListener('unnoise-ready', resolve));
    document.querySelector('main')?.append(element);
    await ready;
    await element.sample();
    element.remove();
    Object.assign(window, { removed: new WeakRef(element) });
  }, TINY);
  await eventually(async () => {
    await page.requestGC();
    return page.evaluate(() => /** @type {any} */ (window).removed.deref() === undefined);
  });
  await page.close();
});

test('what attributes say that makes no sense is said, and left out', async () => {
  const config = JSON.stringify({ toString: 1, constructor: { a: 1 }, __proto__x: 2, steps: 3 });
  const { page, errors } = await author(
    `<unnoise-lab mode="sampel" steps="many" ${OWN}
      config='${config.replace('__proto__x', '__proto__')}'></unnoise-lab>`,
  );
  await inState(page, 'unnoise-lab', 'ready');
  for (const sentence of [
    /mode="sampel" of <unnoise-lab> needs one of lab, forward/,
    /steps="many" of <unnoise-lab> needs a number/,
    /There is no setting called “(toString|constructor|__proto__)”/,
  ]) {
    await page.locator('unnoise-lab').getByText(sentence).first().waitFor();
  }
  const { mode, steps } = await read(page, 'unnoise-lab', 'settings');
  assert.deepEqual({ mode, steps }, { mode: 'lab', steps: 3 });
  assert.deepEqual(errors, []);
  await page.close();
});

test('the page gives code that embeds its figure', async () => {
  const lab = await site.open({
    dataset: 'sprites',
    backend: 'flex',
    sampler: 'ddim',
    steps: 4,
    count: 4,
  });
  await lab.by('embed').click();
  const code = async (/** @type {string} */ format) => {
    await lab.by('embed-format').selectOption(format);
    return lab.by('embed-code').inputValue();
  };
  await lab.page.screenshot({ path: 'target/screenshots/embed-dialog.png' });
  const html = await code('html');
  assert.match(html, /<script type="module" src="http:.*\/pkg\/unnoise\.js"><\/script>/);
  const frame = await code('iframe');
  for (const format of [
    'markdown',
    'mdx',
    'vitepress',
    'astro',
    'myst',
    'sphinx',
    'react',
    'vue',
  ]) {
    assert.match(
      await code(format),
      /<unnoise-lab mode="sample" dataset="sprites"[^>]*sampler="ddim" steps="4"/,
    );
  }
  await lab.page.close();

  const tag = await author(html);
  await tag.page.locator('unnoise-lab[drawn]').waitFor();
  const { steps, sampler, dataset } = await read(tag.page, 'unnoise-lab', 'settings');
  assert.deepEqual({ steps, sampler, dataset }, { steps: 4, sampler: 'ddim', dataset: 'sprites' });
  assert.deepEqual(tag.errors, []);
  await tag.page.close();

  const inFrame = await author(frame);
  const shown = inFrame.page.frameLocator('iframe').locator('section.panel.sample');
  await shown.waitFor({ timeout: 60_000 });
  await eventually(async () => {
    const inside = await inFrame.page.frameLocator('iframe').locator('unnoise-lab').boundingBox();
    const outside = await inFrame.page.locator('iframe').boundingBox();
    return !!inside && !!outside && Math.abs(inside.height - outside.height) <= 1;
  });
  assert.deepEqual(inFrame.errors, []);
  await inFrame.page.close();
});

// Mode plane: points that are drawn, sampled, played and learnt, on the CPU.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, Site } from './lab.mjs';

const site = Site.forTests();

/** A page of an author. @param {string} attributes */
const article = (attributes) => `<!doctype html><meta charset="utf-8">
  <script type="module" src="pkg/unnoise.js"></script>
  <unnoise-lab ${attributes}></unnoise-lab>`;

/** @param {string} hash */
async function open(hash) {
  await (await site.blank()).close();
  const page = await site.context.newPage();
  const errors = /** @type {string[]} */ ([]);
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.route('**/plane.html', (route) =>
    route.fulfill({ contentType: 'text/html', body: article('hash controls') }),
  );
  await page.goto(`${site.address}plane.html#mode=plane&${hash}`);
  return { page, errors };
}

/** @param {import('playwright-core').Page} page */
const scenesOf = (page) =>
  page.locator('unnoise-lab').evaluate((element) => {
    // There is no session until the figure has started.
    const scenes = /** @type {any} */ (element).session?.plane.scenes ?? [];
    return scenes.map((/** @type {any} */ { kind, count, times, points, errors }) => ({
      kind,
      count,
      frames: times.length,
      finite: points.every(Number.isFinite),
      numbers: points.length,
      errors,
    }));
  });

/** @param {import('playwright-core').Page} page @param {string} testid */
const numberIn = async (page, testid) => Number(await page.getByTestId(testid).innerText());

/** How many pixels of a canvas are not as its background. */
const inked = (/** @type {import('playwright-core').Page} */ page, index = 0) =>
  page.getByTestId(`plane-canvas-${index}`).evaluate((canvas) => {
    const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
    const context = /** @type {HTMLCanvasElement} */ (canvas).getContext('2d');
    const { data } = /** @type {CanvasRenderingContext2D} */ (context).getImageData(
      0,
      0,
      width,
      height,
    );
    let count = 0;
    for (let i = 3; i < data.length; i += 4) if (data[i] > 0) count++;
    return count;
  });

test('points are sampled, played, drawn by hand and learnt', async (t) => {
  const { page, errors } = await open('distribution=spiral&count=300&steps=20&sample_seed=4');
  await eventually(async () => (await scenesOf(page)).length === 1);
  const [first] = await scenesOf(page);
  assert.deepEqual(
    { ...first, errors: undefined },
    { kind: 'ideal', count: 300, frames: 21, finite: true, numbers: 21 * 600, errors: undefined },
  );
  assert.ok(first.errors.nearest < 0.05, `${first.errors.nearest}`);
  assert.ok((await inked(page)) > 1000);
  // It stands at the end until somebody plays it.
  assert.match(await page.getByTestId('plane-time').innerText(), /t = 0\.00 · step 20 of 20/);
  await page.getByTestId('plane-play').click();
  await eventually(async () =>
    /step [3-9] of/.test(await page.getByTestId('plane-time').innerText()),
  );
  await page.getByTestId('plane-play').click();

  // Fewer steps err more; DDPM has no right end to compare with.
  const many = await numberIn(page, 'plane-discretisation');
  await page.getByTestId('plane-steps').fill('4');
  await eventually(async () => (await scenesOf(page))[0].frames === 5);
  assert.ok((await numberIn(page, 'plane-discretisation')) > many);
  await page.getByTestId('plane-sampler').selectOption('ddpm');
  await eventually(async () => (await scenesOf(page))[0].errors.discretisation === null);
  assert.equal(await page.getByTestId('plane-discretisation').count(), 0);

  // The marginal flow, which starts from another distribution.
  await page.getByTestId('plane-process').selectOption('rectified-flow');
  await page.getByTestId('plane-source').selectOption('annulus');
  await eventually(async () => {
    const start = await page.locator('unnoise-lab').evaluate((element) => {
      const { plane } = /** @type {any} */ (element).session;
      if (plane.busy || !plane.scenes[0]) return [];
      const { points, count } = plane.scenes[0];
      return Array.from({ length: count }, (_, i) => Math.hypot(points[2 * i], points[2 * i + 1]));
    });
    return start.length > 0 && start.every((radius) => radius > 0.8 && radius < 2.4);
  });

  // Drawn points take the place of the spiral.
  await page.getByTestId('plane-distribution').selectOption('points');
  await page.getByText('Draw here.').waitFor();
  const canvas = page.getByTestId('plane-canvas-0');
  const box = /** @type {{ x: number, y: number, width: number }} */ (await canvas.boundingBox());
  const at = (/** @type {number} */ share) => box.x + share * box.width;
  await page.mouse.move(at(0.3), box.y + 0.5 * box.width);
  await page.mouse.down();
  await page.mouse.move(at(0.7), box.y + 0.5 * box.width, { steps: 8 });
  await page.mouse.up();
  await eventually(async () => (await scenesOf(page))[0]?.errors.nearest < 0.1);
  const drawn = await page
    .locator('unnoise-lab')
    .evaluate((element) => [.../** @type {any} */ (element).session.plane.trainingSet]);
  assert.ok(drawn.length > 20 && drawn.every((value) => Math.abs(value) < 1.2), `${drawn.length}`);
  await page.getByTestId('plane-clear').click();
  assert.equal(await page.getByText('Draw here.').count(), 1);

  // A network learns beside the ideal denoiser, and tells its error from that of the steps.
  await page.getByTestId('plane-distribution').selectOption('gaussians');
  await page.getByTestId('plane-process').selectOption('variance-preserving');
  await page.getByTestId('plane-denoiser-both').check({ force: true });
  await eventually(async () => (await scenesOf(page)).length === 2);
  await page.getByTestId('plane-train').click();
  await eventually(async () => (await numberIn(page, 'plane-step')) > 250);
  await page.getByTestId('plane-pause').click();
  await page.getByTestId('plane-train').waitFor();
  const { means, rate } = await page.locator('unnoise-lab').evaluate((element) => {
    const { curve, rate } = /** @type {any} */ (element).session.plane;
    return { means: [...curve.means], rate };
  });
  t.diagnostic(`${Math.round(rate)} steps a second`);
  assert.ok(means.at(-1) < 0.8 * means[0], `${means[0]} to ${means.at(-1)}`);
  await eventually(async () => (await scenesOf(page))[1]?.errors.training > 0);
  assert.ok((await inked(page, 1)) > 1000);
  // The link has what was chosen.
  await eventually(async () => /denoiser=both/.test(await page.evaluate(() => location.hash)));
  assert.match(await page.evaluate(() => location.hash), /distribution=gaussians/);
  assert.deepEqual(errors, []);
  await page.close();
});

test('claims 2 and 4 are measured by the core and shown as numbers', async () => {
  const { page, errors } = await open(
    'view=claim-2&process=variance-exploding&distribution=moons&count=80&steps=20&sample_seed=3',
  );
  const seen = async (/** @type {string} */ kind) => {
    await eventually(async () =>
      page.locator('unnoise-lab').evaluate((element, kind) => {
        const { plane } = /** @type {any} */ (element).session ?? {};
        return !!plane && !plane.busy && plane.scenes[0]?.kind === kind;
      }, kind),
    );
    return page.locator('unnoise-lab').evaluate((element) => {
      const { plane } = /** @type {any} */ (element).session;
      const { compared, points, field } = plane.scenes[0];
      const claimed = field ? field.arrows : points;
      const { differences, values } = compared;
      // The same again, from what is drawn.
      const size = values.length / differences.length;
      const again = Array.from(differences, (_, frame) => {
        let [squares, sizes, distances] = [0, 0, 0];
        for (let i = frame * size; i < (frame + 1) * size; i += 2) {
          const [dx, dy] = [claimed[i] - values[i], claimed[i + 1] - values[i + 1]];
          squares += dx * dx + dy * dy;
          sizes += values[i] ** 2 + values[i + 1] ** 2;
          distances += Math.hypot(dx, dy) / (size / 2);
        }
        return field ? Math.sqrt(squares / sizes) : distances;
      });
      const frame = Math.round(plane.progress * (differences.length - 1));
      return { most: Math.max(...differences), now: differences[frame], again, differences };
    });
  };
  const shown = async (/** @type {'plane-difference' | 'plane-most'} */ testid) =>
    parseFloat(await page.getByTestId(testid).innerText());
  const same = (/** @type {Awaited<ReturnType<typeof seen>>} */ { again, differences }) => {
    again.forEach((value, i) => assert.ok(Math.abs(value - differences[i]) < 1e-4, `${value}`));
  };

  const exploding = await seen('claim-2');
  same(exploding);
  assert.ok(exploding.most < 0.002, `${exploding.most}`);
  assert.equal(await shown('plane-most'), Number((100 * exploding.most).toFixed(2)));
  assert.ok((await inked(page)) > 1000);
  await page.getByTestId('plane-process').selectOption('variance-preserving');
  await eventually(async () => (await seen('claim-2')).most > 0.2);
  const preserving = await seen('claim-2');
  same(preserving);
  assert.equal(await shown('plane-most'), Number((100 * preserving.most).toFixed(2)));
  assert.equal(await shown('plane-difference'), Number((100 * preserving.now).toFixed(2)));

  await page.evaluate(() => {
    const { plane } = /** @type {any} */ (document.querySelector('unnoise-lab')).session;
    plane.choose({ view: 'claim-4' });
  });
  const parted = await seen('claim-4');
  same(parted);
  assert.ok(parted.most > 0.1, `${parted.most}`);
  assert.equal(await shown('plane-most'), Number(parted.most.toFixed(4)));
  await page.getByTestId('plane-process').selectOption('variance-exploding');
  await eventually(async () => (await seen('claim-4')).most < 1e-4);
  assert.equal(await shown('plane-difference'), 0);
  await eventually(async () => /view=claim-4/.test(await page.evaluate(() => location.hash)));
  // A flow is no chain: what cannot be compared is sampled.
  await page.getByTestId('plane-process').selectOption('rectified-flow');
  await eventually(async () => (await scenesOf(page))[0]?.kind === 'ideal');
  assert.deepEqual(errors, []);
  await page.close();
});

test('nothing moves by itself for who wants no motion', async () => {
  await (await site.blank()).close();
  const page = await site.context.newPage();
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const body = article('mode="plane" view="forward" count="100" autoplay');
  await page.route('**/plane.html', (route) => route.fulfill({ contentType: 'text/html', body }));
  await page.goto(`${site.address}plane.html`);
  await eventually(async () => (await scenesOf(page))[0]?.kind === 'forward');
  assert.equal(
    await page.getByTestId('plane-play').getAttribute('aria-label'),
    'Play the animation',
  );
  // What is asked for moves.
  await page.getByTestId('plane-scrub').fill('1');
  assert.equal(await page.getByTestId('plane-time').innerText(), 't = 1.00');
  assert.equal(await page.getByTestId('plane-distribution').count(), 0);
  await page.close();
});

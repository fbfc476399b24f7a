// Watching a model learn: its drawings over the run, and what is said while one looks elsewhere.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { eventually, Site, TINY } from './lab.mjs';

const site = Site.forTests();

/** Runs in the page before its scripts: notifications are noted, and the page hides when told to. */
function stageVisitor() {
  const told = /** @type {string[]} */ ([]);
  let permission = 'default';
  class Told {
    static get permission() {
      return permission;
    }
    static async requestPermission() {
      return (permission = 'granted');
    }
    /** @param {string} title @param {{ body: string }} options */
    constructor(title, { body }) {
      told.push(`${title}: ${body}`);
    }
  }
  let hidden = false;
  Object.defineProperty(document, 'hidden', { get: () => hidden });
  const hide = (/** @type {boolean} */ value) => {
    hidden = value;
    document.dispatchEvent(new Event('visibilitychange'));
  };
  Object.assign(window, { Notification: Told, told, hide });
}

/**
 * @param {import('./lab.mjs').LabPage} lab
 * @param {boolean} hidden
 */
const hide = (lab, hidden) =>
  lab.page.evaluate((hidden) => /** @type {any} */ (window).hide(hidden), hidden);

/** @param {import('./lab.mjs').LabPage} lab */
const drawing = (lab) =>
  lab.by('preview-canvas').evaluate(async (element) => {
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return /** @type {HTMLCanvasElement} */ (element).toDataURL();
  });

/** @param {import('./lab.mjs').LabPage} lab */
const newest = async (lab) => Number(await lab.by('preview-scrub').getAttribute('max'));

test('a run is watched as it learns, looked back at, played and kept', async () => {
  const lab = await site.open({ ...TINY, backend: 'flex', train_steps: 100_000 });
  await lab.page.addInitScript(stageVisitor);
  await lab.page.reload();
  await lab.ready();

  // While one looks elsewhere.
  await lab.by('preview-pauses').check();
  await lab.by('preview-notify').check();
  await lab.by('train').click();
  await eventually(async () => (await lab.text('milestone')) === 'The first drawings are there.');
  await hide(lab, true);
  await lab.by('train').waitFor();
  await hide(lab, false);
  await lab.by('pause').waitFor();
  await lab.by('preview-pauses').uncheck();

  // The newest drawing is shown, measured, and followed.
  await lab.page.locator('[data-testid=preview-scrub][max="1"]').waitFor();
  await lab.by('pause').click();
  await lab.ready();
  const last = await newest(lab);
  const end = await drawing(lab);
  assert.match(await lab.text('preview-step'), /^after step [\d,]+, loss [\d.]+$/);
  await lab.by('quality').waitFor();
  assert.match(await lab.text('distance-layout'), /^-?\d+ ± \d+$/);
  assert.match(await lab.text('distance-edges'), /^-?\d+ ± \d+$/);
  await eventually(async () => /^\d of 9$/.test(await lab.text('preview-copies')));
  assert.match(
    await lab.text('contrast'),
    /^Contrast of the drawings: colours [^;]+; layout [^;]+; detail [^;]+\.$/,
  );

  // Back to the beginning, by keyboard.
  await lab.by('preview-scrub').focus();
  await lab.page.keyboard.press('Home');
  await eventually(async () => (await lab.by('preview-scrub').inputValue()) === '0');
  const [, step] = /^after step ([\d,]+),/.exec(await lab.text('preview-step')) ?? [];
  const begin = await drawing(lab);
  assert.notEqual(begin, end);
  assert.equal(await lab.by('quality').getAttribute('data-step'), step.replaceAll(',', ''));
  await lab.by('preview-play').click();
  assert.equal(await lab.text('preview-play'), 'Pause the film');
  await eventually(async () => (await lab.text('preview-play')) === 'Play the whole run');
  assert.equal(Number(await lab.by('preview-scrub').inputValue()), last);
  assert.equal(await drawing(lab), end);

  const download = lab.page.waitForEvent('download');
  await lab.by('preview-gif').click();
  const film = await readFile(await (await download).path());
  const frames = await lab.page.evaluate(
    async (bytes) => {
      const decoder = new ImageDecoder({ data: Uint8Array.from(bytes), type: 'image/gif' });
      await decoder.tracks.ready;
      return decoder.tracks.selectedTrack?.frameCount;
    },
    [...film],
  );
  assert.equal(frames, last + 1);

  // The end is said, and shown to whoever is elsewhere.
  await lab.by('train-steps').fill('8');
  await lab.by('train-steps').blur();
  await hide(lab, true);
  await lab.by('train').click();
  await eventually(async () => /^Finished after [\d,]+ steps\.$/.test(await lab.text('milestone')));
  const told = await lab.page.evaluate(() => /** @type {any} */ (window).told);
  assert.equal(told.length, 1);
  assert.match(told[0], /^“Emoji faces” is trained: Finished after [\d,]+ steps\.$/);
  await hide(lab, false);
  await lab.ready();
  assert.deepEqual(lab.errors, []);

  // All of it is there when the page is opened again.
  const kept = await newest(lab);
  await lab.page.reload();
  await lab.ready();
  assert.equal(await lab.by('preview-notify').isChecked(), false, 'permission is asked for anew');
  await lab.by('resume-run').click();
  await eventually(async () => (await lab.by('preview-scrub').count()) > 0);
  assert.equal(await newest(lab), kept);
  await lab.by('preview-scrub').fill('0');
  await eventually(async () =>
    (await lab.text('preview-step')).startsWith(`after step ${step}, kept with the run, loss`),
  );
  assert.equal(await drawing(lab), begin);
  const bare = step.replaceAll(',', '');
  await eventually(async () => (await lab.by('quality').getAttribute('data-step')) === bare);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

/**
 * @param {string} name
 * @param {string} drawing of 16 × 16
 */
const svg = (name, drawing) => ({
  name,
  mimeType: 'image/svg+xml',
  buffer: Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16">${drawing}</svg>`,
  ),
});

test('what is denoised far worse than the rest is pointed out', async () => {
  const page = await site.blank();
  const found = await page.evaluate(async () => {
    const { outliers } = await import('/web/lib/outliers.js');
    const alike = Array.from({ length: 20 }, (_, i) => [1 + (i % 5) / 10, 2, 3 - (i % 3) / 10]);
    return {
      none: outliers(alike),
      few: outliers([
        [1, 1],
        [1, 1],
        [9, 9],
      ]),
      // Bad at one thing is not enough; the worst comes first.
      some: outliers([...alike, [9, 2, 3], [4, 8, 3], [9, 20, 30]]),
      same: outliers(Array.from({ length: 9 }, (_, i) => (i === 4 ? [1, 1] : [0, 0]))),
    };
  });
  await page.close();
  assert.deepEqual([found.none, found.few], [[], []]);
  assert.deepEqual(
    found.some.map(({ place }) => place),
    [22, 21],
  );
  assert.ok(found.some[0].times > 7 && found.some[0].times < 11);
  assert.deepEqual(
    found.same.map(({ place }) => place),
    [4],
  );

  const lab = await site.open({ ...TINY, backend: 'flex', train_steps: 200 });
  const plain = Array.from({ length: 11 }, (_, i) =>
    svg(`plain-${i}.svg`, `<rect width="16" height="16" fill="hsl(${i * 3},70%,${50 + i}%)"/>`),
  );
  const squares = Array.from({ length: 256 }, (_, i) => [i % 16, i >> 4])
    .filter(([x, y]) => (x * 7 + y * 11 + ((x * y) % 5)) % 3 === 0)
    .map(([x, y]) => `<rect x="${x}" y="${y}" width="1" height="1" fill="#fff"/>`);
  const odd = svg('odd.svg', `<rect width="16" height="16" fill="#02f"/>${squares.join('')}`);
  await lab.by('clear-images').click();
  await lab.by('file-input').setInputFiles([...plain.slice(0, 6), odd, ...plain.slice(6)]);
  await eventually(async () => (await lab.by('thumb').count()) === 12);
  await lab.train();
  await lab.by('unlearnt').scrollIntoViewIfNeeded();
  await eventually(async () => /After step 200\.$/.test(await lab.text('unlearnt-said')));
  assert.match(await lab.text('unlearnt-said'), /^1 image not learnt yet\. .* the other images\./s);
  const image = lab.by('unlearnt-image');
  assert.match(
    (await image.getAttribute('aria-label')) ?? '',
    /^Image 7, odd\.svg, Error [\d.]+ times that of the median image$/,
  );
  await image.focus();
  await lab.page.keyboard.press('Enter');
  assert.equal(await image.getAttribute('aria-pressed'), 'true');
  await lab.by('unlearnt-closely').getByText('odd.svg').waitFor();
  await lab.page.locator('unnoise-history').screenshot({ path: 'target/screenshots/unlearnt.png' });
  await lab.by('unlearnt-follow').click();
  await eventually(async () => (await lab.text('bound-image')) === 'image 7 of 12');
  // Other images have nothing of it.
  await lab.by('clear-images').click();
  await lab.by('unlearnt').waitFor({ state: 'detached' });
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

// Stored runs: they are kept in the browser, found again, compared, taken elsewhere and deleted.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ALL_IMAGES, beforeWorkers, eventually, images, LabPage, Site, TINY } from './lab.mjs';

const SETTINGS = { ...TINY, backend: 'flex' };

const site = Site.forTests();

/** @param {LabPage} lab */
const names = (lab) => lab.by('run-name').evaluateAll((all) => all.map((input) => input.value));

/**
 * @param {LabPage} lab
 * @param {string[]} expected
 */
async function shows(lab, expected) {
  /** @type {string[]} */
  let shown = [];
  await eventually(async () => String((shown = await names(lab))) === String(expected)).catch(() =>
    assert.deepEqual(shown, expected),
  );
}

/**
 * The card of a run.
 * @param {LabPage} lab
 * @param {number} place
 */
const card = (lab, place) => lab.by('run').nth(place);

test('runs are found again, opened, renamed, duplicated, compared and deleted', async () => {
  const first = await site.open(SETTINGS);
  await first.replaceImages(ALL_IMAGES);
  await first.train();
  await shows(first, ['My images']);
  await first.sample();
  const drawn = await first.pixels();
  // Another run from the same images leaves the first alone.
  await first.by('start-from-scratch').check({ force: true });
  await first.by('batch-size').selectOption('8');
  await first.train();
  await shows(first, ['My images 2', 'My images']);
  await card(first, 1).getByTestId('run-name').fill('Six pictures');
  await card(first, 1).getByTestId('run-name').blur();

  // The first page stays until then: the field shows the name before it is stored.
  const lab = await site.open(SETTINGS);
  await lab.replaceImages(images('square.png'));
  await shows(lab, ['My images 2', 'Six pictures']);
  await first.page.close();
  await card(lab, 1).getByTestId('run-open').click();
  await eventually(async () => (await lab.by('thumb').count()) === ALL_IMAGES.length);
  await lab.ready();
  assert.equal(await lab.text('step'), '30');
  await lab.sample();
  assert.equal(await lab.pixels(), drawn);
  await shows(lab, ['Six pictures', 'My images 2']);
  await card(lab, 0).getByTestId('run-duplicate').click();
  await shows(lab, ['Six pictures 2', 'Six pictures', 'My images 2']);

  await card(lab, 1).getByTestId('run-compare').check();
  await card(lab, 2).getByTestId('run-compare').check();
  const comparison = lab.by('run-comparison');
  await comparison.waitFor();
  const cells = await comparison.locator('tbody :is(th, td)').allTextContents();
  assert.deepEqual(cells, ['batch_size', '4', '8']);

  // A copy shares its images: they stay for the other.
  await card(lab, 1).getByTestId('run-delete').click();
  await card(lab, 1).getByTestId('run-delete-sure').click();
  await shows(lab, ['Six pictures 2', 'My images 2']);
  await card(lab, 0).getByTestId('run-open').click();
  await eventually(async () => (await lab.by('thumb').count()) === ALL_IMAGES.length);
  await lab.ready();
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('a run goes to a file and back, and everything can be deleted', async () => {
  const lab = await site.open(SETTINGS);
  const download = lab.page.waitForEvent('download');
  await card(lab, 0).getByTestId('run-export').click();
  const file = await download;
  assert.match(file.suggestedFilename(), /^Six-pictures-2-step-30\.unnoise$/);
  const bytes = await readFile(await file.path());
  assert.match(await lab.text('runs-space'), /used, .* left/);
  await lab.by('runs-delete-all').click();
  await lab.by('runs-delete-all-sure').click();
  await shows(lab, []);

  const given = (/** @type {Buffer} */ buffer) => ({
    name: 'a.unnoise',
    mimeType: 'application/zip',
    buffer,
  });
  await lab.by('run-import').setInputFiles(given(bytes.subarray(0, bytes.length / 2)));
  await lab.page.getByText('cut short or damaged').waitFor();
  await lab.by('run-import').setInputFiles(given(bytes));
  await shows(lab, ['Six pictures 2']);
  await card(lab, 0).getByTestId('run-open').click();
  await eventually(async () => (await lab.by('thumb').count()) === ALL_IMAGES.length);
  await lab.ready();
  assert.equal(await lab.text('step'), '30');
  // It goes on as the same run.
  await lab.train();
  await eventually(async () => (await lab.text('step')) === '60');
  await shows(lab, ['Six pictures 2']);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('where the storage is full or forbidden it is said, and training goes on', async () => {
  const page = (await site.blank()).context().newPage();
  const lab = new LabPage(await page);
  await beforeWorkers(lab.page, () => {
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (/** @type {any[]} */ ...args) {
      if (this.name === 'checkpoints') throw new DOMException('full', 'QuotaExceededError');
      return put.apply(this, /** @type {any} */ (args));
    };
  });
  await lab.goto(site.address, SETTINGS);
  await lab.train();
  await lab.page.getByText('storage is full: the newest steps are not kept').waitFor();
  assert.equal(await lab.text('step'), '30');
  // The run that is there is as it was.
  assert.deepEqual(await names(lab), ['Six pictures 2']);
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

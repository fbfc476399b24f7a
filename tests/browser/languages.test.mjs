// The page in each of its languages, and from right to left.
import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { before, test } from 'node:test';
import { LANGUAGES } from '../../web/lib/languages.js';
import { eventually, LabPage, link, Site } from './lab.mjs';

/** Little to draw, so that the page is ready soon. */
const QUICK = { steps: 1, count: 4, backend: 'flex' };
const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

/** What is the same in every language: names, and what is none. */
const NAMES = [
  ...LANGUAGES.map(([, name]) => name),
  'Unnoise',
  // Articles of the footer.
  /^[\w &]+ et al\. \d+$/,
  'Nichol & Dhariwal 2021',
  '(DDPM),',
  // The licence of the bundled set.
  /© Google LLC/,
  /^[+−]?[\d.]+ dB$/,
  // Images of the bundled set, named as it was called when it was loaded.
  /^絵文字の顔 \d+$/,
];
/** Words that another language writes as English does. */
const COGNATES = /** @type {Record<string, (string | RegExp)[]>} */ ({
  de: ['Seed', 'Samples'],
  fr: [/^\d+ images$/, 'Images', 'Pause', 'image', 'copies'],
  es: [],
  ja: [],
  zh: [],
});

const site = Site.forTests();

before(() => mkdir('target/screenshots', { recursive: true }));

/** What a visitor presses first. */
const BUTTONS = ['Train on your images', 'Start training', 'Sample', 'Copy link'];

/** @param {string} name */
const picture = (name) => `target/screenshots/language-${name}.png`;

/**
 * Opens the page as a visitor does who wants these languages.
 * @param {string[]} languages
 */
async function open(languages) {
  const page = await site.context.newPage();
  await page.setViewportSize(WIDE);
  await page.addInitScript((languages) => {
    localStorage.setItem('unnoise.detail', 'plain');
    Object.defineProperty(navigator, 'languages', { value: languages });
  }, languages);
  const lab = new LabPage(page);
  await page.goto(link(site.address, QUICK));
  await lab.ready();
  return lab;
}

/** What is seen or heard on the page, within the element too. @param {LabPage} lab */
const texts = ({ page }) =>
  page.evaluate(() => {
    const found = new Set();
    const note = (/** @type {string | null} */ text) =>
      text && /\p{L}{2}/u.test(text) && found.add(text.replaceAll(/\s+/g, ' ').trim());
    const visit = (/** @type {ParentNode} */ root) => {
      for (const element of root.querySelectorAll('*')) {
        if (!element.checkVisibility({ visibilityProperty: true })) continue;
        if (element.closest('math, script, style, svg')) continue;
        for (const name of ['aria-label', 'title', 'placeholder', 'aria-valuetext']) {
          note(element.getAttribute(name));
        }
        for (const node of element.childNodes) if (node instanceof Text) note(node.data);
        if (element.shadowRoot) visit(element.shadowRoot);
      }
    };
    visit(document);
    return /** @type {string[]} */ ([...found]);
  });

/** What is wider than the screen. @param {LabPage} lab */
const overflow = ({ page }) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** @param {LabPage} lab */
const language = ({ page }) =>
  page.evaluate(() => {
    const { lang, dir } = document.documentElement;
    const root = document.querySelector('unnoise-lab')?.shadowRoot?.querySelector('.root');
    return { lang, dir, within: root?.getAttribute('lang') };
  });

/**
 * A picture of the first screen, at a size at which nothing is wider than the screen.
 * @param {LabPage} lab
 * @param {string} name
 */
async function fits(lab, name) {
  for (const [size, viewport] of /** @type {const} */ ([
    ['phone', PHONE],
    ['wide', WIDE],
  ])) {
    await lab.page.setViewportSize(viewport);
    // Pictures take the new size with the next frame.
    await lab.page.evaluate(
      () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    );
    assert.equal(await overflow(lab), 0, `${name} at ${viewport.width} pixels`);
    await lab.page.screenshot({ path: picture(`${name}-${size}`) });
  }
}

/**
 * What the page does not say in a language, once all panels have been drawn in it.
 * @param {LabPage} lab
 * @param {string} tag
 * @param {string[]} english what it says in English
 */
async function untranslated(lab, tag, english) {
  const catalogue = JSON.parse(await readFile(`web/locales/${tag}.json`, 'utf8'));
  const same = [...NAMES, ...COGNATES[tag]];
  const named = (/** @type {string} */ text) =>
    same.some((name) => (typeof name === 'string' ? name === text : name.test(text)));
  /** @type {string[]} */
  let left = [];
  // A panel is drawn in a task of its own.
  for (let tries = 0; tries < 50; tries++) {
    const said = await texts(lab);
    left = [
      ...BUTTONS.filter((words) => !said.includes(catalogue[words])),
      ...said.filter((text) => english.includes(text) && !named(text)),
    ];
    if (left.length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return left;
}

test('the page speaks each of its languages, the first time that of the browser', async () => {
  const lab = await open(['pt', 'ja-JP', 'en']);
  const { page } = lab;
  assert.deepEqual(await language(lab), { lang: 'ja', dir: 'ltr', within: 'ja' });
  const choice = page.locator('#language');
  await choice.selectOption('en');
  await lab.by('sample').filter({ hasText: 'Sample' }).waitFor();
  await lab.by('train').filter({ hasText: 'Start training' }).waitFor();
  const english = await texts(lab);
  for (const [tag] of LANGUAGES) {
    await choice.selectOption(tag);
    await eventually(async () => (await language(lab)).within === tag);
    if (tag !== 'en') assert.deepEqual(await untranslated(lab, tag, english), [], tag);
    await fits(lab, tag);
  }
  await choice.selectOption('de');
  await lab.by('train').filter({ hasText: 'Training starten' }).waitFor();
  assert.match(await page.title(), /^Unnoise: ein Diffusionsmodell/);
  assert.equal(await lab.text('parameters'), '1,05 M');
  assert.deepEqual(lab.errors, []);

  // The choice is kept; an address may ask for another, even one that there are no sentences of.
  await page.goto(`${site.address}?lang=ar`);
  await lab.ready();
  assert.deepEqual(await language(lab), { lang: 'ar', dir: 'rtl', within: 'en' });
  await isMirrored(lab);
  await fits(lab, 'rtl');
  await page.goto(site.address);
  await page.getByLabel('Sprache').waitFor();
  await page.evaluate(() => localStorage.removeItem('unnoise.language'));
  await page.close();
});

/** @param {LabPage} lab from right to left */
async function isMirrored({ page }) {
  const right = async (/** @type {import('playwright-core').Locator} */ locator) => {
    const box = await locator.boundingBox();
    return (box?.x ?? 0) + (box?.width ?? 0);
  };
  // What is read first is on the right.
  const number = await right(page.locator('.panel.train .number'));
  assert.ok(number > (await right(page.locator('#train-title'))));
  const start = await right(page.getByTestId('train'));
  assert.ok(start > (await right(page.getByTestId('reset'))));
  const controls = await right(page.locator('.panel.train .controls'));
  assert.ok(controls > (await right(page.locator('.panel.train .results'))));
  // Charts stay as they are.
  const chart = page.locator('#mix-plot');
  assert.equal(await chart.evaluate((plot) => getComputedStyle(plot).direction), 'ltr');
}

test('an embedded figure follows the language of what is around it', async () => {
  const blank = await site.blank();
  await blank.close();
  const page = await site.context.newPage();
  const body = `<!doctype html><html lang="en"><script type="module" src="pkg/unnoise.js"></script>
    <section lang="fr"><unnoise-lab mode="forward" loading="eager" backend="flex"
      images="tests/browser/images/square.png"></unnoise-lab></section>`;
  await page.route('**/article.html', (route) => route.fulfill({ contentType: 'text/html', body }));
  await page.goto(`${site.address}article.html`);
  const title = page.locator('#forward-title');
  await title.filter({ hasText: 'Vers le bruit' }).waitFor();
  await page
    .locator('section[lang]')
    .evaluate((section) => section.setAttribute('lang', 'zh-Hans'));
  await title.filter({ hasText: '走向噪声' }).waitFor();
  // Hebrew has no sentences here, but a direction.
  await page.locator('unnoise-lab').evaluate((lab) => lab.setAttribute('lang', 'he'));
  await title.filter({ hasText: 'Into noise' }).waitFor();
  assert.equal(await title.evaluate((h2) => getComputedStyle(h2).direction), 'rtl');
  await page.close();
});

test('what the core refuses is said in the language of the page', async () => {
  const page = await site.context.newPage();
  const lab = new LabPage(page);
  await page.goto(link(`${site.address}?lang=de`, { ...QUICK, size: 18 }));
  await page.getByText('Diese Einstellungen gehen so nicht: size ist 18').waitFor();
  assert.deepEqual(lab.errors, []);
  await page.close();
});

// The page in each of its languages, and from right to left.
import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { before, test } from 'node:test';
import { LANGUAGES } from '../../web/lib/languages.js';
import { LabPage, link, Site } from './lab.mjs';

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
  /^Nichol & Dhariwal 2021$/,
  // The licence of the bundled set.
  /© Google LLC/,
  /^Emojis?$/,
];
/** Words that another language writes as English does. */
const COGNATES = {
  de: ['Training', 'Poster', 'Sampler', 'Backend', 'Muon'],
  fr: ['Images', 'Pause', 'Image'],
  es: ['Color'],
};

/** @type {Record<string, string>} by language */
const picture = (language, width) => `target/screenshots/language-${language}-${width}.png`;

const site = Site.forTests();

before(() => mkdir('target/screenshots', { recursive: true }));

/**
 * @param {{ languages?: string[], query?: string, viewport?: typeof WIDE }} visitor
 */
async function open({ languages = ['en'], query = '', viewport = WIDE }) {
  const page = await site.context.newPage();
  await page.setViewportSize(viewport);
  await page.addInitScript((languages) => {
    localStorage.setItem('unnoise.detail', 'plain');
    Object.defineProperty(navigator, 'languages', { value: languages });
  }, languages);
  const lab = new LabPage(page);
  await page.goto(link(`${site.address}${query}`, QUICK));
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

/** What the page says in English. @type {string[]} */
let english = [];

for (const [tag] of LANGUAGES) {
  test(`the page in the language ${tag}`, async () => {
    const lab = await open({ languages: [`${tag}-XX`, 'en'] });
    const { page } = lab;
    assert.deepEqual(await language(lab), { lang: tag, dir: 'ltr', within: tag });
    const said = await texts(lab);
    if (tag === 'en') english = said;
    else await isTranslated(tag, said);
    await page.screenshot({ path: picture(tag, 'wide') });
    await page.setViewportSize(PHONE);
    assert.equal(await overflow(lab), 0);
    await page.screenshot({ path: picture(tag, 'phone') });
    assert.deepEqual(lab.errors, []);
    await page.close();
  });
}

/** @param {string} tag @param {string[]} said */
async function isTranslated(tag, said) {
  const catalogue = JSON.parse(await readFile(`web/locales/${tag}.json`, 'utf8'));
  for (const words of ['Train on your images', 'Start training', 'Sample', 'Copy link']) {
    assert.ok(said.includes(catalogue[words]), `${words}: ${catalogue[words]}`);
  }
  const same = [...NAMES, ...(COGNATES[/** @type {'de'} */ (tag)] ?? [])];
  const left = said.filter(
    (text) =>
      english.includes(text) &&
      !same.some((name) => (typeof name === 'string' ? name === text : name.test(text))),
  );
  assert.deepEqual(left, []);
}

test('a visitor chooses a language, which is kept', async () => {
  const lab = await open({});
  const { page } = lab;
  await page.getByLabel('Language').selectOption('de');
  await page.getByLabel('Sprache').waitFor();
  await lab.by('train').filter({ hasText: 'Training starten' }).waitFor();
  assert.match(await page.title(), /^Unnoise: ein Diffusionsmodell/);
  await page.reload();
  await page.getByLabel('Sprache').waitFor();
  assert.equal((await language(lab)).lang, 'de');
  // Numbers are those of the language, too.
  await lab.ready();
  const parameters = await lab.by('parameters').textContent();
  assert.match(parameters ?? '', /\d k$/);
  await page.evaluate(() => localStorage.removeItem('unnoise.language'));
  await page.close();
});

test('an embedded figure follows the page around it', async () => {
  const page = await site.blank();
  await page.evaluate(async () => {
    document.body.innerHTML =
      '<section lang="fr"><unnoise-lab mode="train" controls loading="eager" base="pkg/"></unnoise-lab></section>';
    await import(new URL('pkg/unnoise.js', location.href).href);
  });
  const lab = new LabPage(page);
  await lab.ready();
  assert.equal((await lab.text('train')).trim(), 'Lancer l’entraînement');
  await page.evaluate(() => document.querySelector('section')?.setAttribute('lang', 'ja'));
  await lab.by('train').filter({ hasText: '学習を開始' }).waitFor();
  await page.close();
});

for (const viewport of [WIDE, PHONE]) {
  test(`from right to left, ${viewport.width} pixels wide`, async () => {
    const lab = await open({ query: '?lang=ar', viewport });
    const { page } = lab;
    assert.deepEqual(await language(lab), { lang: 'ar', dir: 'rtl', within: 'en' });
    assert.equal(await overflow(lab), 0);
    const right = async (/** @type {import('playwright-core').Locator} */ locator) => {
      const box = await locator.boundingBox();
      return (box?.x ?? 0) + (box?.width ?? 0);
    };
    // What is read first is on the right.
    const number = await right(page.locator('.panel.train .number'));
    assert.ok(number > (await right(page.locator('#train-title'))));
    const start = await right(lab.by('train'));
    assert.ok(start > (await right(lab.by('reset'))));
    // Charts stay as they are.
    const direction = await page
      .locator('#loss-plot')
      .evaluate((plot) => getComputedStyle(plot).direction);
    assert.equal(direction, 'ltr');
    await page.screenshot({ path: picture('rtl', viewport === WIDE ? 'wide' : 'phone') });
    await page.screenshot({
      path: picture('rtl', viewport === WIDE ? 'wide-all' : 'phone-all'),
      fullPage: true,
    });
    await page.close();
  });
}

// What is tried of the element in a host: a column of docs/embedding/matrix.md each.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { codeOf } from './guides.mjs';

/**
 * @import { Browser, Frame, Page } from 'playwright-core'
 * @typedef {import('./list.mjs').Host} Host
 */

export const COLUMNS = /** @type {const} */ ([
  'loads',
  'samples',
  'bundled set',
  'trains',
  'own images',
  'theme',
  'CSP',
]);

const README = await codeOf('../../pkg/README', 'Hosting');
const SELF_HOSTING = await codeOf('self-hosting', 'Content-Security-Policy');

/** Policies of the documentation, and what the matrix says of those that pass. */
const POLICIES = {
  strict: { policy: README.policies[0], cell: 'strict' },
  foreign: { policy: README.policies[1], cell: 'for another origin' },
  inline: { policy: SELF_HOSTING.policies[0], cell: 'with inline scripts' },
};

/**
 * A new page, and what goes wrong in it.
 * @param {Browser} browser
 * @param {RegExp} [ownErrors] of the host
 */
export async function openPage(browser, ownErrors) {
  // With a scheme of its own the browser would not tell frames that of the page around.
  const page = await browser.newPage({ viewport: { width: 1300, height: 800 }, colorScheme: null });
  // Some hosts take their time, and some machines.
  page.setDefaultTimeout(300_000);
  const wrong = /** @type {string[]} */ ([]);
  const note = (/** @type {string} */ text) => ownErrors?.test(text) || wrong.push(text);
  page.on('pageerror', (error) => note(String(error)));
  page.on('console', (message) => {
    // No host here has an icon.
    const { url } = message.location();
    if (message.type() === 'error' && !/favicon/.test(url)) note(`${message.text()} ${url}`);
  });
  return { page, wrong };
}

/** What runs in the page: each by the element's public interface. */
const STEPS = {
  starts: (element, until) => until('ready', () => element.settings),
  loads: async (element, until) => {
    await until('drawn', () => element.hasAttribute('drawn') && element.settings);
    return element.lab.backend;
  },
  samples: async (element, until) => {
    element.pause();
    let done = false;
    const hear = ({ detail }) => (done ||= detail.kind === 'sample');
    element.addEventListener('unnoise-done', hear);
    element.sample();
    await until('sampled', () => done);
  },
  'bundled set': async (element, until) => {
    const counts = [];
    for (const set of ['digits', 'faces', 'sprites']) {
      element.datasetName = set;
      await until(set, () => element.settings?.dataset === set);
      await until(`the model of ${set}`, () => element.lab.step > 0 && element.lab.images.length);
      counts.push(element.lab.images.length);
    }
    element.pause();
    return counts;
  },
  trains: async (element) => {
    const { backend, images } = element.lab;
    const lab = await element.lab.constructor.create({
      backend,
      workers: 2,
      config: {
        size: 16,
        'unet.block_out_channels': [8, 16],
        'unet.norm_num_groups': 4,
        batch_size: 4,
      },
    });
    lab.setImages(images);
    const losses = [];
    for await (const report of lab.train({ steps: 3 })) losses.push(...report.losses);
    const { workers } = lab;
    lab.dispose();
    return { losses, workers };
  },
  'own images': async (element, until) => {
    const canvas = new OffscreenCanvas(20, 20);
    canvas.getContext('2d').fillRect(0, 0, 9, 20);
    const transfer = new DataTransfer();
    transfer.items.add(new File([await canvas.convertToBlob()], 'own.png', { type: 'image/png' }));
    const options = { dataTransfer: transfer, bubbles: true, cancelable: true, composed: true };
    element.dispatchEvent(new DragEvent('drop', options));
    await until('own image', () => element.lab.images.some(({ name }) => name === 'own.png'));
  },
};

/**
 * Whether the text of the element is light, as it is on something dark.
 * @param {Page | Frame} page
 * @returns {Promise<boolean>}
 */
const isDark = (page) =>
  evaluate(page, (element) => {
    const root = element.shadowRoot.querySelector('.root');
    const context = new OffscreenCanvas(1, 1).getContext('2d');
    context.fillStyle = getComputedStyle(root).color;
    context.fillRect(0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data[0] > 128;
  });

/** Wherever it is: some hosts put it into a shadow tree. */
function findElement(root = document) {
  const found = root.querySelector('unnoise-lab');
  if (found) return found;
  for (const element of root.querySelectorAll('*')) {
    const inside = element.shadowRoot && findElement(element.shadowRoot);
    if (inside) return inside;
  }
}

/**
 * @param {Page | Frame} page
 * @param {(element: any, until: (what: string, holds: () => unknown) => Promise<void>) => unknown} step
 *   what runs in the page
 */
function evaluate(page, step) {
  return page.evaluate(`(async () => {
    const until = async (what, holds) => {
      for (let tries = 0; !holds(); tries++) {
        if (tries > 1800) throw new Error('never: ' + what);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    ${findElement}
    await until('the element', () => findElement());
    return (${step})(findElement(), until);
  })()`);
}

/** @param {Page | Frame} page @param {keyof typeof STEPS} name */
export const takeStep = (page, name) => evaluate(page, STEPS[name]);

/**
 * Where the element is: in the page, or in a frame of it.
 * @param {Page} page
 * @param {Host} host
 * @returns {Promise<Page | Frame>}
 */
async function placeOf(page, host) {
  if (!host.inside) return page;
  await page.frameLocator(host.inside).locator('unnoise-lab').waitFor();
  return (await page.locator(host.inside).elementHandle()).contentFrame();
}

/** @param {Page} page @param {Page | Frame} place @param {Host} host */
async function followTheme(page, place, host) {
  const before = await isDark(place);
  await host.toggle(page);
  // Its own change may fade.
  for (let tries = 0; (await isDark(place)) === before; tries++) {
    assert.ok(tries < 50, `stays ${before ? 'dark' : 'light'}`);
    await page.waitForTimeout(100);
  }
  return before ? 'dark' : 'light';
}

/** @param {Page} page @param {Host} host @param {string} file */
async function shoot(page, host, file) {
  await page
    .locator(host.inside ?? 'unnoise-lab')
    .first()
    .scrollIntoViewIfNeeded();
  await page.screenshot({ path: file });
}

/**
 * @param {object} given
 * @param {Host} given.host
 * @param {Browser} given.browser
 * @param {import('./serve.mjs').Serving} given.serving
 * @param {string[]} given.policies of its guide
 * @param {(text: string) => string} given.fill puts addresses that there are in place of the guides'
 * @param {string} given.shots path of screenshots, without their ends
 * @returns {Promise<Record<string, string>>} what each column says
 */
export async function tryElement({ host, browser, serving, policies, fill, shots }) {
  const address = `${serving.address}/${host.page ?? ''}`;
  const { page, wrong } = await openPage(browser, host.ownErrors);
  /** @type {Record<string, string>} */
  const cells = {};
  let column = 'loads';
  try {
    await page.goto(address);
    const place = await placeOf(page, host);
    assert.equal(await takeStep(place, 'loads'), 'flex');
    await host.also?.(page);
    cells.loads = 'yes';
    if (host.toggle) {
      column = 'theme';
      await shoot(page, host, `${shots}-1.png`);
      await followTheme(page, place, host);
      await shoot(page, host, `${shots}-2.png`);
      cells.theme = 'follows';
    }
    column = 'samples';
    await takeStep(place, 'samples');
    cells.samples = 'yes';
    column = 'bundled set';
    assert.deepEqual(await takeStep(place, 'bundled set'), [500, 100, 256]);
    cells['bundled set'] = 'all three';
    column = 'trains';
    const { losses, workers } = await takeStep(place, 'trains');
    assert.equal(losses.length, 3);
    assert.ok(losses.every(Number.isFinite));
    assert.equal(workers, 2);
    cells.trains = 'yes';
    column = 'own images';
    await takeStep(place, 'own images');
    cells['own images'] = 'yes';
    assert.deepEqual(wrong, []);
    column = 'CSP';
    await page.close();
    cells.CSP = await tryPolicy({ host, browser, serving, fill, policies, address });
  } catch (error) {
    throw new Error(`${column}: ${error.message}\n${wrong.join('\n')}`, { cause: error });
  } finally {
    await page.close();
  }
  return cells;
}

/**
 * @param {object} given
 * @param {Host} given.host
 * @param {Browser} given.browser
 * @param {import('./serve.mjs').Serving} given.serving
 * @param {(text: string) => string} given.fill
 * @param {string[]} given.policies
 * @param {string} given.address
 */
async function tryPolicy({ host, browser, serving, fill, policies, address }) {
  if (host.policy === 'own') return 'own';
  if (host.server || host.twice) return '—';
  const { policy, cell } =
    host.policy === 'guide'
      ? { policy: policies[0], cell: 'of its guide' }
      : POLICIES[host.policy ?? 'strict'];
  serving.headers['content-security-policy'] = fill(policy);
  const { page, wrong } = await openPage(browser, host.ownErrors);
  try {
    await page.goto(address);
    await takeStep(await placeOf(page, host), 'loads');
    assert.deepEqual(wrong, []);
    return cell;
  } catch (error) {
    throw new Error(`${error.message}\n${wrong.join('\n')}`, { cause: error });
  } finally {
    await page.close();
  }
}

/** @param {string} folder @param {string} name */
export const shotsOf = (folder, name) => join(folder, 'screenshots', name);

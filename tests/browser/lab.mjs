// The page in a real Chromium, for the tests: a server, a browser, and the hands of a visitor.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const images = (...names) =>
  names.map((name) => fileURLToPath(new URL(`images/${name}`, import.meta.url)));

export const ALL_IMAGES = images(
  'square.png',
  'transparent.png',
  'wide.jpg',
  'tall.webp',
  'animated.gif',
  'drawing.svg',
);

/** A network and a run small enough for a test, as the settings of a link. */
export const TINY = {
  size: 16,
  'unet.block_out_channels': '8,16',
  'unet.norm_num_groups': 4,
  batch_size: 4,
  learning_rate: 0.005,
  lr_warmup_steps: 5,
  num_train_timesteps: 100,
  train_steps: 30,
  steps: 6,
  count: 4,
};

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-dev-shm-usage',
  // WebGPU on a software adapter, so that it is tested where there is no GPU.
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--enable-unsafe-swiftshader',
  // Nothing but the page under test is to be asked for.
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** @returns {Promise<{ address: string, stop: () => void }>} */
export async function serve() {
  const script = fileURLToPath(new URL('../../scripts/serve.mjs', import.meta.url));
  const server = spawn(process.execPath, [script, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [address] = await once(createInterface(server.stdout), 'line');
  return { address, stop: () => server.kill() };
}

/**
 * @param {{ width: number, height: number }} [viewport]
 * @param {import('playwright-core').LaunchOptions & { serviceWorkers?: 'allow' | 'block' }} [options]
 *   service workers are refused, since what they fetch cannot be watched
 */
export async function launch(viewport = { width: 1440, height: 900 }, options = {}) {
  const context = await chromium.launchPersistentContext('', {
    serviceWorkers: 'block',
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: FLAGS,
    headless: false,
    viewport,
    acceptDownloads: true,
    ...options,
  });
  // Most tests are of what lies below the first level.
  await context.addInitScript(() => {
    // Frames without an origin have no storage.
    if (origin === 'null') return;
    if (localStorage.getItem('unnoise.detail') === null)
      localStorage.setItem('unnoise.detail', 'all');
  });
  return context;
}

/**
 * Has every worker of a page run a program of its own first.
 * @param {import('playwright-core').Page} page
 * @param {() => void} program
 */
export async function beforeWorkers(page, program) {
  await page.route('**/pkg/worker.js', async (route) => {
    const response = await route.fetch();
    const body = `(${program})();\n${await response.text()}`;
    await route.fulfill({ response, body });
  });
}

/**
 * @param {string} address
 * @param {Record<string, unknown>} settings
 */
export function link(address, settings) {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return `${address}#${given.map(([key, value]) => `${key}=${value}`).join('&')}`;
}

/** What the tests of a file share: the built page on a server, and a browser. */
export class Site {
  address = '';
  /** @type {import('playwright-core').BrowserContext} */
  context = /** @type {any} */ (undefined);
  /** Hooks of a file do not wait for one another: those that use the site wait for this. */
  #started = Promise.resolve();

  /** There from before the first test of the calling file to after its last. */
  static forTests() {
    const site = new Site();
    /** @type {Awaited<ReturnType<typeof serve>> | undefined} */
    let server;
    const start = async () => {
      server = await serve();
      site.address = server.address;
      site.context = await launch();
    };
    before(() => (site.#started = start()));
    after(async () => {
      await site.context?.close();
      server?.stop();
    });
    return site;
  }

  /**
   * The lab on a page of its own.
   * @param {Record<string, unknown>} settings of the link
   */
  async open(settings) {
    await this.#started;
    return LabPage.open(this.context, this.address, settings);
  }

  /** A page of the same origin with no lab on it, for programs that import what they need. */
  async blank() {
    await this.#started;
    const page = await this.context.newPage();
    await page.goto(`${this.address}README.md`);
    return page;
  }
}

/** Runs in a page before its scripts: `window.workers` has every worker that it starts. */
export function recordWorkers() {
  const workers = /** @type {Worker[]} */ ([]);
  Object.assign(window, { workers });
  const { Worker } = window;
  window.Worker = class extends Worker {
    /** @param {ConstructorParameters<typeof Worker>} args */
    constructor(...args) {
      super(...args);
      workers.push(this);
    }
  };
}

/** Runs first in a page: `live` has its workers that have not been ended. */
export function recordLiveWorkers() {
  const live = new Set();
  Object.assign(window, { live });
  const { Worker } = window;
  window.Worker = class extends Worker {
    /** @param {ConstructorParameters<typeof Worker>} args */
    constructor(...args) {
      super(...args);
      live.add(this);
    }
    terminate() {
      live.delete(this);
      super.terminate();
    }
  };
}

/** One page of the lab. */
export class LabPage {
  /** Errors nobody caught. @type {string[]} */
  errors = [];

  /** @param {import('playwright-core').Page} page */
  constructor(page) {
    this.page = page;
    page.on('pageerror', (error) => this.errors.push(String(error)));
  }

  /**
   * @param {import('playwright-core').BrowserContext} context
   * @param {string} address
   * @param {Record<string, unknown>} settings of the link
   */
  static async open(context, address, settings) {
    const lab = new LabPage(await context.newPage());
    await lab.goto(address, settings);
    return lab;
  }

  /**
   * @param {string} address
   * @param {Record<string, unknown>} settings of the link
   */
  async goto(address, settings) {
    await this.page.goto(link(address, settings));
    await this.ready();
  }

  /** @param {string} name */
  by(name) {
    return this.page.getByTestId(name);
  }

  /** @param {string} name */
  async text(name) {
    return (await this.by(name).textContent())?.trim() ?? '';
  }

  /** Waits until nothing is going on. */
  async ready(timeout = 120_000) {
    const states = ['ready', 'paused'].map((state) => `[data-testid=status][data-state=${state}]`);
    await this.page.locator(states.join()).waitFor({ state: 'attached', timeout });
  }

  /** @param {string[]} paths */
  async addImages(paths) {
    await this.by('file-input').setInputFiles(paths);
  }

  /** Learns from other images. @param {string[]} paths */
  async replaceImages(paths) {
    await this.by('clear-images').click();
    await this.addImages(paths);
    await eventually(async () => (await this.by('thumb').count()) === paths.length);
  }

  /**
   * Hands a model to the field for models.
   * @param {string} name
   * @param {Uint8Array} bytes
   */
  async load(name, bytes) {
    const file = { name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) };
    await this.by('load-model').setInputFiles(file);
  }

  /** Trains until the steps of the link are taken. */
  async train(timeout = 240_000) {
    await this.by('train').click();
    await this.by('pause').waitFor();
    await this.by('train').waitFor({ timeout });
  }

  /** The losses that the element reported, oldest first. */
  recordLosses() {
    return this.page.evaluate(() => {
      const losses = /** @type {number[]} */ ([]);
      Object.assign(window, { losses });
      document
        .querySelector('unnoise-lab')
        ?.addEventListener('unnoise-progress', (event) =>
          losses.push(.../** @type {CustomEvent} */ (event).detail.losses),
        );
    });
  }

  losses() {
    return this.page.evaluate(() => /** @type {any} */ (window).losses);
  }

  /** Samples with the settings of the link, to the end. */
  async sample(timeout = 120_000) {
    // Until then the button may be the one that stops what the page draws by itself.
    await this.ready();
    await this.by('sample').click();
    const canvas = this.by('sample-canvas');
    await canvas.and(this.page.locator('[data-state=done]')).waitFor({ timeout });
    return Number(await canvas.getAttribute('data-frames'));
  }

  /** Stops the playback of the samples at its end. */
  async seekLast() {
    await this.ready();
    const scrub = this.by('scrub');
    await scrub.fill((await scrub.getAttribute('max')) ?? '0');
  }

  /** A fingerprint of the pixels of the last frame, where the playback stays. */
  async pixels() {
    await this.seekLast();
    const data = await this.by('sample-canvas').evaluate(async (canvas) => {
      // Drawing waits for an animation frame.
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
      const context = /** @type {HTMLCanvasElement} */ (canvas).getContext('2d');
      return [...(context?.getImageData(0, 0, width, height).data ?? [])];
    });
    return createHash('sha256').update(Uint8Array.from(data)).digest('hex');
  }

  /**
   * Saves the whole model and gives the file's path.
   * @param {string} [button]
   */
  async save(button = 'save-model') {
    const download = this.page.waitForEvent('download');
    await this.by(button).click();
    return (await download).path();
  }

  messages() {
    return this.text('message');
  }

  /** The names of the panels on the page, from top to bottom. */
  panels() {
    return this.page
      .locator('section.panel')
      .evaluateAll((sections) =>
        sections.map(({ className }) => className.replace('panel', '').trim()),
      );
  }
}

/**
 * Settings take a moment to arrive where they are shown.
 * @param {() => Promise<boolean>} condition
 */
export async function eventually(condition) {
  for (let tries = 0; tries < 1200; tries++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`never: ${condition}`);
}

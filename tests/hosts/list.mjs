// The hosts: which section of which guide each is, and how its pages are looked at.

/**
 * @import { Page } from 'playwright-core'
 *
 * @typedef {object} Host
 * @property {string} guide of docs/embedding
 * @property {string} [section] the host's name, if it has none of its own
 * @property {string} [root] what is served of it
 * @property {string} [page] that has the element, relative to the root
 * @property {string} [prefix] of the address of its site
 * @property {string | false} [package] where the package lies: beside the page, if it is not for a
 *   bundler; false where the Python package brings it
 * @property {string} [server] a command that serves it
 * @property {boolean} [imported] whether a server imports the package too
 * @property {boolean} [twice] whether its page loads the script again, from another address
 * @property {string} [inside] the frame that has the element
 * @property {'inline' | 'foreign' | 'guide' | 'own'} [policy] where the strict one is not for it: its
 *   pages have scripts inline or from another origin, its guide has a policy for it, or its pages do
 * @property {(page: Page) => Promise<unknown>} [also] what else shall hold
 * @property {RegExp} [ownErrors] that the host's pages log without the element too
 * @property {(page: Page) => Promise<unknown>} [toggle] changes between light and dark
 * @property {'jupyter' | 'marimo'} [notebook]
 */

/** @param {Page} page */
const bySchemeOfPage = (page) =>
  page.evaluate(() => {
    document.documentElement.style.colorScheme = 'dark';
  });

/** @param {string} button @param {string} [dark] pressed until there is such an element */
const byButton = (button, dark) => async (/** @type {Page} */ page) => {
  for (let tries = 0; tries < 3; tries++) {
    await page.locator(button).locator('visible=true').first().click();
    if (!dark || (await page.locator(dark).count())) return;
  }
};

/** @param {Page} page */
const frameIsAsHighAsElement = async (page) => {
  const heights = async () => [
    (await page.locator('iframe').boundingBox()).height,
    Math.ceil((await page.frameLocator('iframe').locator('unnoise-lab').boundingBox()).height),
  ];
  for (let tries = 0; tries < 50; tries++) {
    const [frame, element] = await heights();
    if (frame === element) return;
    await page.waitForTimeout(100);
  }
  throw new Error(`heights of the iframe and of the element in it: ${await heights()}`);
};

const node = 'node_modules/unnoise';
const BUNDLERS = { guide: 'bundlers', package: node, imported: true, toggle: bySchemeOfPage };

/** @type {Record<string, Host>} */
export const HOSTS = {
  static: { guide: 'html', section: 'Static files', toggle: bySchemeOfPage },
  twice: { guide: 'html', section: 'Static files', twice: true },
  'import-map': { guide: 'html', section: 'Import map', policy: 'own', toggle: bySchemeOfPage },
  'other-origin': { guide: 'html', section: 'Another origin', policy: 'foreign' },
  figures: { guide: '../embedding', section: 'Figures', toggle: bySchemeOfPage },
  'one-file': {
    guide: '../embedding',
    section: 'One file',
    policy: 'guide',
    toggle: bySchemeOfPage,
  },
  iframe: {
    guide: 'iframe',
    section: 'iframe',
    inside: 'iframe',
    policy: 'guide',
    toggle: bySchemeOfPage,
    also: frameIsAsHighAsElement,
  },
  csp: { guide: 'self-hosting', section: 'Content-Security-Policy', policy: 'own' },
  pages: {
    guide: 'self-hosting',
    section: 'GitHub Pages',
    prefix: '/project',
    package: node,
    root: 'site',
    toggle: bySchemeOfPage,
  },
  vite: { ...BUNDLERS, section: 'Vite', root: 'dist' },
  'vite-dev': {
    ...BUNDLERS,
    section: 'Vite',
    server: 'npx vite --host 127.0.0.1 --port 0',
  },
  webpack: { ...BUNDLERS, section: 'webpack', root: 'dist' },
  rollup: { ...BUNDLERS, section: 'Rollup', root: 'dist' },
  esbuild: { ...BUNDLERS, section: 'esbuild', root: 'dist' },
  next: { ...BUNDLERS, guide: 'react-vue', section: 'Next.js', root: 'out', policy: 'inline' },
  react: { ...BUNDLERS, guide: 'react-vue', section: 'React', root: 'dist' },
  vue: { ...BUNDLERS, guide: 'react-vue', section: 'Vue', root: 'dist' },
  mkdocs: {
    guide: 'mkdocs',
    section: 'MkDocs Material',
    package: node,
    root: 'site',
    policy: 'inline',
    toggle: byButton('.md-header__option label'),
  },
  sphinx: {
    guide: 'sphinx',
    section: 'Sphinx',
    package: false,
    root: '_build/html',
    policy: 'inline',
    toggle: byButton('.theme-toggle', 'body[data-theme=dark]'),
  },
  mdbook: {
    guide: 'mdbook',
    section: 'mdBook',
    package: node,
    root: 'book',
    page: 'figure.html',
    policy: 'inline',
    toggle: async (page) => {
      await page.locator('#mdbook-theme-toggle').click();
      await page.locator('#mdbook-theme-coal').click();
    },
  },
  rustdoc: {
    guide: 'rustdoc',
    section: 'rustdoc',
    package: node,
    root: 'doc',
    page: 'noising/index.html',
    policy: 'inline',
    toggle: (page) =>
      page.evaluate(() => {
        document.documentElement.dataset.theme = 'dark';
      }),
  },
  docusaurus: {
    guide: 'docusaurus',
    section: 'Docusaurus',
    package: node,
    root: 'build',
    prefix: '/project',
    policy: 'inline',
    toggle: byButton('[class*=colorModeToggle] button', 'html[data-theme=dark]'),
  },
  vitepress: {
    guide: 'vitepress-astro',
    section: 'VitePress',
    package: node,
    root: '.vitepress/dist',
    prefix: '/project',
    policy: 'inline',
    toggle: byButton('.VPSwitchAppearance'),
  },
  starlight: {
    guide: 'vitepress-astro',
    section: 'Astro Starlight',
    package: node,
    root: 'dist',
    policy: 'inline',
    toggle: (page) =>
      page.locator('starlight-theme-select select').first().selectOption('dark', { force: true }),
  },
  jupyter: { guide: 'jupyter', section: 'JupyterLab', notebook: 'jupyter' },
  marimo: { guide: 'jupyter', section: 'marimo', notebook: 'marimo' },
  'jupyter-book-1': {
    guide: 'myst',
    section: 'Jupyter Book 1',
    package: false,
    ownErrors: /THEBE_JS_URL' has already been declared|Got invalid theme mode/,
    root: '_build/html',
    policy: 'inline',
    toggle: byButton('.theme-switch-button', 'html[data-theme=dark]'),
  },
  myst: {
    guide: 'myst',
    section: 'MyST',
    // Its theme has styles from elsewhere.
    ownErrors: /cdn\.jsdelivr\.net|cdnjs\.cloudflare\.com/,
    package: node,
    root: '_build/html',
    policy: 'inline',
    toggle: byButton('.myst-theme-button, button[aria-label*="theme" i]', 'html.dark'),
  },
};

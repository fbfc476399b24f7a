import { after, before } from 'node:test';
import { launch, serve } from './lab.mjs';

/**
 * A server and a browser for the tests of a file, there from the first hook after this call until the
 * last test is done.
 */
export function useBrowser() {
  const browser =
    /** @type {{ server: Awaited<ReturnType<typeof serve>>, context: import('playwright-core').BrowserContext }} */ ({});
  before(async () => {
    browser.server = await serve();
    browser.context = await launch();
  });
  after(async () => {
    await browser.context?.close();
    browser.server?.stop();
  });
  return browser;
}

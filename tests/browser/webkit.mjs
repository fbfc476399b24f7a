// WebKitGTK's MiniBrowser on a screen of its own, driven by W3C WebDriver.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';

/** Debian has it in a folder of the library, which has the machine and a version in its name. */
function miniBrowser() {
  const within = (/** @type {string} */ folder, /** @type {RegExp} */ name) =>
    readdirSync(folder)
      .filter((entry) => name.test(entry))
      .map((entry) => `${folder}/${entry}`);
  const path = within('/usr/lib', /-linux-gnu$/)
    .flatMap((folder) => within(folder, /^webkit2?gtk-/))
    .flatMap((folder) => within(folder, /^MiniBrowser$/))
    .at(0);
  if (!path) throw new Error('There is no MiniBrowser: install webkit2gtk-driver.');
  return path;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  return port;
}

export class WebKit {
  #address = '';
  #session = '';
  /** @type {import('node:child_process').ChildProcess[]} */
  #processes = [];

  /** @param {string} language of the environment, as in LANG */
  static async launch(language) {
    const browser = new WebKit();
    try {
      await browser.#launch(language);
    } catch (error) {
      await browser.close();
      throw error;
    }
    return browser;
  }

  /** @param {string} language */
  async #launch(language) {
    const screen = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x900x24'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    this.#processes.push(screen);
    const ready = /** @type {import('node:stream').Readable} */ (screen.stdio[3]);
    const [display] = await once(ready, 'data');
    const port = await freePort();
    const driver = spawn('WebKitWebDriver', [`--port=${port}`], {
      env: { ...process.env, DISPLAY: `:${String(display).trim()}`, LANG: language },
      stdio: 'ignore',
    });
    this.#processes.push(driver);
    this.#address = `http://127.0.0.1:${port}`;
    await this.#listening();
    const options = { binary: miniBrowser(), args: ['--automation'] };
    const capabilities = { alwaysMatch: { 'webkitgtk:browserOptions': options } };
    const { sessionId } = await this.#send('POST', '/session', { capabilities });
    this.#session = `/session/${sessionId}`;
    await this.#send('POST', `${this.#session}/timeouts`, { script: 120_000 });
  }

  async #listening() {
    for (let tries = 0; tries < 200; tries++) {
      const status = await this.#send('GET', '/status').catch(() => undefined);
      if (status?.ready) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('WebKitWebDriver did not start.');
  }

  /**
   * @param {'GET' | 'POST' | 'DELETE'} method
   * @param {string} path
   * @param {unknown} [body]
   */
  async #send(method, path, body) {
    const response = await fetch(this.#address + path, {
      method,
      headers: { 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const { value } = /** @type {any} */ (await response.json());
    if (!response.ok) throw new Error(`WebDriver: ${value.error}: ${value.message}`);
    return value;
  }

  /** @param {string} url */
  goto(url) {
    return this.#send('POST', `${this.#session}/url`, { url });
  }

  /**
   * What a program gives that is run in the page.
   * @template Argument, Value
   * @param {(argument: Argument) => Promise<Value>} program
   * @param {Argument} argument
   * @returns {Promise<Value>}
   */
  async evaluate(program, argument) {
    const script = `const [argument, done] = arguments;
      (${program})(argument).then(
        (value) => done({ value }),
        (error) => done({ error: String(error) }),
      );`;
    const answer = await this.#send('POST', `${this.#session}/execute/async`, {
      script,
      args: [argument],
    });
    if (answer.error) throw new Error(answer.error);
    return answer.value;
  }

  async close() {
    if (this.#session) await this.#send('DELETE', this.#session).catch(() => {});
    // The last first: the driver needs the screen.
    for (const process of this.#processes.reverse()) process.kill();
  }
}

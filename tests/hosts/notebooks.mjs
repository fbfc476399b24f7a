// The element in a notebook: the cells of the guide, in a real JupyterLab and a real marimo.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openPage, takeStep } from './checks.mjs';
import { serveWith } from './serve.mjs';

/** @import { Page } from 'playwright-core' */

const MINUTE = 60_000;

/**
 * @param {object} given
 * @param {import('./list.mjs').Host} given.host
 * @param {import('playwright-core').Browser} given.browser
 * @param {string} given.cwd
 * @param {NodeJS.ProcessEnv} given.env
 * @param {string[]} given.cells
 * @param {string} given.shots
 * @returns {Promise<Record<string, string>>}
 */
export async function tryNotebook({ host, browser, cwd, env, cells, shots }) {
  const open = host.notebook === 'marimo' ? openMarimo : openJupyter;
  const { page, wrong } = await openPage(browser);
  const serving = await open({ page, cwd, env, cells });
  try {
    return await serving.use(shots);
  } catch (error) {
    await page.screenshot({ path: `${shots}-failed.png`, timeout: MINUTE }).catch(() => {});
    throw new Error(`${error.message}\n${wrong.join('\n')}`, { cause: error });
  } finally {
    await page.close();
    serving.stop();
  }
}

/** @typedef {{ page: Page, cwd: string, env: NodeJS.ProcessEnv, cells: string[] }} Given */

/** @param {Given} given */
async function openJupyter({ page, cwd, env, cells }) {
  const notebook = {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } },
    cells: cells.map((source, index) => ({
      cell_type: 'code',
      id: `cell-${index}`,
      execution_count: null,
      metadata: {},
      outputs: [],
      source,
    })),
  };
  await writeFile(join(cwd, 'figure.ipynb'), JSON.stringify(notebook));
  // Every cell is in the page, wherever it is scrolled to, and nothing is asked of the visitor.
  for (const [name, setting] of [
    ['notebook-extension/tracker', { windowingMode: 'none' }],
    ['apputils-extension/notification', { fetchNews: 'false' }],
  ]) {
    const file = join(cwd, 'settings/@jupyterlab', `${name}.jupyterlab-settings`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify(setting));
  }
  const settings = {
    ...env,
    JUPYTER_CONFIG_DIR: join(cwd, 'config'),
    JUPYTER_DATA_DIR: join(cwd, 'data'),
    JUPYTERLAB_SETTINGS_DIR: join(cwd, 'settings'),
    JUPYTERLAB_WORKSPACES_DIR: join(cwd, 'workspaces'),
    IPYTHONDIR: join(cwd, 'ipython'),
  };
  const command =
    'jupyter lab --no-browser --allow-root --ip=127.0.0.1 --port=0 --IdentityProvider.token=';
  const serving = await serveWith(command, { cwd, env: settings });
  return {
    ...serving,
    use: (/** @type {string} */ shots) => useJupyter(page, serving, cells, shots),
  };
}

/** @param {Page} page @param {{ address: string }} serving @param {string[]} cells @param {string} shots */
async function useJupyter(page, { address }, cells, shots) {
  await page.goto(`${address}/lab/tree/figure.ipynb`);
  const code = page.locator('.jp-CodeCell');
  await code.first().waitFor();
  await page.locator('.jp-Notebook-ExecutionIndicator[data-status=idle]').waitFor();
  /** @param {number} index */
  const run = async (index) => {
    const prompt = code.nth(index).locator('.jp-InputPrompt').first();
    const before = await prompt.innerText();
    const ran = async () =>
      /\d/.test(await prompt.innerText()) && (await prompt.innerText()) !== before;
    for (let tries = 0; !(await ran()); tries++) {
      assert.ok(tries < 120, `cell ${index} does not run`);
      // Before the kernel is connected nothing comes of it, and nobody says so.
      if (tries % 20 === 0 && !(await prompt.innerText()).includes('*')) {
        await code.nth(index).locator('.jp-InputArea-editor').click();
        await page.keyboard.press('Control+Enter');
      }
      await page.waitForTimeout(500);
    }
    const failed = code.nth(index).getByText('Traceback');
    assert.equal(await failed.count(), 0, `cell ${index}: ${await code.nth(index).innerText()}`);
    return (await code.nth(index).locator('.jp-OutputArea-output').allInnerTexts()).join('\n');
  };
  const figure = page.locator('unnoise-lab').first();
  await run(0);
  await run(1);
  await figure.waitFor();
  await takeStep(page, 'starts');
  await page.screenshot({ path: `${shots}-1.png` });
  // What runs in the browser goes on meanwhile, so the cells ask again until it is there.
  /** @param {number} index @param {RegExp} expected */
  const runUntil = async (index, expected) => {
    for (let tries = 0; ; tries++) {
      const output = await run(index);
      if (expected.test(output)) return;
      assert.ok(tries < 25, `cell ${index} says ${output}, not ${expected}`);
      await page.waitForTimeout(1000);
    }
  };
  await run(2);
  await runUntil(3, /^20 steps, stopped, 20 losses/m);
  await run(4);
  await runUntil(3, /^(2[1-9]|[3-9]\d|\d{3,}) steps, training/m);
  await run(5);
  await runUntil(3, /^\d{2,5} steps, stopped/m);
  const stopped = await run(3);
  await page.waitForTimeout(1000);
  assert.equal(await run(3), stopped);
  await run(6);
  await runUntil(7, /safetensors of \d{4,} bytes/);
  await run(8);
  await runUntil(9, /\(\d+, 16, 16, 3\)/);
  await figure.scrollIntoViewIfNeeded();
  await page.screenshot({ path: `${shots}-2.png` });
  return { loads: 'yes', samples: 'yes', trains: 'yes', 'own images': 'yes' };
}

/** @param {Given} given */
async function openMarimo({ page, cwd, env, cells }) {
  const file = join(cwd, 'figure.py');
  await writeFile(file, cells.join('\n'));
  const command = `marimo run ${file} --headless --host 127.0.0.1 --port 0 --no-token`;
  const serving = await serveWith(command, { cwd, env });
  return { ...serving, use: (/** @type {string} */ shots) => useMarimo(page, serving, shots) };
}

/** @param {Page} page @param {{ address: string }} serving @param {string} shots */
async function useMarimo(page, { address }, shots) {
  await page.goto(address);
  await page.locator('unnoise-lab').first().waitFor();
  await takeStep(page, 'starts');
  await page.screenshot({ path: `${shots}-1.png` });
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByText(/20 steps, stopped, 20 losses/).waitFor();
  await page.getByRole('button', { name: 'Keep', exact: true }).click();
  await page.getByText(/1 models, safetensors of \d{4,} bytes/).waitFor();
  await page.screenshot({ path: `${shots}-2.png` });
  return { loads: 'yes', trains: 'yes', 'own images': 'yes' };
}

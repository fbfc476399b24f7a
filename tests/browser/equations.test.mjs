// The equations of the panels: they follow the settings, and what a control changes is highlighted.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { TINY, eventually, Site } from './lab.mjs';

const site = Site.forTests();

/** @param {Record<string, unknown>} settings */
async function open(settings) {
  const lab = await site.open({
    ...TINY,
    backend: 'flex',
    ...settings,
  });
  // Panels are put on the page one after the other.
  await lab.by('edit-run').waitFor();
  return lab;
}

/**
 * @param {import('./lab.mjs').LabPage} lab
 * @param {string} name
 */
async function choose(lab, name) {
  // By keyboard: equations that change move the button away from under the pointer.
  await lab.by(name).press(' ');
}

/**
 * The terms that are highlighted in the equations of a panel.
 * @param {import('./lab.mjs').LabPage} lab
 * @param {string} panel
 */
const highlighted = async (lab, panel) =>
  new Set(
    await lab.page
      .locator(`unnoise-${panel}-panel math .highlighted`)
      .evaluateAll((parts) => parts.map((part) => part.getAttribute('data-term'))),
  );

/** Letters that are bold of themselves. */
const BOLD = /[\u{1d400}-\u{1d433}\u{1d6a8}-\u{1d6e1}]/gu;

/**
 * The equations of a panel as text without spaces.
 * @param {import('./lab.mjs').LabPage} lab
 * @param {string} panel
 */
async function equations(lab, panel) {
  const all = await lab.page.locator(`unnoise-${panel}-panel math`).allTextContents();
  return all.map((one) => one.replaceAll(/\s/g, '').replaceAll(BOLD, (x) => x.normalize('NFKC')));
}

/** @param {import('./lab.mjs').LabPage} lab */
const openDetails = (lab) =>
  lab.page.locator('details:not(.aside)').evaluateAll((all) => {
    for (const details of all) /** @type {HTMLDetailsElement} */ (details).open = true;
  });

/** What a panel's controls do to its equations. */
/** @typedef {{ dark: string[], stuck: string[], silent: string[], seen: number }} Sweep */

/**
 * Goes through all controls of a panel: focuses what can be focused, and points at the rest.
 *
 * @param {import('./lab.mjs').LabPage} lab
 * @param {string} panel
 * @returns {Promise<Sweep>} the controls that highlight nothing, those whose terms stay so after
 *   them, and those that do not say what they change
 */
async function sweep(lab, panel) {
  await openDetails(lab);
  await lab.page.bringToFront();
  return lab.page.locator(`unnoise-${panel}-panel`).evaluate((root) => {
    const highlights = () =>
      [...root.querySelectorAll('math .highlighted')].some((term) => term.checkVisibility());
    const nameOf = (/** @type {Element} */ element) =>
      element.getAttribute('data-testid') ??
      element.getAttribute('aria-label') ??
      element.textContent?.trim() ??
      element.localName;
    const result = /** @type {Sweep} */ ({ dark: [], stuck: [], silent: [], seen: 0 });
    const enabled = 'input:enabled, select:enabled, button:enabled';
    const controls = [...root.querySelectorAll(enabled)].filter((one) => one.checkVisibility());
    const given = [...root.querySelectorAll('[data-changes]')].filter((one) =>
      one.checkVisibility(),
    );
    const focused = /** @type {HTMLElement[]} */ (controls);
    for (const control of focused) {
      if (!control.closest('[data-changes]')) {
        result.silent.push(nameOf(control));
        continue;
      }
      result.seen++;
      control.focus();
      if (!highlights()) result.dark.push(nameOf(control));
      control.blur();
      if (highlights()) result.stuck.push(nameOf(control));
    }
    for (const place of given) {
      result.seen++;
      place.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
      if (!highlights()) result.dark.push(`pointing at ${nameOf(place)}`);
      place.dispatchEvent(new PointerEvent('pointerout', { bubbles: true }));
      if (highlights()) result.stuck.push(`pointing at ${nameOf(place)}`);
    }
    return result;
  });
}

/**
 * Controls that are in no equation: what is looked at, begun, kept or loaded, and how many images.
 */
const SILENT = {
  forward: [/^forward-strip-\d+$/],
  train: [/^(train|reset|save-\w+|export-\w+|load-model|preview-\w+|size|start-from-.*)$/],
  diagnostics: [],
  sample: [
    /^(sample|sample-stop|sample-new|sample-count|sample-mode-.*|(compare-)?play|save-.*)$/,
    /^compare-add$/,
    /^(tile-\d+|favourite\S*|plane-\w+|loop-\w+)$/,
  ],
  edit: [/^edit-(run|count|play)$/],
};

/**
 * @param {import('./lab.mjs').LabPage} lab
 * @param {(keyof typeof SILENT)[]} panels
 */
async function allHighlight(lab, panels) {
  for (const panel of panels) {
    const { dark, stuck, silent, seen } = await sweep(lab, panel);
    assert.ok(seen > 0, panel);
    assert.deepEqual({ panel, dark, stuck }, { panel, dark: [], stuck: [] });
    const unexpected = silent.filter((name) => !SILENT[panel].some((known) => known.test(name)));
    assert.deepEqual({ panel, unexpected }, { panel, unexpected: [] });
  }
}

describe('every control highlights what it changes, and only while it is used', () => {
  const everything = /** @type {const} */ (['forward', 'train', 'diagnostics', 'sample', 'edit']);

  for (const prediction_type of ['epsilon', 'sample', 'v_prediction', 'flow_prediction']) {
    for (const loss_weighting of ['simple', 'min_snr', 'vlb']) {
      test(`${prediction_type}, ${loss_weighting}`, async () => {
        const lab = await open({ prediction_type, loss_weighting });
        await lab.by('forward-t').scrollIntoViewIfNeeded();
        await lab.page.locator('[data-testid=forward-t]:enabled').waitFor();
        await allHighlight(lab, [...everything]);
        assert.deepEqual(lab.errors, []);
        await lab.page.close();
      });
    }
  }

  test('each variance, schedule and end of the schedule', async () => {
    const lab = await open({ prediction_type: 'v_prediction', sampler: 'ddpm' });
    await openDetails(lab);
    for (const variance of ['fixed_small', 'fixed_large', 'learned_range']) {
      await lab.by('variance-type').selectOption(variance);
      await eventually(async () => (await lab.by('sample-variance').inputValue()) === variance);
      await allHighlight(lab, ['train', 'sample']);
    }
    for (const schedule of [
      'linear',
      'scaled_linear',
      'sigmoid',
      'variance_exploding',
      'squaredcos_cap_v2',
    ]) {
      await lab.by('beta-schedule').selectOption(schedule);
      await eventually(async () => (await lab.by('train-beta-schedule').inputValue()) === schedule);
      await allHighlight(lab, ['forward', 'train']);
    }
    await lab.by('variance-type').selectOption('fixed_small');
    for (const prediction of ['epsilon', 'sample', 'flow_prediction', 'v_prediction']) {
      await lab.by('prediction-type').selectOption(prediction);
      await lab.by('loss-weighting').selectOption('previous');
      await eventually(async () => (await lab.by('loss-weighting').inputValue()) === 'previous');
      await allHighlight(lab, ['train']);
    }
    await lab.by('loss-weighting').selectOption('simple');
    for (const optimizer of ['adam', 'muon']) {
      await lab.by('optimizer').selectOption(optimizer);
      await eventually(async () => (await lab.by('optimizer').inputValue()) === optimizer);
      await allHighlight(lab, ['train']);
    }
    await lab.by('random-flip').check();
    await lab.by('zero-snr').check();
    await eventually(async () => lab.by('train-zero-snr').isChecked());
    await allHighlight(lab, ['forward', 'train']);
    assert.deepEqual(lab.errors, []);
    await lab.page.close();
  });

  /** @param {import('./lab.mjs').LabPage} lab */
  const samplersOf = (lab) =>
    lab.page
      .locator('input[name=sampler]')
      .evaluateAll((all) => all.map((one) => one.getAttribute('data-testid') ?? ''));

  for (const prediction_type of ['v_prediction', 'flow_prediction']) {
    test(`each sampler of ${prediction_type}, by network and ideal denoiser`, async () => {
      const lab = await open({ prediction_type, count: 1 });
      await openDetails(lab);
      for (const sampler of await samplersOf(lab)) {
        await choose(lab, sampler);
        for (const weights of ['ideal', 'ema']) {
          await lab.by('sample-weights').selectOption(weights);
          for (const limit of ['clip', 'dynamic', 'none', 'auto']) {
            await lab.by('sample-limit').selectOption(limit);
            await allHighlight(lab, ['sample']);
          }
          for (const name of ['sample-karras', 'sample-spacing']) {
            const field = lab.by(name);
            const options = (await field.count()) ? await field.locator('option').all() : [];
            for (const option of options) {
              await field.selectOption(await option.getAttribute('value'));
              await allHighlight(lab, ['sample']);
            }
          }
        }
      }
      assert.deepEqual(lab.errors, []);
      await lab.page.close();
    });

    test(`samplers of ${prediction_type} side by side`, async () => {
      const lab = await open({ prediction_type, count: 1 });
      await choose(lab, 'sample-mode-compare');
      await lab.by('compare-add').click();
      await allHighlight(lab, ['sample']);
      await lab.by('sample-ideal').check();
      await allHighlight(lab, ['sample']);
      assert.deepEqual(lab.errors, []);
      await lab.page.close();
    });
  }

  for (const prediction_type of ['v_prediction', 'flow_prediction']) {
    test(`each edit of ${prediction_type}, before and after it is made`, async () => {
      const lab = await open({ prediction_type, count: 1, train_steps: 2 });
      for (const kind of ['between', 'redraw', 'fill']) {
        await choose(lab, `edit-kind-${kind}`);
        if (kind === 'fill') await lab.by('mask-left').click();
        await allHighlight(lab, ['edit']);
        await lab.by('edit-run').click();
        const canvas = lab.by('edit-canvas');
        await canvas.and(lab.page.locator(`[data-state=done][data-kind=${kind}]`)).waitFor();
        await allHighlight(lab, ['edit']);
      }
      assert.deepEqual(lab.errors, []);
      await lab.page.close();
    });
  }

  test('a model that has learnt something, and what it drew', async () => {
    const lab = await open({ prediction_type: 'v_prediction', train_steps: 2 });
    await lab.train();
    await lab.ready();
    await lab.by('total-bpd').scrollIntoViewIfNeeded();
    await lab.by('nearest').waitFor();
    await allHighlight(lab, [...everything]);
    assert.deepEqual(lab.errors, []);
    await lab.page.close();
  });

  test('labels and guidance', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'unnoise-'));
    for (const label of ['red', 'blue']) {
      await mkdir(join(folder, 'colours', label), { recursive: true });
      const svg =
        '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16">' +
        `<rect width="16" height="16" fill="${label}"/></svg>`;
      await writeFile(join(folder, 'colours', label, 'plain.svg'), svg);
    }
    const lab = await open({ prediction_type: 'v_prediction' });
    await lab.by('folder-input').setInputFiles(join(folder, 'colours'));
    await lab.by('use-labels').check();
    await lab.by('sample-label').waitFor();
    for (const label of ['any', 'each', 'is red']) {
      await lab.by('sample-label').selectOption(label);
      await allHighlight(lab, ['sample']);
    }
    await lab.by('sample-guidance').fill('3');
    await allHighlight(lab, ['train', 'sample']);
    assert.deepEqual(lab.errors, []);
    await lab.page.close();
    await rm(folder, { recursive: true, force: true });
  });
});

test('the symbols follow the settings', async () => {
  const lab = await open({});
  const loss = async () => (await equations(lab, 'train')).join(' ');

  await lab.by('forward-t').scrollIntoViewIfNeeded();
  await lab.by('forward-t').fill('50');
  assert.deepEqual(await highlighted(lab, 'forward'), new Set(['t']));
  await choose(lab, 'sampler-ddim');
  await lab.by('sample-eta').focus();
  assert.deepEqual(await highlighted(lab, 'forward'), new Set());
  assert.deepEqual(await highlighted(lab, 'sample'), new Set(['eta']));

  const updates = new Set();
  for (const sampler of ['ddpm', 'ddim', 'heun', 'dpmpp2m']) {
    await choose(lab, `sampler-${sampler}`);
    updates.add((await equations(lab, 'sample'))[0]);
  }
  assert.equal(updates.size, 4);

  await openDetails(lab);
  for (const [type, network] of Object.entries({
    v_prediction: 'v−vθ',
    epsilon: 'ε−εθ',
    sample: 'x0−xθ',
    flow_prediction: 'u−uθ',
  })) {
    await lab.by('prediction-type').selectOption(type);
    await eventually(async () => (await loss()).includes(`‖${network}(xt,t)‖`));
  }
  assert.deepEqual(lab.errors, []);
  await lab.page.close();
});

test('the ideal denoiser is in closed form, where no network is', async () => {
  const lab = await open({ prediction_type: 'v_prediction' });
  const shown = async () => (await equations(lab, 'sample')).join(' ');
  assert.match(await shown(), /vθ\(xt,t\)/);
  assert.doesNotMatch(await shown(), /softmax/);
  await lab.by('sample-weights').selectOption('ideal');
  await eventually(async () => /∗\(xt,t\)=∑isoftmaxi/.test(await shown()));
  assert.doesNotMatch(await shown(), /θ\(/);
  await lab.page.close();
});

test('what an edit does is spelt out', async () => {
  const lab = await open({ prediction_type: 'v_prediction' });
  const shown = async () => (await equations(lab, 'edit')).join(' ');
  assert.match(await shown(), /λ=in−1/);
  await choose(lab, 'edit-kind-redraw');
  await eventually(async () => /k=max\(1,⌊strength·n⌋\)/.test(await shown()));
  // RePaint's equation 8: a, b and c, and the way back.
  await choose(lab, 'edit-kind-fill');
  await eventually(async () => /m⊙xt−1known\+\(1−m\)⊙xt−1unknown/.test(await shown()));
  assert.match(await shown(), /xt−1known=/);
  assert.match(await shown(), /xt−1unknown∼𝒩/);
  assert.match(await shown(), /xt\+j=.*r−1/);
  await lab.page.close();
});

test('formulas are drawn in the font that comes with the page', async () => {
  const lab = await open({});
  const loaded = () =>
    document.fonts.values().some(({ family }) => family.includes('Unnoise Math'));
  await eventually(() => lab.page.evaluate(loaded));
  const missing = await lab.page.locator('math').evaluateAll((formulas) => {
    const context = /** @type {CanvasRenderingContext2D} */ (
      document.createElement('canvas').getContext('2d')
    );
    const width = (/** @type {string} */ character, /** @type {string} */ fallback) => {
      context.font = `100px "Unnoise Math", ${fallback}`;
      return context.measureText(character).width;
    };
    const characters = new Set(formulas.map((formula) => formula.textContent).join(''));
    // Where the font lacks a character, its width is that of whichever font stands in.
    return [...characters].filter((one) => width(one, 'serif') !== width(one, 'monospace'));
  });
  assert.deepEqual(missing, []);
  await lab.page.close();
});

// Every sampler and every process in the page: what is chosen is what is computed, on its own, side
// by side, and from a link.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Site, TINY, eventually } from './lab.mjs';

const site = Site.forTests();

/** @param {Record<string, unknown>} settings */
const open = (settings) => site.open({ ...TINY, backend: 'flex', ...settings });

/**
 * @param {import('./lab.mjs').LabPage} lab
 * @param {string} name
 */
async function choose(lab, name) {
  // By keyboard: equations that change move the button away from under the pointer.
  await lab.by(name).press(' ');
}

/** What went wrong, in the page's words. */
const failures = (/** @type {import('./lab.mjs').LabPage} */ lab) =>
  lab.page.locator('.message.error').allTextContents();

/**
 * The settings of the link that the page shows once it has caught up.
 * @param {import('./lab.mjs').LabPage} lab
 */
async function link(lab) {
  await lab.page.waitForTimeout(500);
  return new URLSearchParams(new URL(lab.page.url()).hash.slice(1));
}

describe('one sampler', () => {
  test('each draws its own images, in its own number of steps', async () => {
    const lab = await open({ steps: undefined, count: 2, train_steps: 10 });
    await lab.train();
    const drawn = new Set();
    for (const [sampler, steps] of Object.entries({ ddpm: 30, ddim: 20, heun: 20, dpmpp2m: 20 })) {
      await choose(lab, `sampler-${sampler}`);
      assert.equal(await lab.by('sample-steps').inputValue(), String(steps), sampler);
      assert.equal(await lab.sample(), steps + 1, sampler);
      drawn.add(await lab.pixels());
    }
    assert.equal(drawn.size, 4);
    assert.deepEqual(lab.errors, []);
    await lab.page.close();
  });

  test('takes every option, alone and with any other', async () => {
    const lab = await open({ count: 1, train_steps: 2 });
    await lab.train();
    await lab.by('sample-limit').evaluate((field) => {
      const details = field.closest('details');
      if (details) details.open = true;
    });
    for (const sampler of ['ddpm', 'ddim', 'heun', 'dpmpp2m']) {
      await choose(lab, `sampler-${sampler}`);
      await lab.by('sample-steps').fill('100');
      await lab.by('sample-steps').press('Enter');
      for (const spacing of ['leading', 'linspace', 'trailing']) {
        await lab.by('sample-spacing').selectOption(spacing);
        const steps = Number(await lab.by('sample-steps').inputValue());
        assert.ok(steps >= 99, `${sampler} ${spacing}: ${steps}`);
      }
      await lab.by('sample-steps').fill('5');
      await lab.by('sample-steps').press('Enter');
      const draw = async (/** @type {string} */ what) =>
        assert.equal(await lab.sample(), 6, `${sampler} ${what}`);
      for (const limit of ['clip', 'dynamic', 'none', 'auto']) {
        await lab.by('sample-limit').selectOption(limit);
        for (const spacing of ['leading', 'linspace', 'trailing']) {
          await lab.by('sample-spacing').selectOption(spacing);
          await draw(`${limit} ${spacing}`);
        }
      }
      // What only some of them have.
      for (const name of ['sample-variance', 'sample-karras', 'sample-weights']) {
        const field = lab.by(name);
        if ((await field.count()) === 0) continue;
        const usual = await field.inputValue();
        const options = await field.locator('option').evaluateAll((all) => all.map((o) => o.value));
        for (const option of options) {
          await field.selectOption(option);
          await draw(`${name} ${option}`);
        }
        await field.selectOption(usual);
      }
    }
    await choose(lab, 'sampler-ddim');
    const drawn = new Set();
    for (const change of [
      () => Promise.resolve(),
      () => lab.by('sample-eta').fill('1'),
      () => lab.by('sample-rederive').check(),
    ]) {
      await change();
      await lab.sample();
      drawn.add(await lab.pixels());
    }
    assert.equal(drawn.size, 3);
    assert.deepEqual(await failures(lab), []);
    assert.deepEqual(lab.errors, []);
    await lab.page.close();
  });
});

describe('side by side', () => {
  test('the same noise goes through all, in step', async () => {
    const compare = 'ddim:12,heun:6,dpmpp2m:4';
    const lab = await open({ count: 2, train_steps: 10, compare });
    await lab.train();
    await lab.by('compare-add').click();
    await lab.by('compare-steps-3').fill('3');
    await lab.by('compare-steps-3').press('Enter');
    await lab.by('compare-remove-2').click();
    await lab.by('sample').click();
    const canvas = (/** @type {number} */ index) => lab.by(`compare-canvas-${index}`);
    await canvas(2).and(lab.page.locator('[data-state=done]')).waitFor();
    const numbers = async (/** @type {string} */ name) =>
      Promise.all([0, 1, 2].map(async (index) => Number(await canvas(index).getAttribute(name))));
    assert.equal(await lab.page.locator('unnoise-compare-panel canvas').count(), 3);
    assert.deepEqual(await numbers('data-frames'), [13, 7, 4]);
    assert.match(await lab.text('compare-label-1'), /Heun.*of 6,\s+11.evaluations/s);

    const pictures = () =>
      lab.page.locator('unnoise-compare-panel').evaluate(async (panel) => {
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        return [...panel.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL());
      });
    for (const [share, frames] of /** @type {[string, number[]][]} */ ([
      ['0', [0, 0, 0]],
      ['0.5', [6, 3, 1]],
      ['1', [12, 6, 3]],
    ])) {
      await lab.by('compare-scrub').fill(share);
      assert.deepEqual(await numbers('data-frame'), frames);
      assert.equal(new Set(await pictures()).size, share === '0' ? 1 : 3, `at ${share}`);
    }
    assert.equal((await link(lab)).get('compare'), 'ddim:12,heun:6,ddpm:3');

    await lab.by('compare-scrub').fill('0');
    await lab.by('compare-play').click();
    await canvas(0).and(lab.page.locator('[data-frame="12"]')).waitFor();
    assert.deepEqual(lab.errors, []);
    await lab.page.close();
  });
});

describe('processes', () => {
  test('a flow is trained and sampled as a flow', async () => {
    const lab = await open({ prediction_type: 'flow_prediction' });
    await lab.recordLosses();
    await lab.train();
    const losses = await lab.losses();
    assert.equal(losses.length, TINY.train_steps);
    assert.ok(losses.every(Number.isFinite));
    assert.ok(await lab.by('sampler-euler-flow').isChecked());
    assert.equal(await lab.by('sampler-ddim').count(), 0);
    const before = await lab.pixels();
    await lab.by('sample-seed').fill('5');
    await lab.by('sample-seed').press('Enter');
    assert.equal(await lab.sample(), TINY.steps + 1);
    assert.notEqual(await lab.pixels(), before);

    // Another model brings back what the flow could not do.
    await choose(lab, 'start-from-scratch');
    await lab.by('prediction-type').evaluate((field) => {
      const details = field.closest('details');
      if (details) details.open = true;
    });
    await lab.by('prediction-type').selectOption('epsilon');
    await lab.train();
    assert.ok(await lab.by('sampler-dpmpp2m').isChecked());
    assert.ok((await lab.sample()) > 1);
    assert.deepEqual(lab.errors, []);
    await lab.page.close();
  });

  test('a learned variance is trained, and sampled with', async () => {
    const lab = await open({ variance_type: 'learned_range', sampler: 'ddpm' });
    await lab.recordLosses();
    await lab.train();
    assert.ok((await lab.losses()).every(Number.isFinite));
    assert.equal(await lab.by('sample-variance').inputValue(), 'learned_range');
    assert.ok(await lab.by('sample-variance').isDisabled());
    assert.equal(await lab.sample(), TINY.steps + 1);
    assert.deepEqual(lab.errors, []);
    await lab.page.close();
  });

  test('settings are chosen in the page, fit each other, and are in the link', async () => {
    const lab = await open({ train_steps: 3, steps: undefined });
    await lab.by('prediction-type').evaluate((field) => {
      for (const details of field.closest('unnoise-train-panel')?.querySelectorAll('details') ?? [])
        details.open = true;
    });
    await lab.by('beta-schedule').selectOption('scaled_linear');
    await lab.by('timesteps').fill('50');
    await lab.by('timesteps').press('Enter');
    await lab.by('loss-weighting').selectOption('min_snr');
    await lab.by('min-snr-gamma').fill('3');
    await lab.by('min-snr-gamma').press('Enter');
    await lab.by('variance-type').selectOption('learned_range');
    // ε cannot be predicted where there is nothing else: v takes its place, and the reverse.
    const zeroSnr = lab.by('train-zero-snr');
    const target = lab.by('prediction-type');
    await target.selectOption('epsilon');
    await zeroSnr.check();
    await eventually(async () => (await target.inputValue()) === 'v_prediction');
    await target.selectOption('epsilon');
    await eventually(async () => !(await zeroSnr.isChecked()));
    await zeroSnr.check();
    await eventually(async () => (await target.inputValue()) === 'v_prediction');
    await choose(lab, 'sampler-heun');

    const expected = {
      beta_schedule: 'scaled_linear',
      num_train_timesteps: '50',
      loss_weighting: 'min_snr',
      min_snr_gamma: '3',
      variance_type: 'learned_range',
      rescale_betas_zero_snr: 'true',
      sampler: 'heun',
    };
    const settings = await link(lab);
    for (const [name, value] of Object.entries(expected)) assert.equal(settings.get(name), value);
    const train = async (/** @type {import('./lab.mjs').LabPage} */ page) => {
      await page.recordLosses();
      await page.train();
      return { losses: await page.losses(), pixels: await page.pixels() };
    };
    const first = await train(lab);
    assert.equal(first.losses.length, 3);
    assert.deepEqual(await failures(lab), []);

    const second = await site.open(Object.fromEntries(settings));
    assert.equal(await second.by('prediction-type').inputValue(), 'v_prediction');
    assert.deepEqual(await train(second), first);
    assert.deepEqual([...lab.errors, ...second.errors], []);
    await second.page.close();
    await lab.page.close();
  });

  for (const timesteps of [10, 4000]) {
    test(`${timesteps} timesteps, whatever the schedule`, async () => {
      for (const beta_schedule of [
        'linear',
        'scaled_linear',
        'squaredcos_cap_v2',
        'sigmoid',
        'variance_exploding',
      ]) {
        // Pseudocodes 1 and 2 of Nakkiran et al. 2024.
        const steps = { loss_weighting: 'previous', sampler: 'ddpm', variance: 'fixed_forward' };
        const settings = {
          num_train_timesteps: timesteps,
          beta_schedule,
          ...(beta_schedule === 'variance_exploding' ? steps : {}),
          train_steps: 2,
          count: 1,
        };
        const lab = await open(settings);
        await lab.train();
        await lab.ready();
        assert.deepEqual(await failures(lab), [], beta_schedule);
        assert.deepEqual(lab.errors, []);
        await lab.page.close();
      }
    });
  }
});

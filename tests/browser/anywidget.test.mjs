// anywidget.js as notebooks load it: a module whose default export renders a model into an element
// and returns what takes it away again. tests/hosts has it in real notebooks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Site } from './lab.mjs';

const site = Site.forTests();

const ATTRIBUTES = {
  mode: 'sample',
  dataset: 'sprites',
  backend: 'flex',
  steps: 3,
  count: 4,
  autoplay: true,
  loading: 'eager',
};

test('without a kernel a model that can only be read is enough', async () => {
  const page = await site.blank();
  const left = await page.evaluate(
    async ({ address, attributes }) => {
      const { default: widget } = await import(`${address}pkg/anywidget.js`);
      const traits = /** @type {Record<string, unknown>} */ ({
        base: `${address}pkg/`,
        attributes,
      });
      const el = document.body.appendChild(document.createElement('div'));
      // What MyST hands over.
      const model = { get: (/** @type {string} */ name) => traits[name] };
      const remove = await widget.render({ model, el });
      const figure = /** @type {any} */ (el.querySelector('unnoise-lab'));
      await new Promise((resolve) => figure.addEventListener('unnoise-done', resolve));
      await figure.train();
      const { step } = figure.lab;
      remove();
      return { step, children: el.childElementCount, text: el.textContent };
    },
    { address: site.address, attributes: { ...ATTRIBUTES, 'train-steps': 2 } },
  );
  assert.deepEqual({ ...left, step: undefined }, { step: undefined, children: 0, text: '' });
  assert.ok(left.step > 0);
  await page.close();
});

test('with a kernel it takes files from there, tells it, pauses, and stops listening', async () => {
  const page = await site.blank();
  const told = await page.evaluate(
    async ({ address, attributes }) => {
      const { default: widget } = await import(`${address}pkg/anywidget.js`);
      /** @type {Record<string, any>} */
      const traits = { kernel: true, base: '', attributes, training: false, saved: 0, sampled: 0 };
      const listeners = /** @type {[string, Function][]} */ ([]);
      const tell = (/** @type {string} */ event, /** @type {unknown[]} */ ...args) => {
        for (const [name, handler] of [...listeners]) if (name === event) handler(...args);
      };
      const kinds = new Set();
      let changes = 0;
      const model = {
        get: (/** @type {string} */ name) => traits[name],
        set: (/** @type {string} */ name, /** @type {unknown} */ value) => (traits[name] = value),
        save_changes: () => changes++,
        on: (/** @type {string} */ event, /** @type {Function} */ handler) =>
          listeners.push([event, handler]),
        off: (/** @type {string} */ event, /** @type {Function} */ handler) => {
          const place = listeners.findIndex(([name, known]) => name === event && known === handler);
          listeners.splice(place, 1);
        },
        send: async (/** @type {{ type: string, name: string }} */ message) => {
          kinds.add(message.type);
          if (message.type !== 'file') return;
          const response = await fetch(`${address}pkg/${message.name}`);
          const bytes = new DataView(await response.arrayBuffer());
          tell('msg:custom', { ...message, part: 0, parts: 1 }, [bytes]);
        },
      };
      const el = document.body.appendChild(document.createElement('div'));
      const remove = await widget.render({ model, el });
      const figure = /** @type {any} */ (el.querySelector('unnoise-lab'));
      const happens = (/** @type {string} */ type) =>
        new Promise((resolve) => figure.addEventListener(type, resolve, { once: true }));
      await happens('unnoise-done');
      traits.training = true;
      tell('change:training');
      await happens('unnoise-progress');
      traits.training = false;
      tell('change:training');
      while (figure.state === 'training') await happens('unnoise-state');
      const { step } = figure.lab;
      remove();
      return { kinds: [...kinds].sort(), changes, listeners: listeners.length, step, traits };
    },
    { address: site.address, attributes: { ...ATTRIBUTES, 'train-steps': 100_000 } },
  );
  assert.deepEqual(told.kinds, ['file', 'losses', 'samples']);
  assert.equal(told.listeners, 0);
  assert.ok(told.changes > 0);
  assert.equal(told.traits.training, false);
  assert.ok(told.step > 0 && told.step < 100_000);
  await page.close();
});

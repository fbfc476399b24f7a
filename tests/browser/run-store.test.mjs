// What the browser's storage keeps of runs: all of a state or the one before, whatever happens.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Site } from './lab.mjs';

const site = Site.forTests();
/** @type {import('playwright-core').Page} */
let page;

/** The store's own code, as a script that defines `Store`, and what the tests put into it. */
async function storeScript() {
  const rooms = ['runs', 'images', 'migrations', 'archive', 'schema'];
  const { outputFiles } = await build({
    stdin: {
      contents: rooms.map((room) => `export * from './web/store/${room}.js';`).join('\n'),
      resolveDir: fileURLToPath(new URL('../..', import.meta.url)),
    },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'Store',
  });
  return `${outputFiles[0].text}\n${fixtures}\nself.fixtures = fixtures();`;
}

function fixtures() {
  const { Store } = /** @type {any} */ (globalThis);
  const pixels = (/** @type {number} */ seed, length = 4 * 4 * 3) =>
    Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 57) % 256);
  const pictures = (/** @type {number} */ seed, count = 3) =>
    Array.from({ length: count }, (_, index) => ({
      name: `image ${index}`,
      size: 4,
      rgb: pixels(seed + index),
      label: index ? 'cat' : undefined,
    }));
  const sample = (/** @type {string} */ run, /** @type {number} */ step) => ({
    run,
    step,
    ...Store.packTiles({ x_t: pixels(step), count: 1, size: 4 }),
  });
  const curve = {
    steps: [1, 2],
    means: [1, 0.5],
    smoothed: [1, 0.7],
    average: 0.7,
    weight: 1,
    seen: 2,
  };
  /** A state of a run, to be saved. */
  const state = async (
    /** @type {any} */ { id = 'run', revision = 0, set = 'a', step = 10 } = {},
  ) => ({
    note: {
      id,
      name: 'My images',
      beganAt: 1,
      revision,
      backend: 'flex',
      dataset: null,
      imageSet: set,
      imageCount: 3,
      config: { size: 4, seed: 0, labels: [], unet: {}, scheduler: {}, training: {} },
      settings: [['batch_size', '4']],
      curve,
    },
    step,
    bytes: pixels(step, 1000),
    samples: [sample(id, step)],
    sampleSteps: [step],
    images: await Store.packImages(pictures(set.charCodeAt(0)), set),
  });
  /** Everything that is kept of a run, as text; but for the times. */
  const fingerprint = async (/** @type {any} */ store, id = 'run') => {
    const { record, ...rest } = await store.read(id);
    const whole = { ...rest, record: { ...record, savedAt: 0, usedAt: 0 } };
    const plain = (/** @type {string} */ _, /** @type {any} */ value) => {
      if (value instanceof Uint8Array) return [...value];
      const entries = value?.constructor === Object ? Object.entries(value).sort() : undefined;
      return entries ? Object.fromEntries(entries) : value;
    };
    return JSON.stringify(whole, plain);
  };
  /** Calls back at every write. */
  const atWrites = (/** @type {(store: string) => void} */ look) => {
    const original = { ...writers() };
    for (const name of /** @type {const} */ (['put', 'add', 'delete', 'clear'])) {
      Object.assign(IDBObjectStore.prototype, {
        /** @this {IDBObjectStore} @param {any[]} args */
        [name](...args) {
          look(this.name);
          return /** @type {any} */ (original)[name].apply(this, args);
        },
      });
    }
    return () => void Object.assign(IDBObjectStore.prototype, original);
  };
  const writers = () => {
    const { put, add, delete: remove, clear } = IDBObjectStore.prototype;
    return { put, add, delete: remove, clear };
  };
  return { atWrites, fingerprint, pictures, pixels, sample, state };
}

before(async () => {
  page = await site.blank();
  const content = await storeScript();
  await page.addScriptTag({ content });
  await page.evaluate((content) => Object.assign(window, { storeScript: content }), content);
});

/** Three images, a checkpoint, a sample, one less, the record, and the images of before. */
const WRITES = 8;

test('a worker that ends at any write leaves the state before, whole', async () => {
  const outcomes = await page.evaluate(async (writes) => {
    const { Store, fixtures, storeScript } = /** @type {any} */ (window);
    // Stands still at the nth write, as the page's own worker would that was killed there.
    const program = async (/** @type {string} */ name, /** @type {number} */ nth) => {
      const { Store, fixtures } = /** @type {any} */ (self);
      let count = 0;
      fixtures.atWrites(() => {
        if (++count !== nth) return;
        self.postMessage('killed');
        for (;;);
      });
      const next = await fixtures.state({ revision: 1, set: 'b', step: 20 });
      await new Store.RunStore(name).save(next);
      self.postMessage('saved');
    };
    /** @param {number} nth */
    const kill = async (nth) => {
      const name = `killed at ${nth}`;
      const store = new Store.RunStore(name);
      await store.save(await fixtures.state());
      const before = await fixtures.fingerprint(store);
      const script = new Blob([storeScript, `\n(${program})('${name}', ${nth});`]);
      const worker = new Worker(URL.createObjectURL(script));
      const said = await new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = reject;
      });
      worker.terminate();
      const after = await fixtures.fingerprint(store);
      const { record, images } = JSON.parse(after);
      return [said, after === before, record.step, images.length];
    };
    return Promise.all(Array.from({ length: writes + 1 }, (_, index) => kill(index + 1)));
  }, WRITES);
  const killed = Array.from({ length: WRITES }, () => ['killed', true, 10, 3]);
  assert.deepEqual(outcomes, [...killed, ['saved', false, 20, 3]]);
});

test('a write that fails, whichever, leaves the state before, whole', async () => {
  const failed = await page.evaluate(async () => {
    const { Store, fixtures } = /** @type {any} */ (window);
    const store = new Store.RunStore('errors');
    await store.save(await fixtures.state());
    const before = await fixtures.fingerprint(store);
    for (let nth = 1; ; nth++) {
      let count = 0;
      const restore = fixtures.atWrites(() => {
        if (++count === nth) throw new Error('this disk is bad');
      });
      const next = await fixtures.state({ revision: 1, set: 'b', step: 20 });
      const saved = await store.save(next).catch((/** @type {Error} */ error) => error.message);
      restore();
      if (saved !== 'this disk is bad') return { count: nth - 1, saved };
      if ((await fixtures.fingerprint(store)) !== before) throw new Error(`write ${nth}`);
    }
  });
  assert.equal(failed.count, WRITES);
  assert.equal(failed.saved.outcome, 'saved');
});

test('where the storage is full, the oldest samples make room; else the state before stays', async () => {
  const result = await page.evaluate(async () => {
    const { Store, fixtures } = /** @type {any} */ (window);
    const store = new Store.RunStore('quota');
    const { note, ...rest } = await fixtures.state();
    const steps = [2, 4, 6, 8];
    const samples = steps.map((step) => fixtures.sample('run', step));
    await store.save({ ...rest, note, samples, sampleSteps: steps });
    const stepsLeft = async () =>
      (await store.samples('run')).map((/** @type {any} */ { step }) => step);
    // Room for a checkpoint is there only once some samples are gone.
    let room = 1;
    const restore = fixtures.atWrites((/** @type {string} */ name) => {
      if (name === 'checkpoints' && room-- > 0)
        throw new DOMException('full', 'QuotaExceededError');
    });
    const next = await fixtures.state({ revision: 1, step: 10 });
    const saved = await store.save({ ...next, sampleSteps: [...steps, 10] });
    const left = await stepsLeft();
    room = Infinity;
    const last = await fixtures.state({ revision: 2, step: 12 });
    const refused = await store.save(last).catch((/** @type {any} */ error) => error.code);
    restore();
    const { record } = await store.read('run');
    return { saved, left, refused, step: record.step, newest: (await stepsLeft()).at(-1) };
  });
  assert.deepEqual(result.saved, { outcome: 'saved', revision: 2, name: 'My images', thinned: 2 });
  assert.deepEqual(result.left, [6, 8, 10]);
  assert.deepEqual([result.refused, result.step, result.newest], ['storage-full', 10, 10]);
});

for (const version of [1, 2]) {
  test(`a database of version ${version} is carried over`, async () => {
    const result = await page.evaluate(async (version) => {
      const { Store, fixtures } = /** @type {any} */ (window);
      const pictures = fixtures.pictures(5, 70);
      const checkpoint = {
        run: version === 1 ? 'last' : '1700000000000-abc',
        step: 30,
        bytes: fixtures.pixels(3, 500),
        savedAt: 1_700_000_000_500,
        dataset: null,
        losses: [
          [10, 20],
          [0.9, 0.5],
        ],
        backend: 'flex',
      };
      const database = await new Promise((resolve, reject) => {
        const request = indexedDB.open('unnoise', version);
        request.onupgradeneeded = () => {
          const { result } = request;
          if (version === 1) {
            result.createObjectStore('images', { autoIncrement: true });
            result.createObjectStore('checkpoints', { keyPath: 'run' });
          } else {
            result.createObjectStore('images', { keyPath: ['run', 'chunk'] });
            const checkpoints = result.createObjectStore('checkpoints', { keyPath: 'run' });
            checkpoints.createIndex('savedAt', 'savedAt');
          }
        };
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      await new Promise((resolve) => {
        const transaction = database.transaction(['images', 'checkpoints'], 'readwrite');
        transaction.oncomplete = resolve;
        const images = transaction.objectStore('images');
        if (version === 1) for (const image of pictures) images.add(image);
        else {
          const { run } = checkpoint;
          images.put({ run, chunk: 0, images: pictures.slice(0, 64) });
          images.put({ run, chunk: 1, images: pictures.slice(64) });
          const set = { ...checkpoint, run: '1700000000001-set', dataset: 'sprites', savedAt: 2 };
          transaction.objectStore('checkpoints').put(set);
        }
        transaction.objectStore('checkpoints').put(checkpoint);
      });
      database.close();
      const store = new Store.RunStore(`version ${version}`);
      const nameOf = (/** @type {string | null} */ dataset) => dataset ?? 'mine';
      const moved = await Store.carryOver(store, nameOf);
      const again = await Store.carryOver(store, nameOf);
      const { runs } = await store.list();
      const { id } = runs[0];
      const whole = await store.read(id);
      const images = await Store.unpackImages(whole.images);
      const same = images.every(
        (/** @type {any} */ { rgb, name, label }, /** @type {number} */ index) =>
          String(rgb) === String(pictures[index].rgb) &&
          name === pictures[index].name &&
          label === pictures[index].label,
      );
      const left = (await indexedDB.databases()).some(({ name }) => name === 'unnoise');
      return {
        moved,
        again,
        left,
        names: runs.map((/** @type {any} */ { name }) => name),
        count: images.length,
        same,
        bytes: String(whole.checkpoint) === String(checkpoint.bytes),
        step: whole.record.step,
        curve: [whole.record.curve.steps, whole.record.curve.smoothed],
      };
    }, version);
    assert.deepEqual(result, {
      moved: version,
      again: 0,
      left: false,
      names: version === 1 ? ['mine'] : ['mine', 'sprites'],
      count: 70,
      same: true,
      bytes: true,
      step: 30,
      curve: [
        [10, 20],
        [0.9, 0.5],
      ],
    });
  });
}

test('old runs that someone has edited keep no other back, and none is lost', async () => {
  const result = await page.evaluate(async () => {
    const { Store, fixtures } = /** @type {any} */ (window);
    const run = { step: 30, bytes: fixtures.pixels(3, 500), savedAt: 5, backend: 'flex' };
    const set = { ...run, dataset: 'sprites', losses: [[1], [2]] };
    const old = [
      { ...set, run: '1-images', dataset: null },
      { ...set, run: '2-curve', losses: 5 },
      { ...set, run: '3-numbers', losses: [[1, 'x'], [NaN]] },
      { ...set, run: '4-date', savedAt: 1e300 },
      { ...set, run: '5-good' },
    ];
    const open = () =>
      new Promise((resolve) => {
        const request = indexedDB.open('unnoise', 2);
        request.onupgradeneeded = () => {
          request.result.createObjectStore('images', { keyPath: ['run', 'chunk'] });
          request.result.createObjectStore('checkpoints', { keyPath: 'run' });
        };
        request.onsuccess = () => resolve(request.result);
      });
    const database = await open();
    await new Promise((resolve) => {
      const transaction = database.transaction(['images', 'checkpoints'], 'readwrite');
      transaction.oncomplete = resolve;
      for (const one of old) transaction.objectStore('checkpoints').put(one);
      const images = [{ name: 'no pixels', size: 4 }];
      transaction.objectStore('images').put({ run: '1-images', chunk: 0, images });
    });
    database.close();
    const store = new Store.RunStore('edited long ago');
    const moved = await Store.carryOver(store, () => 'mine');
    const { runs, damaged } = await store.list();
    const left = await new Promise((resolve) => {
      indexedDB.open('unnoise').onsuccess = ({ target }) => {
        const { result } = /** @type {any} */ (target);
        const request = result.transaction('checkpoints').objectStore('checkpoints').getAllKeys();
        request.onsuccess = () => {
          result.close();
          indexedDB.deleteDatabase('unnoise');
          resolve(request.result);
        };
      };
    });
    const points = runs.map((/** @type {any} */ { curve }) => curve.steps.length).sort();
    return { moved, left, damaged, points };
  });
  assert.deepEqual(result, {
    moved: 3,
    left: ['1-images', '4-date'],
    damaged: [],
    points: [0, 0, 1],
  });
});

test('runs share images, and those that no run has are let go', async () => {
  const result = await page.evaluate(async () => {
    const { Store, fixtures } = /** @type {any} */ (window);
    const store = new Store.RunStore('shared');
    const other = new Store.RunStore('another site');
    await store.save(await fixtures.state());
    await other.save(await fixtures.state({ set: 'b' }));
    const copy = await store.duplicate('run');
    await store.rename('run', '  First  ');
    await store.remove('run');
    const left = await store.read(copy.id);
    const names = (await store.list()).runs.map((/** @type {any} */ { name }) => name);
    await store.remove(copy.id);
    const gone = await store.read(copy.id).catch((/** @type {any} */ error) => error.code);
    const images = await new Promise((resolve) => {
      indexedDB.open('shared').onsuccess = ({ target }) => {
        const { result } = /** @type {any} */ (target);
        const request = result.transaction('images').objectStore('images').count();
        request.onsuccess = () => resolve(request.result);
      };
    });
    return {
      names,
      images: left.images.length,
      gone,
      kept: images,
      others: (await other.read('run')).images.length,
    };
  });
  assert.deepEqual(result, {
    names: ['My images 2'],
    images: 3,
    gone: 'not-found',
    kept: 0,
    others: 3,
  });
});

test('no tab saves over what another has saved', async () => {
  const outcomes = await page.evaluate(async () => {
    const { Store, fixtures } = /** @type {any} */ (window);
    const store = new Store.RunStore('tabs');
    const results = [
      await store.save(await fixtures.state()),
      await store.save(await fixtures.state({ revision: 1, step: 11 })),
      await store.save(await fixtures.state({ revision: 1, step: 12 })),
      // Its images are another's, who has let them go.
      await store.save({ ...(await fixtures.state({ id: 'b', set: 'b' })), images: undefined }),
    ];
    return results.map(({ outcome }) => outcome);
  });
  assert.deepEqual(outcomes, ['saved', 'saved', 'conflict', 'images-needed']);
});

test('records that someone has edited harm nobody', async () => {
  const result = await page.evaluate(async () => {
    const { Store, fixtures } = /** @type {any} */ (window);
    const store = new Store.RunStore('edited');
    for (const id of ['good', 'bad', 'image', 'lost']) {
      await store.save(await fixtures.state({ id, set: id }));
    }
    const edit = (/** @type {string} */ name, /** @type {any} */ key, /** @type {any} */ change) =>
      new Promise((resolve) => {
        indexedDB.open('edited').onsuccess = ({ target }) => {
          const transaction = /** @type {any} */ (target).result.transaction(name, 'readwrite');
          const records = transaction.objectStore(name);
          records.get(key).onsuccess = (/** @type {any} */ { target: { result } }) =>
            records.put({ ...result, ...change });
          transaction.oncomplete = resolve;
        };
      });
    const curve = { steps: ['x'], means: [], smoothed: [NaN], average: 0, weight: 0, seen: 0 };
    await edit('runs', 'bad', { curve, step: -1, name: { toString: 1 } });
    await edit('images', ['image', 1], { png: new Uint8Array([137, 80, 78, 71]) });
    await edit('images', ['lost', 1], { png: 'no bytes' });
    const { runs, damaged } = await store.list();
    const code = (/** @type {any} */ error) => error.code;
    const { images } = await store.read('image');
    return {
      runs: runs.map((/** @type {any} */ { id }) => id).sort(),
      damaged,
      bad: await store.read('bad').catch(code),
      image: await Store.unpackImages(images).catch(code),
      lost: await store.read('lost').catch(code),
      good: (await store.read('good')).images.length,
    };
  });
  assert.deepEqual(result, {
    runs: ['good', 'image', 'lost'],
    damaged: ['bad'],
    bad: 'bad-checkpoint',
    image: 'bad-image',
    lost: 'bad-checkpoint',
    good: 3,
  });
});

test('a run goes through a file, and files that are none are refused', async () => {
  const result = await page.evaluate(async () => {
    const { Store, fixtures } = /** @type {any} */ (window);
    const store = new Store.RunStore('files');
    await store.save(await fixtures.state());
    const packed = Store.packRun(await store.read('run'));
    const added = await store.add(Store.unpackRun(packed));
    const plain = (/** @type {string} */ text) =>
      text
        .replace(/"(id|run|set|imageSet|name)":"[^"]*"/g, '"$1":""')
        .replace(/"revision":\d+/, '');
    const [a, b] = [
      await fixtures.fingerprint(store),
      await fixtures.fingerprint(store, added.id),
    ].map(plain);
    const refused = [
      packed.slice(0, packed.length / 2),
      new Uint8Array(),
      new Uint8Array([80, 75, 3, 4]),
      new TextEncoder().encode('no zip at all'),
    ].map((bytes) => {
      try {
        return Store.unpackRun(bytes).record.name;
      } catch (error) {
        return /** @type {any} */ (error).code;
      }
    });
    return { same: a === b, name: added.name, refused };
  });
  assert.deepEqual(result, {
    same: true,
    name: 'My images 2',
    refused: ['truncated', 'truncated', 'truncated', 'truncated'],
  });
});

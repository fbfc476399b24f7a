// What JavaScript reads that anyone may have made: zips, pictures, links, attributes, stored records,
// files of runs. Whatever they are, there is a value that makes sense or an error in a sentence.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { ABSURD, bundle, damaged, NAMES, packedZip } from './given.mjs';

const page = await bundle();
const { LabError, ZipError } = page;

/** A few thousand in every run of the tests; `CASES=1000000` once in a while. */
const numRuns = Number(process.env.CASES ?? 2000);
/** @param {fc.IRawProperty<any, any>} property */
const holds = (property) => fc.assert(property, { numRuns });

/** What every object has. A reader that is fooled changes it. */
const prototypes = () =>
  [Object.prototype, Array.prototype, Function.prototype].map((one) =>
    String(Reflect.ownKeys(one).map(String).sort()),
  );
const untouched = prototypes();

/**
 * The value of `read`, or nothing where it refuses in a sentence.
 * @param {() => any} read
 * @param {Function} kind of errors that are ours
 */
function attempt(read, kind = LabError) {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof kind, /** @type {any} */ (error)?.stack);
    const { message } = /** @type {Error} */ (error);
    assert.ok(message.length > 0 && message.length < 2000, message.slice(0, 100));
    return undefined;
  } finally {
    assert.deepEqual(prototypes(), untouched);
  }
}

const LIMITS = { wants: () => true, maxBytes: 1 << 20, maxEntries: 100 };
const fault = (/** @type {Uint8Array} */ zip, limits = {}) => {
  try {
    page.readZip(zip, { ...LIMITS, ...limits });
  } catch (error) {
    return /** @type {any} */ (error).fault;
  }
  return undefined;
};

describe('zips', () => {
  const files = fc.dictionary(
    fc.oneof(fc.constantFrom(...NAMES, 'unet/config.json'), fc.string({ minLength: 1 })),
    fc.uint8Array({ maxLength: 300 }),
    { maxKeys: 5 },
  );
  const level = fc.constantFrom(/** @type {0} */ (0), /** @type {6} */ (6));
  const given = fc.record({ files, level });
  /** @param {{ files: Record<string, Uint8Array>, level: 0 | 6 }} given */
  const pack = ({ files, level }) => {
    // fflate cannot write the one, and folders have nothing in them.
    const names = (/** @type {string} */ name) => name !== '__proto__' && !name.endsWith('/');
    const kept = Object.entries(files).filter(([name]) => names(name));
    return { kept, zip: zipSync(Object.fromEntries(kept), { level }) };
  };

  test('what is packed comes out again', () =>
    holds(
      fc.property(given, (given) => {
        const { kept, zip } = pack(given);
        assert.deepEqual(page.readZip(zip, LIMITS).files, new Map(kept));
      }),
    ));

  test('what is damaged is refused, or its files are whole', () =>
    holds(
      fc.property(given, damaged, (given, damage) => {
        const { kept, zip } = pack(given);
        const read = attempt(() => page.readZip(damage(zip), LIMITS), ZipError);
        const contents = new Set(kept.map(([, bytes]) => String(bytes)));
        for (const bytes of read?.files.values() ?? []) {
          assert.ok(contents.has(String(bytes)) || bytes.length === 0);
        }
      }),
    ));

  test('any bytes', () =>
    holds(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, ends) => {
        const end = [0x50, 0x4b, 5, 6, 0, 0, 0, 0, 1, 0, 1, 0];
        const zip = ends ? Uint8Array.from([...bytes, ...end, ...bytes]) : bytes;
        attempt(() => page.readZip(zip, LIMITS), ZipError);
      }),
    ));

  test('bombs', () => {
    const zeros = new Uint8Array(8 << 20);
    const packed = deflateRawSync(zeros);
    const honest = packedZip([{ name: 'a', packed, length: zeros.length }]);
    assert.equal(fault(honest), 'too-large');
    assert.equal(fault(honest, { maxBytes: 16 << 20 }), 'damaged', 'its checksum is not');
    // What says that it is small is not unpacked further than that.
    assert.equal(fault(packedZip([{ name: 'a', packed, length: 10 }])), 'damaged');
    assert.equal(
      fault(packedZip([{ name: 'a', packed: packed.subarray(0, 9), length: 1 << 20 }])),
      'damaged',
    );
    const many = Array.from({ length: 101 }, (_, index) => ({
      name: `${index}`,
      packed,
      length: 1,
    }));
    assert.equal(fault(packedZip(many)), 'too-large');
    // All entries have the same data.
    const shared = Array.from({ length: 90 }, (_, index) => ({
      name: `${index}`,
      packed,
      length: 1 << 19,
      offset: 0,
    }));
    assert.equal(fault(packedZip(shared)), 'too-large');
  });

  test('encrypted, packed otherwise, with 64 bits, with names that go up', () => {
    const data = new TextEncoder().encode('hello');
    const one = {
      name: '../../etc/passwd',
      packed: data,
      length: data.length,
      method: 0,
      of: data,
    };
    assert.deepEqual([...page.readZip(packedZip([one]), LIMITS).files], [[one.name, data]]);
    assert.equal(fault(packedZip([{ ...one, flags: 1 }])), 'encrypted');
    assert.equal(fault(packedZip([{ ...one, method: 14 }])), 'unknown');
    const wide = packedZip([{ ...one, wide: true }]);
    assert.deepEqual([...page.readZip(wide, LIMITS).files], [[one.name, data]]);
    assert.equal(fault(packedZip([{ ...one, wide: true, length: 2 ** 52 }])), 'too-large');
    // Only what is wanted is looked at, and a zip within a zip is a file like others.
    const rest = { ...LIMITS, wants: (/** @type {string} */ name) => name === 'b' };
    const inner = { ...one, name: 'inner.zip', flags: 1 };
    assert.deepEqual(page.readZip(packedZip([inner]), rest), {
      files: new Map(),
      others: ['inner.zip'],
    });
  });
});

describe('stored pictures', () => {
  const picture = fc
    .record({
      width: fc.integer({ min: 1, max: 9 }),
      height: fc.integer({ min: 1, max: 9 }),
      channels: fc.constantFrom(1, 3, 4),
    })
    .chain(({ width, height, channels }) => {
      const length = width * height * channels;
      const rgb = fc.uint8Array({ minLength: length, maxLength: length });
      return fc.record({ rgb, width: fc.constant(width), height: fc.constant(height) });
    });

  test('come back bit for bit, or not at all', () =>
    holds(
      fc.property(picture, damaged, ({ rgb, width, height }, damage) => {
        const png = page.encodePng(rgb, width, height);
        assert.deepEqual(page.decodePng(png, width, height), rgb);
        const read = attempt(() => page.decodePng(damage(png), width, height));
        if (read) assert.equal(read.length, rgb.length);
        attempt(() => page.decodePng(png, width + 1, height));
      }),
    ));
});

describe('image files', () => {
  test('give a size that can be decoded, or a sentence', async () => {
    const names = ['animated.gif', 'drawing.svg', 'square.png', 'tall.webp', 'wide.jpg'];
    const folder = new URL('../browser/images/', import.meta.url);
    const files = await Promise.all(names.map((name) => readFile(new URL(name, folder))));
    await holds(
      fc.asyncProperty(fc.constantFrom(...files), damaged, async (file, damage) => {
        // The header alone is read; the rest would only be copied.
        const blob = new Blob([damage(new Uint8Array(file).subarray(0, 4000))]);
        const error = await page.readImageHeader(blob, 'it').then(
          (/** @type {any} */ { width, height, type }) => {
            assert.ok(width > 0 && height > 0);
            assert.ok(type === 'svg' || width * height <= page.MAX_PIXELS);
          },
          (/** @type {unknown} */ error) => error,
        );
        if (error) assert.equal(/** @type {any} */ (error).code, 'bad-image', String(error));
      }),
    );
  });

  test('too large, unreadable', async () => {
    const unreadable = () => Promise.reject(new DOMException('gone', 'NotReadableError'));
    const never = () => assert.fail('It is refused before it is read.');
    const slice = (/** @type {() => unknown} */ arrayBuffer) => () => ({ arrayBuffer });
    const refused = async (/** @type {object} */ file) =>
      (await page.readImageHeader(file, 'it').catch((/** @type {any} */ error) => error)).message;
    assert.match(await refused({ size: 2 ** 40, slice: slice(never) }), /1100 GB/);
    assert.match(await refused({ size: 9, slice: slice(unreadable) }), /cannot be read any more/);
  });
});

describe('drawings', () => {
  const svg = (/** @type {string} */ inner) =>
    `<svg xmlns="http://www.w3.org/2000/svg">${inner}</svg>`;
  const weight = (/** @type {string} */ inner) => page.drawnElements(svg(inner));

  test('weigh what is drawn for them', () => {
    assert.equal(weight('<g><rect/><rect/></g>'), 4);
    assert.equal(
      weight('<g id="a"><rect/></g><use href="#a"/><use xlink:href = "#a"></use>'),
      5 + 4,
    );
    assert.equal(weight('<rect id="a" fill="url(#b)"/><pattern id="b"><path/></pattern>'), 4 + 2);
    assert.equal(weight('<!-- <use href="#a"/> --><a title="<b> / >"/><![CDATA[<b/>]]>'), 2);
    // What refers to itself ends.
    assert.ok(weight('<g id="a"><use href="#a"/></g>') < 10);
  });

  test('bombs', () => {
    const levels = Array.from({ length: 9 }, (_, level) => {
      const uses = `<use href="#a${level}"/>`.repeat(10);
      return `<g id="a${level + 1}">${uses}</g>`;
    });
    assert.ok(weight(`<g id="a0"><rect/></g>${levels.join('')}`) > 1e9);
    for (const hidden of [
      '<image href="data:image/svg+xml,x"/>',
      '<use href="&#35;a"/>',
      '<g id="&#97;"/>',
    ]) {
      assert.equal(weight(hidden), Infinity, hidden);
    }
    const entity = (/** @type {string} */ value) =>
      page.drawnElements(`<!DOCTYPE svg [<!ENTITY a "${value}">]>${svg('<g/>')}`);
    assert.equal(entity('http://ns.example.org/'), 2);
    assert.equal(entity('<use/>'), Infinity);
    assert.equal(entity('&b;&b;'), Infinity);
    assert.equal(weight('<use href="#a"/>'.repeat(3001)), Infinity);
    // No letters lead it to read the same again and again.
    for (const letters of ['<', '<a "', '<a \'"', '<!ENTITY "', '<!--', '</', '<a id=', 'url(#']) {
      page.drawnElements(letters.repeat(200_000));
    }
  });

  test('any text', () =>
    holds(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string(),
            fc.constantFrom('<use href="#a"/>', '<g id="a">', '</g>', '<!--', '<'),
          ),
        ),
        (parts) => {
          const drawn = attempt(() => page.drawnElements(parts.join('')));
          assert.ok(drawn >= 0);
        },
      ),
    ));
});

/** @returns {Promise<any>} a complete config */
async function defaults() {
  const file = await readFile(
    new URL('../../web/samples/faces/model.safetensors', import.meta.url),
  );
  const header = JSON.parse(String(file.subarray(8, 8 + Number(file.readBigUInt64LE(0)))));
  const { unet, scheduler, training } = header.__metadata__;
  const parts = {
    unet: JSON.parse(unet),
    scheduler: JSON.parse(scheduler),
    training: JSON.parse(training),
  };
  return { size: 32, seed: 0, labels: [], ...parts };
}
const DEFAULTS = await defaults();

const settingName = fc.oneof(
  fc.constantFrom(...Object.keys(page.flattenConfig(DEFAULTS))),
  fc.constantFrom(...page.ATTRIBUTES.map(page.settingOf), 'strength', 'to_seed'),
  fc.constantFrom(
    ...NAMES,
    ...NAMES.map((name) => `unet.${name}`),
    'unet',
    'scheduler',
    'training',
  ),
  fc.string(),
);
const settingText = fc.oneof(fc.constantFrom(...ABSURD), fc.string(), fc.double().map(String));
const overrides = fc.array(fc.tuple(settingName, settingText), { maxLength: 6 });

/** @param {any} config */
function isConfig(config) {
  assert.deepEqual(Object.keys(config).sort(), Object.keys(DEFAULTS).sort());
  assert.equal(Object.getPrototypeOf(config), Object.prototype);
  for (const part of [config.unet, config.scheduler, config.training]) {
    assert.equal(Object.getPrototypeOf(part), Object.prototype);
  }
  for (const part of ['unet', 'scheduler', 'training']) {
    assert.deepEqual(Object.keys(config[part]).sort(), Object.keys(DEFAULTS[part]).sort());
  }
  // JSON has no infinite numbers: they would arrive as null.
  JSON.stringify(config, (_, value) => {
    assert.ok(typeof value !== 'number' || Number.isFinite(value));
    return value;
  });
}

describe('links', () => {
  test('give settings that make sense, or a sentence', () =>
    holds(
      fc.property(overrides, fc.string(), (pairs, junk) => {
        const hash = `#${new URLSearchParams(pairs)}&${junk}`;
        const { page: settings, config } = page.parseHash(hash);
        const merged = attempt(() => page.mergeConfig(DEFAULTS, config));
        if (merged) isConfig(merged);
        const { steps, count, seed, eta, guidance, sampler } = page.readSample(settings);
        const within = (/** @type {any} */ value, low = 0, high = 1, whole = true) =>
          assert.ok(
            value === undefined ||
              (value >= low && value <= high && (!whole || Number.isInteger(value))),
          );
        within(steps, 1, 10_000);
        within(count, 1, 1024);
        within(seed, 0, 0xffffffff);
        within(eta, 0, 1, false);
        within(guidance, 0, 100, false);
        assert.ok(sampler === undefined || Object.hasOwn(page.SAMPLERS, sampler));
        for (const choice of page.readComparison(settings.compare) ?? []) {
          assert.ok(Object.hasOwn(page.SAMPLERS, choice.sampler));
          within(choice.steps, 1, 10_000);
        }
        within(page.readEdit(settings).to, 0, 0xffffffff);
        const steps_ = new page.Run({ overrides: {}, trainSteps: Number(settings.train_steps) })
          .steps;
        within(steps_, 1, 1e9);
      }),
    ));

  test('come back as they were written', () =>
    holds(
      fc.property(
        fc.dictionary(fc.string({ minLength: 1 }), fc.string({ minLength: 1 })),
        (values) => {
          const { page: settings, config } = page.parseHash(page.formatHash(values));
          assert.deepEqual({ ...settings, ...config }, { ...values });
        },
      ),
    ));

  test('code to embed leaves its attributes to none of their values', () =>
    holds(
      fc.property(overrides, (pairs) => {
        const settings = Object.fromEntries(pairs);
        for (const format of ['html', 'markdown', 'react', 'vue']) {
          const code = page.embedCode(format, {
            settings,
            script: 'https://example.org/unnoise.js',
          });
          const tag = code.slice(code.indexOf('<unnoise-lab'));
          // What stands between quotes has no quotes, and nothing stands outside them.
          const bare = tag
            .replace(/="[^"]*"/g, '')
            .replace(/='[^']*'/g, '')
            .replace(/=\{.*\}/g, '');
          assert.match(bare, /^<unnoise-lab[a-z\s-]*(><\/unnoise-lab>|\/>)/);
        }
      }),
    ));
});

describe('attributes', () => {
  test('give values of their types, or a sentence', () =>
    holds(
      fc.property(fc.constantFrom(...page.ATTRIBUTES), settingText, (attribute, text) => {
        const value = attempt(() => page.parseAttribute(attribute, text));
        if (value === undefined) return;
        if (attribute.type === 'number') assert.ok(Number.isFinite(value));
        if (attribute.values) assert.ok(attribute.values.includes(value));
      }),
    ));

  test('a config in JSON gives a config, or a sentence', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(...ABSURD),
      fc.constant({ length: 2 ** 32 - 1 }),
    );
    const flat = fc.array(fc.tuple(settingName, value), { maxLength: 4 }).map(Object.fromEntries);
    const nested = fc.tuple(fc.constantFrom('unet', 'scheduler', 'training'), flat);
    const config = fc.oneof(flat, fc.array(nested, { maxLength: 3 }).map(Object.fromEntries));
    return holds(
      fc.property(config, (config) => {
        const given = JSON.parse(JSON.stringify(config));
        const merged = attempt(() => page.mergeConfig(DEFAULTS, given));
        if (merged) isConfig(merged);
      }),
    );
  });
});

const curve = {
  steps: [1, 2],
  means: [1, 0.5],
  smoothed: [1, 0.7],
  average: 0.7,
  weight: 1,
  seen: 2,
};
const pixels = Uint8Array.from({ length: 48 }, (_, index) => index * 5);
const PNG = page.encodePng(pixels, 4, 4);
const RECORD = {
  id: 'run',
  name: 'My images',
  beganAt: 1,
  savedAt: 2,
  usedAt: 3,
  revision: 1,
  step: 10,
  backend: 'flex',
  dataset: null,
  imageSet: 'a',
  imageCount: 1,
  config: DEFAULTS,
  settings: [['batch_size', '4']],
  curve,
  picture: { count: 1, size: 4, png: PNG },
  bytes: { checkpoint: 3, images: 2, samples: 1 },
};
const WHOLE = {
  record: RECORD,
  checkpoint: new Uint8Array(100),
  images: [{ set: 'a', index: 0, name: 'one', size: 4, png: PNG }],
  samples: [{ run: 'run', step: 10, count: 1, size: 4, png: PNG }],
};

/** A place in a record, and what someone wrote there. */
const edit = fc.record({
  path: fc.array(
    fc.constantFrom(...Object.keys(RECORD), ...Object.keys(curve), 'png', '0', '1', ...NAMES),
    {
      minLength: 1,
      maxLength: 3,
    },
  ),
  value: fc.oneof(
    fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withTypedArray: true,
      withSparseArray: true,
    }),
    fc.constantFrom(...ABSURD, NaN, Infinity, -1, 2 ** 53 - 1, 1e300, 2 ** 31, 0.5, PNG),
  ),
});

/**
 * @param {any} record
 * @param {{ path: string[], value: unknown }[]} edits
 */
function edited(record, edits) {
  const copy = structuredClone(record);
  for (const { path, value } of edits) {
    let place = copy;
    for (const name of path.slice(0, -1)) {
      if (place && typeof place === 'object' && Object.hasOwn(place, name)) place = place[name];
    }
    const key = /** @type {string} */ (path.at(-1));
    if (!place || typeof place !== 'object' || ArrayBuffer.isView(place)) continue;
    // Lists have no other lengths than they have.
    if (Array.isArray(place) && key === 'length') continue;
    Object.defineProperty(place, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy;
}

describe('stored records', () => {
  const edits = fc.array(edit, { minLength: 1, maxLength: 4 });

  test('that were edited are refused, or can be shown', () =>
    holds(
      fc.property(edits, (edits) => {
        const record = attempt(() => edited(RECORD, edits));
        if (!attempt(() => page.isRun(record))) return;
        const { name, step, savedAt, curve, bytes, settings, picture } = record;
        assert.ok(
          [name, page.integer(step), page.since(savedAt)].every((text) => typeof text === 'string'),
        );
        page.compact(bytes.checkpoint + bytes.images + bytes.samples, 'B');
        page.loss(curve.smoothed.at(-1));
        if (record.config) Object.values(page.flattenConfig(record.config)).map(String);
        assert.ok(settings.every((/** @type {any} */ pair) => pair.join(' ').length < 20_002));
        if (picture) attempt(() => page.unpackTiles(picture));
        new page.LossCurve().restore(curve);
        assert.deepEqual(Object.keys(page.plainRun(record)).sort(), Object.keys(RECORD).sort());
        assert.ok(Number.isSafeInteger(record.revision + 1) && Number.isSafeInteger(step + 1));
      }),
    ));

  test('images and samples', () =>
    holds(
      fc.asyncProperty(edits, async (edits) => {
        const image = edited(WHOLE.images[0], edits);
        if (page.isImage(image)) await page.unpackImages([image]).catch(() => {});
        const sample = edited(WHOLE.samples[0], edits);
        if (page.isSample(sample)) attempt(() => page.unpackTiles(sample));
      }),
    ));

  test('more pixels than a page can hold are not unpacked', async () => {
    const image = { ...WHOLE.images[0], size: 4096 };
    const many = Array.from({ length: 100 }, () => image);
    await assert.rejects(page.unpackImages(many), { code: 'too-large' });
    assert.equal(page.isSample({ ...WHOLE.samples[0], size: 4096 }), false);
  });
});

describe('files of runs', () => {
  const packed = page.packRun(WHOLE);

  test('come back as they were', () => {
    const { record, checkpoint, images, samples } = page.unpackRun(packed);
    const bytes = { checkpoint: 100, images: PNG.length, samples: PNG.length };
    assert.deepEqual({ ...record, usedAt: 3 }, { ...RECORD, bytes });
    assert.deepEqual(checkpoint, WHOLE.checkpoint);
    assert.deepEqual([images[0].png, samples[0].png], [PNG, PNG]);
  });

  test('with a description that was edited', () => {
    const manifest = JSON.parse(
      String(
        Buffer.from(page.readZip(packed, { ...LIMITS, maxEntries: 9 }).files.get('manifest.json')),
      ),
    );
    return holds(
      fc.property(fc.array(edit, { maxLength: 3 }), fc.boolean(), (edits, inside) => {
        const changed = inside
          ? { ...manifest, run: edited(manifest.run, edits) }
          : edited(
              manifest,
              edits.map(({ path, value }) => ({
                path: [path.at(-1) === '0' ? 'images' : 'samples', '0', ...path],
                value,
              })),
            );
        const text = attempt(() => toJson(changed));
        const files = {
          'manifest.json': new TextEncoder().encode(text ?? ''),
          'checkpoint.safetensors': WHOLE.checkpoint,
          'images/0.png': PNG,
          'samples/10.png': PNG,
        };
        const run = attempt(() => page.unpackRun(zipSync(files, { level: 0 })));
        if (!run) return;
        assert.ok(
          page.isRun(run.record) &&
            run.images.every(page.isImage) &&
            run.samples.every(page.isSample),
        );
        assert.deepEqual(Object.keys(run.record).sort(), Object.keys(RECORD).sort());
      }),
    );
  });

  test('that are damaged', () =>
    holds(
      fc.property(damaged, (damage) => {
        attempt(() => page.unpackRun(damage(packed)));
      }),
    ));

  test('with more than a run has', () => {
    const refused = (/** @type {object} */ limits) => {
      try {
        return page.unpackRun(packed, limits);
      } catch (error) {
        return /** @type {any} */ (error).code;
      }
    };
    assert.equal(refused({ maxBytes: 100, maxEntries: 9 }), 'too-large');
    assert.equal(refused({ maxBytes: 1 << 20, maxEntries: 3 }), 'too-large');
    const entries = Array.from({ length: 20_001 }, (_, index) => [
      `images/${index}.png`,
      new Uint8Array(),
    ]);
    assert.throws(() => page.unpackRun(zipSync(Object.fromEntries(entries))), {
      code: 'too-large',
    });
  });
});

/** JSON, also of what has none. @param {unknown} value */
const toJson = (value) =>
  JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? Number(inner) : inner));

describe('images by address and in zips', () => {
  test('an answer without end is let go', async () => {
    let sent = 0;
    const body = new ReadableStream({
      pull: (stream) => stream.enqueue(new Uint8Array((sent += 1000) && 1000)),
    });
    await assert.rejects(page.blobOf(new Response(body), 10_000), page.TooLongError);
    assert.ok(sent < 20_000);
    const said = new Response('x', { headers: { 'content-length': '99999' } });
    await assert.rejects(page.blobOf(said, 10_000), page.TooLongError);
    assert.equal(await (await page.blobOf(new Response('abc'), 3)).text(), 'abc');
  });

  test('one that cannot be had keeps no other out', async () => {
    const packed = new Uint8Array(9);
    const zip = (/** @type {object} */ entry) =>
      new File(
        [packedZip([{ name: 'a.png', packed, length: 9, method: 0, of: packed, ...entry }])],
        'set.zip',
      );
    const good = zip({ name: '../cat/a.png' });
    const huge = {
      size: 2 ** 31,
      name: 'huge.zip',
      slice: () => zip({}),
      arrayBuffer: () => assert.fail(),
    };
    const bad = [
      'http://',
      'http://[',
      zip({ flags: 1 }),
      zip({ length: 2 ** 30 }),
      zip({ of: undefined }),
      zip({ name: 'b.zip' }),
      zip({ name: '.hidden/a.png' }),
      huge,
    ];
    const sources = [...bad, zip({})].map((source) => ({ source }));
    const { given, failures } = await page.readSources(sources);
    assert.deepEqual(
      given.map((/** @type {any} */ { path }) => path),
      ['a.png'],
    );
    const sentences = failures.map((/** @type {any} */ { message }) => message);
    for (const [index, sentence] of [
      /no address/,
      /no address/,
      /encrypted/,
      /more than a set/,
      /damaged/,
      /without images/,
      /without images/,
      /more than a set/,
    ].entries()) {
      assert.match(sentences[index], sentence);
    }
    // A folder above is no label.
    assert.deepEqual((await page.readSources([{ source: good }])).failures.length, 1);
  });
});

describe('models', () => {
  const never = () => assert.fail('It is refused before it is read.');
  const large = /** @type {any} */ ({
    name: 'large.safetensors',
    size: 2 ** 30 + 1,
    arrayBuffer: never,
  });

  test('of more than 1 GiB are refused before they are read', async () => {
    await assert.rejects(page.modelFile(large).read(), { code: 'too-large' });
    const least = { ...large, size: 2 ** 30, arrayBuffer: async () => new ArrayBuffer(3) };
    assert.equal((await page.modelFile(least).read()).length, 3);
  });

  test('in folders likewise, all files together', async () => {
    const part = (/** @type {string} */ path, size = 2 ** 29) => ({
      path,
      file: { ...large, size },
    });
    const { model } = page.divideFiles([
      part('m/unet/config.json', 1),
      part('m/a.safetensors'),
      part('m/b.safetensors'),
    ]);
    await assert.rejects(model.read(), { code: 'too-large' });
  });
});

test('what a notebook sends in parts that make no sense is let go', async () => {
  /** @type {any} */
  let receive;
  const kernel = new page.Kernel({
    get: (/** @type {string} */ name) => name === 'kernel',
    on: (/** @type {string} */ _, /** @type {any} */ handler) => (receive = handler),
    off: () => {},
    send: () => {},
  });
  const file = kernel.file('model.safetensors');
  const type = 'file';
  const name = 'model.safetensors';
  const part = (/** @type {object} */ numbers, bytes = [new ArrayBuffer(1)]) =>
    receive({ type, name, ...numbers }, bytes);
  part({ part: 1e9, parts: 1e12 });
  part({ part: -1, parts: 2 });
  part({ part: '__proto__', parts: 2 });
  part({ part: 0, parts: 2 }, []);
  receive({ type, name: '__proto__', part: 0, parts: 1 });
  part({ part: 0, parts: 2 });
  part({ part: 1, parts: 2 });
  assert.equal((await file).size, 2);
  kernel.close();
});

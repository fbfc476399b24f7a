// The package as it would be published: what is in it, what its description promises, its types to
// those who import it, and its descriptions of the element. Needs it built (scripts/build --types).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { reference } from '../../scripts/build-web.d/reference.mjs';
import { Site } from './lab.mjs';

const root = new URL('../../', import.meta.url);
const pkg = fileURLToPath(new URL('pkg/', root));
const folder = new URL('target/package/', root);
const site = Site.forTests();

/** @param {string} name */
const json = async (name) => JSON.parse(await readFile(new URL(name, root), 'utf8'));

function packed() {
  const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: pkg,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ files }] = JSON.parse(text.toString());
  return files.map(({ path }) => path).sort();
}

test('the package has every file that it needs, and no other', async () => {
  const files = packed();
  // What bundlers and the page split off has names of its own.
  const listed = files.filter(
    (path) => !/^(chunk-|types\/)/.test(path) && !/\.(map|LEGAL\.txt)$/.test(path),
  );
  assert.deepEqual(
    listed.filter((path) => !path.startsWith('gpu/snippets/')),
    [
      'LICENSE-APACHE',
      'LICENSE-MIT',
      'NOTICES.txt',
      'README.md',
      'SHA256SUMS',
      'anywidget.js',
      'cpu-relaxed/unnoise_bg.wasm',
      'cpu/unnoise_bg.wasm',
      'custom-elements.json',
      'figure.js',
      'fonts/LICENSE',
      'fonts/stix-two-math.woff2',
      'gpu/unnoise_bg.wasm',
      'lab.js',
      'locale-de.js',
      'locale-es.js',
      'locale-fr.js',
      'locale-ja.js',
      'locale-zh.js',
      'model-frame.html',
      'model-frame.js',
      'offline-withdraw.js',
      'offline-worker.js',
      'package.json',
      'page-language.js',
      'page.js',
      'remark.js',
      'samples/README.md',
      'samples/digits/ATTRIBUTION.md',
      'samples/digits/model.safetensors',
      'samples/digits/sprites.png',
      'samples/faces/ATTRIBUTION.md',
      'samples/faces/LICENSE',
      'samples/faces/film.avif',
      'samples/faces/model.safetensors',
      'samples/faces/run-lengths.webp',
      'samples/faces/sprites.png',
      'samples/index.json',
      'samples/sprites/ATTRIBUTION.md',
      'samples/sprites/LICENSE',
      'samples/sprites/model.safetensors',
      'samples/sprites/sprites.png',
      'sbom.cdx.json',
      'server.js',
      'unnoise.js',
      'unnoise.single.js',
      'web-types.json',
      'worker.js',
    ],
  );
  // Every script that another imports is there, and its notices.
  for (const script of files.filter((path) => /^[^/]+\.js$/.test(path))) {
    const text = await readFile(`${pkg}${script}`, 'utf8');
    for (const [, name] of text.matchAll(/(?:from|import)\s*\(?\s*"\.\/([^"]+)"/g)) {
      assert.ok(files.includes(name), `${script} imports ${name}`);
    }
  }
  const notices = await readFile(`${pkg}NOTICES.txt`, 'utf8');
  for (const name of ['burn', 'wgpu', 'lit-html', 'uplot', 'fflate', 'image-size']) {
    assert.match(notices, new RegExp(`^${name} [\\d.]+: `, 'm'));
    assert.match(notices, new RegExp(`^(.*, )?${name}(, .*)?$`, 'm'), `the licence of ${name}`);
  }
});

/** Permissive all of them; a new one is to be looked at before it is added. */
const LICENCES = [
  '(MIT OR Apache-2.0) AND Unicode-3.0',
  '0BSD OR MIT OR Apache-2.0',
  'Apache-2.0',
  'Apache-2.0 OR BSL-1.0',
  'Apache-2.0 OR MIT',
  'Apache-2.0 OR MIT OR Unlicense',
  'BSD-2-Clause',
  'BSD-2-Clause OR Apache-2.0 OR MIT',
  'BSD-3-Clause',
  'BSD-3-Clause AND BSD-2-Clause',
  'BSL-1.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT OR Apache-2.0',
  'MIT OR Apache-2.0 OR Zlib',
  'MIT OR Zlib OR Apache-2.0',
  '(MIT OR Apache-2.0)',
  'Unicode-3.0',
  'Unlicense OR MIT',
  'Zlib',
  'Zlib OR Apache-2.0 OR MIT',
];
/** Files of these may be changed only under their own licence, and are not changed; see deny.toml. */
const BY_THE_FILE = { colored: 'MPL-2.0', 'option-ext': 'MPL-2.0' };

test('the bill of materials has all that is not ours, each part with its licence and hash', async () => {
  const bill = await json('pkg/sbom.cdx.json');
  assert.equal(bill.bomFormat, 'CycloneDX');
  const { name, version } = await json('pkg/package.json');
  assert.equal(bill.metadata.component['bom-ref'], `pkg:npm/${name}@${version}`);
  const notices = await readFile(`${pkg}NOTICES.txt`, 'utf8');
  for (const { name, version, purl, hashes, licenses } of bill.components) {
    assert.match(purl, /^pkg:(cargo|npm)\/[\w%/.-]+@[\w%.+-]+$/);
    assert.match(hashes?.[0].content ?? '', /^[0-9a-f]{64}([0-9a-f]{64})?$/, `the hash of ${name}`);
    const [{ expression }] = licenses;
    const known = LICENCES.includes(expression) || BY_THE_FILE[name] === expression;
    assert.ok(known, `${name} has the licence ${expression}`);
    assert.ok(notices.includes(`\n${name} ${version}: ${expression}\n`), `notice of ${name}`);
  }
  const names = bill.components.map(({ name }) => name);
  for (const name of ['burn', 'wgpu', 'lit-html', 'uplot', 'fflate', 'image-size']) {
    assert.ok(names.includes(name), name);
  }
});

test('all dependencies are from crates.io and npm, with the hashes that are known', async () => {
  const lock = await readFile(new URL('Cargo.lock', root), 'utf8');
  const crates = lock.split('[[package]]').slice(1);
  const own = crates.filter((crate) => !crate.includes('\nsource = '));
  assert.deepEqual(own.map((crate) => /name = "(.*)"/.exec(crate)?.[1]).sort(), [
    'bindings',
    'unnoise',
  ]);
  for (const crate of crates.filter((crate) => !own.includes(crate))) {
    assert.match(
      crate,
      /\nsource = "registry\+https:\/\/github.com\/rust-lang\/crates.io-index"\n/,
    );
    assert.match(crate, /\nchecksum = "[0-9a-f]{64}"\n/);
  }
  const { packages } = await json('package-lock.json');
  for (const [name, { resolved, integrity }] of Object.entries(packages)) {
    if (name === '') continue;
    assert.match(
      resolved ?? 'https://registry.npmjs.org/',
      /^https:\/\/registry\.npmjs\.org\//,
      name,
    );
    assert.match(integrity, /^sha512-/, name);
  }
});

test('the wasm files are those of SHA256SUMS, and name no folder of this machine', async () => {
  const sums = await readFile(`${pkg}SHA256SUMS`, 'utf8');
  const lines = sums.trim().split('\n');
  assert.equal(lines.length, 3);
  for (const line of lines) {
    const [hash, name] = line.split('  ');
    const bytes = await readFile(`${pkg}${name}`);
    assert.equal(createHash('sha256').update(bytes).digest('hex'), hash, name);
  }
  const folders = [fileURLToPath(root), `${homedir()}/`, '/home/', '/Users/', 'C:\\'];
  const { CARGO_HOME } = process.env;
  if (CARGO_HOME) folders.push(CARGO_HOME);
  for (const file of packed().filter((path) => /\.(wasm|js|json|map|txt|ts)$/.test(path))) {
    const bytes = await readFile(`${pkg}${file}`);
    for (const folder of folders) {
      const at = bytes.indexOf(folder);
      const text = at < 0 ? '' : bytes.toString('latin1', at, at + 100);
      assert.equal(text, '', file);
    }
  }
});

test('the description of the package is right', async () => {
  const { messages } = await publint({ pkgDir: pkg, level: 'suggestion', pack: 'npm' });
  const description = await json('pkg/package.json');
  assert.deepEqual(
    messages.map((message) => formatMessage(message, description)),
    [],
  );
  assert.equal(description.jsdelivr, './unnoise.js');
  assert.equal(description.unpkg, './unnoise.js');
});

test('its types are found however modules are resolved', async () => {
  const destination = fileURLToPath(folder);
  await mkdir(folder, { recursive: true });
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination];
  const stdio = /** @type {const} */ (['ignore', 'pipe', 'ignore']);
  const [{ filename }] = JSON.parse(execFileSync('npm', pack, { cwd: pkg, stdio }).toString());
  const { exports } = await json('pkg/package.json');
  // What is fetched, and not imported by programs, has no types.
  const fetched = Object.keys(exports).filter((name) =>
    /worker|withdraw|frame|anywidget|wasm|\*/.test(name),
  );
  const attw = fileURLToPath(new URL('node_modules/.bin/attw', root));
  const args = [filename, '--profile', 'esm-only', '--exclude-entrypoints', ...fetched];
  try {
    execFileSync(attw, args, { cwd: destination, stdio: 'pipe' });
  } catch (error) {
    assert.fail(String(error.stdout));
  }
});

const CONSUMER = `
import { Lab, LabError, setBasePath, UnnoiseLab } from 'unnoise';
import { Lab as Alone, type Config } from 'unnoise/lab';

const element = document.querySelector('unnoise-lab')!;
element.mode = 'compare';
// @ts-expect-error There is no such mode.
element.mode = 'compair';
element.config = { steps: 3, batch_size: 4, unet: { block_out_channels: [8, 16] } };
element.config = { 'unet.norm_num_groups': 4, prediction_type: 'epsilon', clip: false };
// @ts-expect-error There is no such prediction type.
element.config = { prediction_type: 'eps' };
element.images = ['a.png', new Blob()];
// @ts-expect-error Nobody else's business.
element.session;
// @ts-expect-error What it does is not for others to say.
element.state = 'ready';
element.addEventListener('unnoise-progress', ({ detail }) => detail.step.toFixed());
element.addEventListener('click', (event) => event.clientX);
document.addEventListener('unnoise-done', ({ detail }) => {
  if (detail.kind === 'train') detail.step.toFixed();
});
element.addEventListener('unnoise-error', ({ detail }) => {
  // @ts-expect-error There is no such code.
  if (detail.code === 'oops') throw new LabError(detail.code, detail.message);
});
const bytes: number | undefined = element.frame?.x_t.length;
const made: Promise<Lab> = Alone.create({ backend: 'flex' });
made.then(({ config }): Config => config);
setBasePath('/');
export { bytes, UnnoiseLab };
`;

const REACT = `
import 'unnoise/react';
export const good = () => (
  <unnoise-lab mode="sample" steps={10} config={{ count: 4 }} autoplay className="wide"
    onunnoise-ready={({ detail }) => detail.backend} />
);
// @ts-expect-error There is no such mode.
export const bad = () => <unnoise-lab mode="sampel" />;
`;
const SOLID = REACT.replace('unnoise/react', 'unnoise/solid')
  .replace('className', 'class')
  .replace('onunnoise', 'on:unnoise');
const VUE = `
import 'unnoise/vue';
import type { GlobalComponents } from 'vue';
type Props = InstanceType<GlobalComponents['unnoise-lab']>['$props'];
export const good: Props = { mode: 'sample', onUnnoiseReady: ({ detail }) => detail.backend };
// @ts-expect-error There is no such mode.
export const bad: Props = { mode: 'sampel' };
`;

/** @type {[file: string, text: string, options: Record<string, string>][]} */
const CONSUMERS = [
  ['bundler.ts', CONSUMER, {}],
  ['node.ts', CONSUMER, { module: 'nodenext', moduleResolution: 'nodenext' }],
  ['react.tsx', REACT, { jsx: 'react-jsx' }],
  ['solid.tsx', SOLID, { jsx: 'preserve', jsxImportSource: 'solid-js' }],
  ['vue.ts', VUE, {}],
];

const FRAMEWORKS = { '@types/react': '19.3.3', 'solid-js': '1.9.20', vue: '3.5.45' };

/** @param {string} name @param {unknown} value */
const write = (name, value) => writeFile(new URL(name, folder), JSON.stringify(value));

test('its types are right for bundlers, Node and frameworks, and name nothing within', async () => {
  const cwd = fileURLToPath(folder);
  await mkdir(folder, { recursive: true });
  await write('package.json', { private: true, type: 'module', dependencies: FRAMEWORKS });
  if (!existsSync(new URL('node_modules/vue', folder))) {
    const install = ['install', '--no-audit', '--no-fund', '--no-package-lock'];
    execFileSync('npm', install, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  // A copy: TypeScript looks for React where a file really is.
  const copy = new URL('node_modules/unnoise/', folder);
  await rm(copy, { recursive: true, force: true });
  for (const name of ['types', 'package.json']) {
    await cp(`${pkg}${name}`, fileURLToPath(new URL(name, copy)), { recursive: true });
  }
  const tsc = fileURLToPath(new URL('node_modules/.bin/tsc', root));
  for (const [file, text, options] of CONSUMERS) {
    await writeFile(new URL(file, folder), text);
    const compilerOptions = {
      noEmit: true,
      strict: true,
      skipLibCheck: false,
      target: 'es2022',
      module: 'esnext',
      moduleResolution: 'bundler',
      lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
      types: [],
      ...options,
    };
    await write('tsconfig.json', { compilerOptions, files: [file] });
    try {
      execFileSync(tsc, ['-p', '.'], { cwd });
    } catch (error) {
      assert.fail(`${file}: ${error.stdout}`);
    }
  }
  const types = packed().filter((path) => path.startsWith('types/'));
  assert.ok(types.includes('types/react.d.ts') && types.includes('types/vue.d.ts'));
  const within = types.filter((path) => /element|panels|engine|session/.test(path));
  assert.deepEqual(within, []);
});

test('the element is described once', async () => {
  const table = await json('web/lib/attributes.json');
  const names = table.map(({ name }) => name);
  const { modules } = await json('pkg/custom-elements.json');
  const [{ attributes, members, events }] = modules[0].declarations;
  assert.deepEqual(
    attributes.map(({ name }) => name),
    names,
  );
  assert.ok(members.some(({ name, readonly }) => name === 'state' && readonly));
  const webTypes = await json('pkg/web-types.json');
  const [element] = webTypes.contributions.html.elements;
  assert.deepEqual(
    element.attributes.map(({ name }) => name),
    names,
  );
  assert.equal(webTypes.version, (await json('pkg/package.json')).version);
  // What the element dispatches.
  const sources = await Promise.all(
    ['web/element/session-events.js', 'web/element/figure.js'].map((path) =>
      readFile(new URL(path, root), 'utf8'),
    ),
  );
  for (const { name } of events) {
    const short = name.replace('unnoise-', '');
    assert.match(sources.join(''), new RegExp(`'${short}'`), `nothing dispatches ${name}`);
  }
  const written = await readFile(new URL('docs/element.md', root), 'utf8');
  assert.equal(written, await reference(), 'docs/element.md is of another build');
});

test('the variant in one file draws, and fetches nothing else', async () => {
  const page = await site.blank();
  const script = `${site.address}pkg/unnoise.single.js`;
  /** @type {string[]} */
  const fetched = [];
  page.on('request', (request) => fetched.push(request.url()));
  await page.evaluate((src) => {
    const lab = Object.assign(document.createElement('unnoise-lab'), {
      mode: 'sample',
      datasetName: 'sprites',
      backend: 'flex',
      sampler: 'ddim',
      steps: 4,
      count: 4,
      autoplay: true,
    });
    document.body.replaceChildren(lab);
    document.head.append(Object.assign(document.createElement('script'), { type: 'module', src }));
  }, script);
  await page.waitForFunction(() => {
    const lab = /** @type {any} */ (document.querySelector('unnoise-lab'));
    return lab.frame?.index === 4;
  });
  const others = fetched.filter((address) => !address.startsWith('blob:'));
  assert.deepEqual(others, [script]);
  await page.close();
});

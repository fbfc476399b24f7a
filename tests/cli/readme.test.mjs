// The command lines in README.md, by the compiled program (cargo test builds it), one after the other in
// a folder that has what they name. Only training is told to be short.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { access, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = new URL('../../', import.meta.url);
const cwd = new URL('target/readme/', root);
const PICTURES = {
  'pictures/a.png': 'square.png',
  'pictures/b.jpg': 'wide.jpg',
  'pets/cat/a.png': 'square.png',
  'pets/dog/b.jpg': 'wide.jpg',
  'sketch.png': 'square.png',
  'face.png': 'square.png',
  'mouth.png': 'transparent.png',
  'pebbles.png': '../../../docs/book/pebbles.png',
};
const SMALL = {
  size: 16,
  unet: { block_out_channels: [8, 16], norm_num_groups: 4 },
  training: { batch_size: 4 },
};

test('the command lines of README.md do what they say', async () => {
  await rm(cwd, { recursive: true, force: true });
  for (const [path, picture] of Object.entries(PICTURES)) {
    const to = new URL(path, cwd);
    await mkdir(new URL('.', to), { recursive: true });
    await cp(new URL(`../browser/images/${picture}`, import.meta.url), to);
  }
  await writeFile(new URL('small.json', cwd), JSON.stringify(SMALL));
  const program = fileURLToPath(new URL('target/release/unnoise', root));
  const readme = await readFile(new URL('README.md', root), 'utf8');
  const lines = [...readme.matchAll(/^ {4}cargo run --release --features cli -- ([^#\n]+)/gm)];
  assert.ok(lines.length > 5);
  for (const [, line] of lines) {
    const short = line.startsWith('train')
      ? `${line.replace(/--steps \d+/, '')} --config small.json --steps 20`
      : line;
    execFileSync(program, short.trim().split(/\s+/), {
      cwd: fileURLToPath(cwd),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [, out] = /--out (\S+)/.exec(line) ?? [];
    if (out) await assert.doesNotReject(access(new URL(out, cwd)), line);
  }
});

/**
 * Makes web/samples/faces/run-lengths.webp, what the page shows beside how long a run takes: what
 * a model of the faces draws after so many steps of training, always from the same noise.
 *
 *     node run-lengths.mjs ../../target/release/unnoise ../../target/samples/faces
 *
 * The sheet has a picture of four images for each length, side by side.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { RUN_LENGTHS } from './run-lengths-layout.mjs';

const SAMPLES = new URL('../../web/samples/', import.meta.url);
const { file, steps, count, size } = RUN_LENGTHS;

const [unnoise, images] = process.argv.slice(2);
if (!unnoise || !images) {
  console.error('Usage: node run-lengths.mjs UNNOISE IMAGES   the built command line, the faces');
  process.exit(2);
}
const folder = await mkdtemp(join(tmpdir(), 'unnoise-run-lengths-'));
try {
  const model = join(folder, 'model.safetensors');
  const config = join(folder, 'config.json');
  await writeFile(config, JSON.stringify({ size, training: { random_flip: true } }));
  const pictures = [];
  let trained = 0;
  for (const length of steps) {
    const from = trained ? ['--resume', model] : ['--config', config];
    const train = ['train', '--data', images, '--steps', String(length - trained), '--out', model];
    execFileSync(unnoise, [...train, ...from], { stdio: 'inherit' });
    const picture = join(folder, `${length}.png`);
    const sampler = ['--sampler', 'ddpm', '--steps', '30', '--seed', '0'];
    const sample = [
      'sample',
      '--model',
      model,
      ...sampler,
      '--count',
      String(count),
      '--scale',
      '1',
    ];
    execFileSync(unnoise, [...sample, '--out', picture], { stdio: 'inherit' });
    pictures.push(picture);
    trained = length;
  }
  const side = Math.sqrt(count) * size;
  const background = { width: steps.length * side, height: side, channels: 3, background: '#fff' };
  const sheet = await sharp({ create: background })
    .composite(pictures.map((input, i) => ({ input, left: i * side, top: 0 })))
    .webp({ quality: 80, effort: 6, smartSubsample: true })
    .toBuffer();
  await writeFile(new URL(file, SAMPLES), sheet);
  console.log(`${file}: after ${steps.join(', ')} steps, ${sheet.length} bytes`);
} finally {
  await rm(folder, { recursive: true });
}

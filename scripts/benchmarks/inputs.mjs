// Writes what every contender starts from: a bundled model as a fresh training run, and the batches
// of its first steps. Trained weights, because Unnoise's own start from zeros in places, where a
// wrong network has the right loss.
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { withMetadata } from './safetensors.js';
import { LEARNING_RATE } from './inputs.js';

const MODEL = 'web/samples/faces/model.safetensors';

/**
 * @param {string} folder to write to
 * @param {string} program the command line
 * @returns {Promise<number[]>} the losses of the first steps, by the command line
 */
export async function writeInputs(folder, program) {
  await mkdir(folder, { recursive: true });
  const bytes = await readFile(MODEL);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const model = withMetadata(buffer, (metadata) => {
    const training = JSON.parse(metadata.training);
    Object.assign(training, { learning_rate: LEARNING_RATE, lr_warmup_steps: 0 });
    Object.assign(training, { batch_size: 16, random_flip: false, loss_weighting: 'simple' });
    training.optimizer = 'adam';
    metadata.training = JSON.stringify(training);
    metadata.seed = metadata.step = metadata.moments_since = '0';
  });
  await writeFile(`${folder}/model.safetensors`, model);
  const files = ['--model', `${folder}/model.safetensors`];
  files.push('--batches', `${folder}/batches.safetensors`);
  const report = execFileSync(program, ['bench', ...files, '--steps', '2', '--json']);
  return JSON.parse(report.toString()).losses;
}

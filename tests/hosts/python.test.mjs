// The Python package, installed as its users do.
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { installTools } from './tools.mjs';

test('the tests of the Python package pass', async () => {
  const { path } = await installTools({ npm: [], pip: ['unnoise'] });
  const cwd = fileURLToPath(new URL('../../python/', import.meta.url));
  const args = ['-m', 'unittest', '--quiet', 'test_package'];
  execFileSync('python', args, { cwd, env: { ...process.env, PATH: path }, stdio: 'inherit' });
});

// node.mjs DAWN PKG ROUNDS: what steps cost the host in Node with Dawn on a device that does
// nothing, as JSON.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { becomeWorker } from '../gpu-check.d/worker.mjs';
import { measure } from './measure.js';

const [dawn, pkg, rounds] = process.argv.slice(2);
becomeWorker(dawn, ['backend=null']);
const { default: init, Engine } = await import(pathToFileURL(`${pkg}/unnoise.js`).href);
await init({ module_or_path: readFileSync(`${pkg}/unnoise_bg.wasm`) });
console.log(JSON.stringify(await measure(Engine, Number(rounds))));
// Dawn keeps a thread of its own.
process.exit(0);

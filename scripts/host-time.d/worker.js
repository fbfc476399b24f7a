// In a worker of a browser: what steps cost the host, posted back.
import { dispatchNothing, measure } from './measure.js';

addEventListener('message', async ({ data: { pkg, rounds } }) => {
  try {
    dispatchNothing();
    const { default: init, Engine } = await import(`${pkg}/unnoise.js`);
    await init();
    postMessage(await measure(Engine, rounds));
  } catch (error) {
    postMessage({ problem: String(error?.message ?? error) });
  }
});

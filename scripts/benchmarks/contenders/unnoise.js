// Unnoise itself, one worker: the engine that the page's worker drives.

/**
 * @param {{ variant: string, build: string, inputs: string, packages: string }} job
 * @returns {Promise<import('../harness.js').Contender>}
 */
export async function create({ variant, build, inputs, packages }) {
  const { default: init, Engine } = await import(`${packages}${build}/unnoise.js`);
  await init();
  const engine = await Engine.create(variant, Engine.defaultConfig(32, 16));
  const model = await fetch(new URL('model.safetensors', inputs));
  await engine.load(new Uint8Array(await model.arrayBuffer()));
  const size = 32;
  // The images that `unnoise bench` makes up.
  const bytes = Uint8Array.from({ length: 16 * size * size * 3 }, (_, i) => (i * 37) % 256);
  engine.setImages(bytes, 16, size);
  let sampling;
  return {
    train: async () => (await engine.train(0, 1)).losses[0],
    async denoise() {
      if (!sampling) {
        sampling = engine.sample(JSON.stringify({ sampler: 'ddim', steps: 1000, count: 16 }));
        // x_T is a frame, but no step.
        await sampling.next();
      }
      await sampling.next();
    },
  };
}

/**
 * What the page and a worker say to each other. A worker holds any number of engines and streams,
 * each under a number. Requests about one of them are answered in order, because an object of the
 * wasm instance must not be entered again while one of its promises is pending; requests about
 * different ones may overlap.
 *
 * @typedef {object} Methods what can be asked of a worker: requests, replies and handlers follow
 *   from it
 * @property {{ args: { backend: BackendName, build: Build }, result: void }} loadWasm
 * @property {{ args: DefaultsOf, result: string }} defaultConfig JSON
 * @property {{ args: EngineOptions, result: { engine: number, state: EngineState } }} create
 * @property {{ args: PackedImages, result: void }} setImages
 * @property {{ args: {}, result: Schedule }} schedule
 * @property {{ args: { index: number, t: number, seed: number }, result: Noisy }} noisy
 * @property {{ args: { milliseconds: number, maxSteps: number }, result: TrainReport }} train
 * @property {{ args: Shard, result: Gradients }} gradients of a part of the next batch
 * @property {{ args: { grads: Float32Array }, result: void }} apply
 * @property {{ args: {}, result: void }} warmUp
 * @property {{ args: {}, result: EngineState }} reset
 * @property {{ args: SampleArgs, result: { sampling: Stream<FramePart> } & Shape }} sample
 * @property {{ args: ElboArgs, result: Stream<BoundPart> }} elbo
 * @property {{ args: { timesteps: number }, result: Stream<OptimalLossPart> }} optimalLoss
 * @property {{ args: { rgb: Uint8Array }, result: Nearest }} nearest
 * @property {{ args: {}, result: unknown }} next a part of a stream, see `WorkerClient.next`
 * @property {{ args: { half: boolean }, result: Uint8Array }} save
 * @property {{ args: {}, result: Uint8Array }} exportDiffusers a zip
 * @property {{ args: LoadArgs, result: EngineState }} load
 * @property {{ args: { record: CheckpointNote }, result: void }} checkpoint
 * @property {{ args: {}, result: void }} free
 *
 * @typedef {keyof Methods} MethodName
 */

/**
 * @template {MethodName} M
 * @typedef {Methods[M]['args']} Args
 */

/**
 * @template {MethodName} M
 * @typedef {Methods[M]['result']} Result
 */

/**
 * @template {MethodName} M
 * @typedef {object} Request
 * @property {number} id
 * @property {M} method
 * @property {number} target engine or stream; 0 for the module itself
 * @property {Args<M>} args
 */

/**
 * The number of an object of the worker that gives parts, one for each `next`.
 * @template Part
 * @typedef {number & { part?: Part }} Stream
 */

/**
 * @typedef {import('../lib/backend.js').BackendName} BackendName
 * @typedef {import('../lib/wasm-module.js').Build} Build
 * @typedef {Omit<import('../lib/store.js').CheckpointRecord, 'bytes' | 'step'>} CheckpointNote
 *
 * @typedef {{ cancel: number }} Cancel drops a request that has not begun
 *
 * @typedef {{ id: number, ok: true, value: Result<MethodName> }} Success
 * @typedef {{ id: number, ok: false, error: WireError }} Failure
 * @typedef {{ fatal: WireError }} Fatal the wasm instance is poisoned; the worker must be replaced
 * @typedef {{ lost: WireError, workers: number }} Lost a helper failed; `workers` are left and go
 *   on
 * @typedef {{ done: number, total: number }} Compiling programs of the GPU, since it last had none
 *   to compile
 * @typedef {{ compiling: Compiling }} Progress
 * @typedef {Success | Failure | Fatal | Lost | Progress} Reply
 *
 * @typedef {{ code: string, message: string }} WireError
 *
 * @typedef {object} DefaultsOf what the default config depends on
 * @property {BackendName} backend
 * @property {number} size
 * @property {number} images
 * @property {number} [timesteps]
 *
 * @typedef {object} EngineOptions
 * @property {BackendName} backend
 * @property {string} config JSON
 * @property {number} [workers] how many to compute on
 *
 * @typedef {object} PackedImages
 * @property {Uint8Array} bytes RGB, `count` tiles of `size` × `size`
 * @property {number} count
 * @property {number} size
 * @property {Uint32Array} [labels] the class of each
 *
 * @typedef {{ bytes: Uint8Array | ModelFiles, backend: BackendName }} LoadArgs
 *
 * @typedef {{ first: number, count: number }} Shard which items of a batch
 * @typedef {{ loss: number, grads: Float32Array }} Gradients
 *
 * @typedef {Record<string, Uint8Array>} ModelFiles the files of a diffusers folder by their paths
 *
 * @typedef {object} EngineState what the page knows of an engine after a request that changes it
 * @property {string} config JSON
 * @property {number} parameterCount
 * @property {number} step
 *
 * @typedef {object} Schedule
 * @property {Float64Array} betas
 * @property {Float64Array} alphas_cumprod
 * @property {Float64Array} snr
 * @property {Float64Array} posterior_variance
 * @property {Float64Array} sqrt_alphas_cumprod
 * @property {Float64Array} sqrt_one_minus_alphas_cumprod
 *
 * @typedef {{ x_t: Uint8Array, eps: Uint8Array, x_0: Uint8Array }} Noisy RGB, one tile each
 *
 * @typedef {{ step: number, losses: Float32Array, milliseconds: number }} TrainReport
 *
 * @typedef {'ema' | 'raw' | 'ideal'} Weights what to denoise with: the network with averaged
 *   weights, as the optimizer left it, or in its place the ideal denoiser of the training images
 *
 * @typedef {object} SampleOptions what is null is as the model or the sampler has it
 * @property {'ddpm' | 'ddim' | 'heun' | 'dpmpp2m' | 'euler-flow'} sampler
 * @property {number} steps
 * @property {number} eta DDIM: 0 adds no noise, 1 as much as DDPM
 * @property {number} seed
 * @property {number} count
 * @property {Weights} weights
 * @property {'fixed_small' | 'fixed_large' | null} variance DDPM
 * @property {boolean | null} clip whether pred_x0 is clamped to [-1, 1]
 * @property {number | null} dynamic_threshold limits pred_x0 by this quantile instead
 * @property {'leading' | 'trailing' | 'linspace' | null} timestep_spacing
 * @property {boolean | null} use_karras_sigmas Heun and DPM-Solver++: noise levels even in σ^(1/7)
 * @property {boolean} use_clipped_model_output whether DDIM derives eps anew from a limited pred_x0
 * @property {(string | number | null)[]} labels what each image shows, repeated as needed: the name
 *   or the number of a label, null for any; empty for any
 * @property {number} guidance how far to go in the direction of a label; 1 is the label alone
 *
 * @typedef {object} EditOptions what else a model can do than draw new images
 * @property {{ to: number, total?: number }} [interpolate] leads from the first image of `seed` to
 *   that of `to`; `total` where `count` images are only some of them
 * @property {number} [strength] redraws the image `init`: the share of steps taken, above 0 to 1
 * @property {Uint8Array} [mask] fills in `init`: a byte for each pixel of the model's size, 0 where
 *   it is kept
 * @property {number} [jump_length] filling in: steps that a jump goes back into noise (RePaint)
 * @property {number} [jump_n_sample] filling in: how many times each stretch is sampled
 *
 * @typedef {Omit<SampleOptions, 'labels'> & { labels: (number | null)[] }} NumberedOptions
 * @typedef {NumberedOptions & EditOptions & Partial<Shard> & { init?: Uint8Array }} SampleArgs
 *
 * @typedef {{ total: number, count: number, size: number }} Shape of a sampling run: its steps, its
 *   images and their side
 *
 * @typedef {object} FramePart one state of a batch on its way from noise to images
 * @property {number} index 0 is x_T itself, `total` is the end
 * @property {number | null} t null at the end
 * @property {Uint8Array} x_t RGB, `count` tiles of `size` × `size`
 * @property {Uint8Array | null} pred_x0 the same for the network's current guess; null at index 0
 *
 * @typedef {FramePart & Shape & { t: number }} Frame
 *
 * @typedef {object} ElboArgs
 * @property {number} timesteps
 * @property {Weights} weights
 * @property {number} [index] of a training image
 * @property {Uint8Array} [rgb] another image
 *
 * @typedef {object} BoundPart one timestep of an estimate of the variational bound of an image, and
 *   the sums so far: estimates of the whole once `left` is 0. Names as in improved-diffusion
 * @property {number} t
 * @property {number} width timesteps that this one stands for
 * @property {number} left
 * @property {number} vb bits per dimension of this timestep
 * @property {number} x0_mse
 * @property {number} eps_mse
 * @property {number} loss the model's loss at this timestep, with x_0 limited as samplers do
 * @property {number} total_bpd
 * @property {number} prior_bpd
 * @property {number} kl_bpd vb of all t > 0
 * @property {number} decoder_bpd vb of t = 0
 *
 * @typedef {object} OptimalLossPart one timestep of an estimate of the optimal loss
 * @property {number} t
 * @property {number} width timesteps that this one stands for
 * @property {number} left
 * @property {number} floor the optimal loss at t
 * @property {number} mean of all so far; over all timesteps once `left` is 0
 *
 * @typedef {object} Nearest the training image nearest to a sample
 * @property {number} index
 * @property {boolean} mirrored whether it is nearest when mirrored
 * @property {number} distance root mean square of the differences of values in [-1, 1]
 * @property {number | null} ratio to the distance of the second nearest; null where there is none
 * @property {boolean} copy whether the ratio is below 1/3
 */

export {};

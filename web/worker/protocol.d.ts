/**
 * What the page and a worker say to each other. A worker holds any number of engines and streams,
 * each under a number. Requests about one of them are answered in order, because an object of the
 * wasm instance must not be entered again while one of its promises is pending; requests about
 * different ones may overlap.
 */

import type { BackendName } from '../lib/backend.js';
import type { IndexedColours } from '../lib/gif-colours.js';
import type { Build } from '../lib/wasm-module.js';
import type { RunState, Saved } from '../store/runs.js';
import type { RunRecord } from '../store/schema.js';

/** What can be asked of a worker: requests, replies and handlers follow from it. */
export interface Methods {
  loadWasm: { args: { backend: BackendName; build: Build }; result: void };
  /** Of the GPU. */
  selfTest: { args: {}; result: SelfTest };
  defaultConfig: { args: DefaultsOf; result: string };
  create: { args: EngineOptions; result: { engine: number; state: EngineState } };
  setImages: { args: PackedImages; result: void };
  setPictures: { args: PackedPictures; result: void };
  schedule: { args: {}; result: Schedule };
  noisy: { args: { index: number; t: number; seed: number }; result: Noisy };
  train: { args: { milliseconds: number; maxSteps: number }; result: TrainReport };
  /** Of a part of the next batch. */
  gradients: { args: Shard; result: Gradients };
  apply: { args: { grads: Float32Array }; result: void };
  warmUp: { args: {}; result: void };
  reset: { args: {}; result: EngineState };
  sample: { args: SampleArgs; result: { sampling: Stream<FramePart> } & Shape };
  elbo: { args: ElboArgs; result: Stream<BoundPart> };
  optimalLoss: { args: { timesteps: number }; result: Stream<OptimalLossPart> };
  nearest: { args: { rgb: Uint8Array }; result: Nearest };
  /** A part of a stream, see `WorkerClient.next`. */
  next: { args: {}; result: unknown };
  save: { args: { half: boolean }; result: Uint8Array };
  /** A zip. */
  exportDiffusers: { args: { trainingState: boolean }; result: Uint8Array };
  load: { args: { bytes: Uint8Array | ModelFiles; backend: BackendName }; result: EngineState };
  checkpoint: { args: { keep?: KeptRun }; result: Checkpoint };
  /** A run of the browser's storage as one file. */
  exportRun: { args: { database: string; id: string }; result: Blob };
  /** Such a file put beside the other runs. */
  importRun: { args: { database: string; file: Blob }; result: RunRecord };
  /** Of a frame of a GIF. */
  indexColours: { args: { rgba: Uint8ClampedArray }; result: IndexedColours };
  planeCreate: { args: { backend: BackendName; config: PlaneConfig }; result: NewPlane };
  /** x and y of each point at each time in turn. */
  planeForward: { args: PlaneForward; result: Float32Array };
  planeRun: { args: { options: PlaneRun }; result: PlaneFrames };
  /** x and y of each arrow at each time in turn. */
  planeClaim2: { args: { options: PlaneClaim2 }; result: Claim2Frames };
  planeClaim4: { args: { options: PlaneClaim4 }; result: Claim4Frames };
  planeField: { args: { options: PlaneField }; result: Float32Array };
  planeTrain: { args: { milliseconds: number; maxSteps: number }; result: TrainReport };
  /** x and y of each point. */
  darkPixels: { args: DarkPixels; result: Float32Array };
  free: { args: {}; result: void };
}

export type MethodName = keyof Methods;
export type Args<M extends MethodName> = Methods[M]['args'];
export type Result<M extends MethodName> = Methods[M]['result'];

export interface Request<M extends MethodName> {
  id: number;
  method: M;
  /** Engine or stream; 0 for the module itself. */
  target: number;
  args: Args<M>;
}

/** Drops a request that has not begun. */
export type Cancel = { cancel: number };

export type Reply = Success | Failure | Fatal | Lost | Progress | Life;
export type Success = { id: number; ok: true; value: Result<MethodName> };
export type Failure = { id: number; ok: false; error: WireError };
/** The wasm instance or the GPU cannot be used any more; the worker must be replaced. */
export type Fatal = { fatal: WireError };
/** A helper failed; `workers` are left and go on. */
export type Lost = { lost: WireError; workers: number };
export type Progress = { compiling: Compiling };
/** The name of a lock that the worker holds for as long as it lives. */
export type Life = { life: string };
/** Programs of the GPU, since it last had none to compile. */
export type Compiling = { done: number; total: number };
export type LabErrorCode =
  | 'bad-config'
  | 'bad-image'
  | 'no-images'
  | 'no-such-image'
  | 'bad-checkpoint'
  | 'newer-format'
  | 'shape-mismatch'
  | 'truncated'
  | 'too-large'
  | 'no-webgpu'
  | 'bad-gpu'
  | 'device-lost'
  | 'aborted'
  | 'not-found'
  | 'no-wasm'
  | 'diverged'
  | 'storage-full'
  | 'internal';
export type WireError = { code: string; message: string };

/** The number of an object of the worker that gives parts, one for each `next`. */
export type Stream<Part> = number & { part?: Part };

/** Where in the browser's storage the state of the model is kept, and with what. */
export type KeptRun = Omit<RunState, 'bytes' | 'step'> & { database: string };

export interface Checkpoint {
  bytes: Uint8Array;
  step: number;
  /** What became of it in the storage. */
  saved?: Saved;
  /** Why the storage would not have it. */
  refused?: WireError;
}

export interface SelfTest {
  passed: boolean;
  /** What the GPU computed wrong, or what it said. */
  failed: string[];
  /** How long it took, with compiling. */
  milliseconds: number;
}

/** What the default config depends on. */
export interface DefaultsOf {
  backend: BackendName;
  size: number;
  images: number;
  timesteps?: number;
  /** Whether it learns from crops of larger pictures. */
  crops: boolean;
}

export interface EngineOptions {
  backend: BackendName;
  /** JSON. */
  config: string;
  /** How many to compute on. */
  workers?: number;
}

/** What the page knows of an engine after a request that changes it. */
export interface EngineState {
  /** JSON. */
  config: string;
  parameterCount: number;
  step: number;
}

export interface PackedImages {
  /** `count` tiles of `size` × `size`, with the channels of the model. */
  bytes: Uint8Array;
  count: number;
  size: number;
  /** The class of each. */
  labels?: Uint32Array;
}

/** Larger pictures, of which training shows random crops of the model's size. */
export interface PackedPictures {
  /** One after the other, with the channels of the model. */
  bytes: Uint8Array;
  /** Height and width of each in turn. */
  shapes: Uint32Array;
}

/** The files of a diffusers folder by their paths. */
export type ModelFiles = Record<string, Uint8Array>;

/** Which items of a batch. */
export type Shard = { first: number; count: number };
export type Gradients = { loss: number; grads: Float32Array };

export interface Schedule {
  betas: Float64Array;
  alphas_cumprod: Float64Array;
  snr: Float64Array;
  posterior_variance: Float64Array;
  sqrt_alphas_cumprod: Float64Array;
  sqrt_one_minus_alphas_cumprod: Float64Array;
}

/** One tile each, with the channels of the model. */
export type Noisy = { x_t: Uint8Array; eps: Uint8Array; x_0: Uint8Array };

export type TrainReport = { step: number; losses: Float32Array; milliseconds: number };

/**
 * What to denoise with: the network with averaged weights, as the optimizer left it, or in its place
 * the ideal denoiser of the training images.
 */
export type Weights = 'ema' | 'raw' | 'ideal';

/** What is null is as the model or the sampler has it. */
export interface SampleOptions {
  sampler: 'ddpm' | 'ddim' | 'heun' | 'dpmpp2m' | 'euler-flow';
  steps: number;
  /** DDIM: 0 adds no noise, 1 as much as DDPM. */
  eta: number;
  seed: number;
  count: number;
  /** Of the images, where it is not that of the training images: up to 256. */
  height?: number | null;
  width?: number | null;
  weights: Weights;
  /** DDPM. */
  variance: 'fixed_small' | 'fixed_large' | 'fixed_forward' | null;
  /** Whether pred_x0 is clamped to [-1, 1]. */
  clip: boolean | null;
  /** Limits pred_x0 by this quantile instead. */
  dynamic_threshold: number | null;
  timestep_spacing: 'leading' | 'trailing' | 'linspace' | null;
  /** Heun and DPM-Solver++: noise levels even in σ^(1/7). */
  use_karras_sigmas: boolean | null;
  /** Whether DDIM derives eps anew from a limited pred_x0. */
  use_clipped_model_output: boolean;
  /**
   * What each image shows, repeated as needed: the name or the number of a label, null for any; empty
   * for any.
   */
  labels: (string | number | null)[];
  /** How far to go in the direction of a label; 1 is the label alone. */
  guidance: number;
}

/** The noise of image `index` of `seed`, and how much of it. */
export type NoiseTerm = { seed: number; index: number; weight: number };

/** What else a model can do than draw new images. */
export interface EditOptions {
  /**
   * The noise of each of `count` images, in place of that of `seed`: a sum, scaled so that the squares
   * of its weights add up to 1. At most 64 terms each.
   */
  mixtures?: NoiseTerm[][];
  /**
   * Leads from the first image of `seed` to that of `to`; `total` where `count` images are only some
   * of them.
   */
  interpolate?: { to: number; total?: number };
  /** Redraws the image `init`: the share of steps taken, above 0 to 1. */
  strength?: number;
  /** Fills in `init`: a byte for each pixel of the model's size, 0 where it is kept. */
  mask?: Uint8Array;
  /**
   * Keeps the picture `init`, whose place in what is drawn this is, and draws what is around it. Its
   * upper left corner is at `left` and `top`.
   */
  extend?: { height: number; width: number; top: number; left: number };
  /** Filling in: steps that a jump goes back into noise (RePaint). */
  jump_length?: number;
  /** Filling in: how many times each stretch is sampled. */
  jump_n_sample?: number;
}

export type SampleArgs = Omit<SampleOptions, 'labels'> &
  EditOptions &
  FrameOptions &
  Partial<Shard> & { labels: (number | null)[]; init?: Uint8Array };

/** What frames have beside images. */
export interface FrameOptions {
  /** Whether `eps` is wanted, of a single image. */
  with_eps?: boolean;
}

/** Of a sampling run: its steps, its images and their sides, of which `size` is the longer. */
export type Shape = { total: number; count: number; size: number; height: number; width: number };

/** One state of a batch on its way from noise to images. */
export interface FramePart {
  /** 0 is x_T itself, `total` is the end. */
  index: number;
  /** Null at the end. */
  t: number | null;
  /**
   * `count` tiles of `width` × `height`, with the channels of the model: grey, RGB, or RGB and alpha,
   * which the colours are not multiplied by.
   */
  x_t: Uint8Array;
  /** The same for the network's current guess; null at index 0. */
  pred_x0: Uint8Array | null;
  /** The noise that the frame before is made of beside `pred_x0`, where it was asked for. */
  eps?: Uint8Array | null;
}

export type Frame = FramePart & Shape & { t: number };

export interface ElboArgs {
  timesteps: number;
  weights: Weights;
  /** Of a training image. */
  index?: number;
  /** Another image. */
  rgb?: Uint8Array;
}

/**
 * One timestep of an estimate of the variational bound of an image, and the sums so far: estimates of
 * the whole once `left` is 0. Names as in improved-diffusion.
 */
export interface BoundPart {
  t: number;
  /** Timesteps that this one stands for. */
  width: number;
  left: number;
  /** Bits per dimension of this timestep. */
  vb: number;
  x0_mse: number;
  eps_mse: number;
  /** The model's loss at this timestep, with x_0 limited as samplers do. */
  loss: number;
  total_bpd: number;
  prior_bpd: number;
  /** vb of all t > 0. */
  kl_bpd: number;
  /** vb of t = 0. */
  decoder_bpd: number;
}

/** One timestep of an estimate of the optimal loss. */
export interface OptimalLossPart {
  t: number;
  /** Timesteps that this one stands for. */
  width: number;
  left: number;
  /** The optimal loss at t. */
  floor: number;
  /** Of all so far; over all timesteps once `left` is 0. */
  mean: number;
}

/** The training image nearest to a sample. */
export interface Nearest {
  index: number;
  /** Whether it is nearest when mirrored. */
  mirrored: boolean;
  /** Root mean square of the differences of values in [-1, 1]. */
  distance: number;
  /** To the distance of the second nearest; null where there is none. */
  ratio: number | null;
  /** Whether the ratio is below 1/3. */
  copy: boolean;
}

/** What a plane is made with; null is as usual. */
export interface PlaneConfig {
  distribution: 'moons' | 'spiral' | 'checkerboard' | 'gaussians' | 'annulus' | 'points';
  /** Those of distribution `points`. */
  points?: number[][];
  process: 'variance-preserving' | 'variance-exploding' | 'rectified-flow';
  base: 'gaussian' | 'annulus';
  /** What the network learns. */
  target: 'previous' | 'sample' | 'epsilon' | 'velocity' | null;
}

/** `trainingSet`: x and y of each point that is learnt from. */
export type NewPlane = { plane: number; trainingSet: Float32Array };

/** Times are from 0, the data, to 1, noise. */
export type PlaneForward = { count: number; times: Float64Array; seed: number };

/** A run of a sampler in the plane; null is as usual. */
export interface PlaneRun {
  sampler: SampleOptions['sampler'];
  steps: number;
  /** DDIM. */
  eta: number;
  seed: number;
  count: number;
  denoiser: 'ideal' | 'mlp';
  /** DDPM. */
  variance: SampleOptions['variance'];
  karras: boolean | null;
}

/** Mean distances; null where one makes no sense. */
export interface PlaneErrors {
  /** From a sample to the nearest point that was learnt from. */
  nearest: number;
  /** Between the ideal denoiser's samples with these steps and with many. */
  discretisation: number | null;
  /** Between the network's samples and the ideal denoiser's, with the same steps and noise. */
  training: number | null;
}

export interface PlaneFrames extends PlaneErrors {
  /** x and y of each point in each frame in turn, one frame more than there are steps. */
  points: Float32Array;
  /** Of each frame, as are these: */
  times: Float64Array;
  signals: Float64Array;
  noises: Float64Array;
}

export interface PlaneField {
  denoiser: 'ideal' | 'mlp';
  field: 'score' | 'velocity';
  times: number[];
  /** Arrows along a side of the grid, which covers [-extent, extent]². */
  side: number;
  extent: number;
}

/** Claim 2 of Nakkiran et al. 2024 with Δt = 1 / steps, at most in so many frames. */
export interface PlaneClaim2 {
  steps: number;
  frames: number;
  side: number;
  extent: number;
}

export interface Claim2Frames {
  times: Float64Array;
  /** x and y of each arrow in each frame in turn, as are these: */
  measured: Float32Array;
  claimed: Float32Array;
  /** How far the two differ in each frame, as a share of the size of `measured`. */
  differences: Float64Array;
}

/** Claim 4. */
export type PlaneClaim4 = { steps: number; count: number; seed: number };

export interface Claim4Frames {
  times: Float64Array;
  /** x and y of each point in each frame in turn, as are these: */
  ddim: Float32Array;
  flow: Float32Array;
  /** The mean distance between the two in each frame. */
  gaps: Float64Array;
}

export interface DarkPixels {
  backend: BackendName;
  rgb: Uint8Array;
  width: number;
  height: number;
  /** Of points. */
  count: number;
}

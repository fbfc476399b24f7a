/** The wasm-bindgen bindings, as far as they are used. */

import type { BackendName } from '../lib/backend.js';
import type {
  BoundPart,
  FramePart,
  Gradients,
  ModelFiles,
  Nearest,
  Noisy,
  OptimalLossPart,
  PlaneFrames,
  Claim2Frames,
  Claim4Frames,
  Schedule,
  SelfTest,
  Shape,
  TrainReport,
} from './protocol.js';

export interface Bindings {
  default(options: { module_or_path: WebAssembly.Module }): Promise<unknown>;
  Engine: EngineClass;
  /** Of the CPU, which only its own builds have. */
  Plane?: PlaneClass;
  /** Of the GPU, which only its own build has. */
  selfTest?(): Promise<SelfTest>;
}

export interface EngineClass {
  create(backend: BackendName, configJson: string): Promise<Engine>;
  defaultConfig(
    size: number,
    images: number,
    timesteps: number | undefined,
    crops: boolean,
  ): string;
  /** A checkpoint. */
  importDiffusers(files: ModelFiles): Uint8Array;
}

export interface Engine {
  config(): string;
  parameterCount(): number;
  step(): number;
  setImages(bytes: Uint8Array, count: number, size: number, labels?: Uint32Array): void;
  setPictures(bytes: Uint8Array, shapes: Uint32Array): void;
  schedule(): Schedule;
  noisy(index: number, t: number, seed: number): Noisy;
  train(milliseconds: number, maxSteps: number): Promise<TrainReport>;
  gradients(first: number, count: number): Promise<Gradients>;
  apply(grads: Float32Array): void;
  warmUp(): Promise<void>;
  resetTraining(): Promise<void>;
  sample(optionsJson: string, init?: Uint8Array, mask?: Uint8Array): Sampling;
  elbo(optionsJson: string, rgb?: Uint8Array): Measurement<BoundPart>;
  /** The optimal loss. */
  floor(timesteps: number): Measurement<OptimalLossPart>;
  nearest(rgb: Uint8Array): Nearest;
  save(half: boolean): Promise<Uint8Array>;
  exportDiffusers(trainingState: boolean): Promise<ModelFiles>;
  load(bytes: Uint8Array): Promise<void>;
  free(): void;
}

export interface PlaneClass {
  create(configJson: string): Plane;
  darkPixels(rgb: Uint8Array, width: number, height: number, count: number): Float32Array;
}

export interface Plane {
  trainingSet(): Float32Array;
  forward(count: number, times: Float64Array, seed: number): Float32Array;
  run(optionsJson: string): PlaneFrames;
  field(optionsJson: string): Float32Array;
  claim2(optionsJson: string): Claim2Frames;
  claim4(optionsJson: string): Claim4Frames;
  train(milliseconds: number, maxSteps: number): TrainReport;
  free(): void;
}

export type Sampling = Omit<Shape, 'size'> & Measurement<FramePart>;

export interface Measurement<Part> {
  next(): Promise<Part | undefined>;
  free(): void;
}

//! A small network for points: a multilayer perceptron, and how it learns.

use burn::{
    backend::Autodiff,
    tensor::{
        Tensor, TensorData,
        activation::relu,
        backend::AutodiffBackend,
        ops::{FloatTensor, FloatTensorOps},
    },
};
use serde::{Deserialize, Serialize};

use super::{
    distribution::Point,
    ideal::{points_of, tensor_of},
    process::{Process, ProcessKind},
};
use crate::{
    backend::Flex,
    denoiser::Denoiser,
    diffusion::{ModelOutput, NoiseLevel, Posterior, PredictionType},
    ops::{
        AdamStep, ConvGeometry, Kernels, MixedPrecision, MuonStep, OptimizerStep, ParameterState,
        UpdateRule, conv2d, from_primitive, into_primitive, squared_error,
    },
    random::{Random, Stream},
};

/// Units of each hidden layer.
const HIDDEN: usize = 64;
/// Hidden layers.
const HIDDEN_LAYERS: usize = 3;
/// Frequencies of sines and cosines of a coordinate, which let it follow thin lines (Tancik et al.
/// 2020, "Fourier features let networks learn high frequency functions in low dimensional domains").
const FREQUENCIES: [f64; 2] = [2.0, 4.0];
/// What the network is given: a point, its sines and cosines, and five functions of the level.
const FEATURES: usize = 2 + 4 * FREQUENCIES.len() + 5;
/// Points of a batch.
pub const BATCH: usize = 256;
/// Variance of x_0 that the input is scaled by: about that of all our distributions.
const DATA_VARIANCE: f64 = 0.3;
/// Steps of the chain whose previous state [`Target::Previous`] is.
const CHAIN_STEPS: f64 = 50.0;
/// Step size at first; it falls with the root of the steps once there are [`FLAT_STEPS`].
const LEARNING_RATE: f64 = 3e-3;
/// Steps at the first step size.
const FLAT_STEPS: f64 = 1000.0;

/// What a network in the plane learns to predict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// x_{t-Δt}, a step of the chain before x_t, with Δt = 1/50 (Nakkiran et al. 2024, "Step-by-Step
    /// Diffusion: An Elementary Tutorial", arXiv 2406.08929, pseudocode 1).
    Previous,
    /// x_0, which has the same mean by their claim 2, and less variance.
    Sample,
    /// The noise (Ho et al. 2020, equation 14).
    Epsilon,
    /// x_1 - x_0 (Nakkiran et al. 2024, pseudocode 4, whose sign is the other one).
    Velocity,
}

impl Target {
    /// What suits a process.
    pub fn of(process: ProcessKind) -> Self {
        match process {
            ProcessKind::VariancePreserving => Self::Epsilon,
            ProcessKind::VarianceExploding => Self::Sample,
            ProcessKind::RectifiedFlow => Self::Velocity,
        }
    }
}

/// q(x_{t-Δt} | x_t, x_0) of the chain that [`Target::Previous`] is of, for x_t at `level`.
fn chain_posterior(process: &Process, level: NoiseLevel) -> (NoiseLevel, Posterior) {
    let before = process.time(level) - 1.0 / CHAIN_STEPS;
    let previous = if before > 0.0 {
        process.level(before)
    } else {
        NoiseLevel::CLEAN
    };
    (previous, Posterior::between(level, previous))
}

/// Pairs that a network learns from: x_t with its levels, and what it is to say.
struct Lesson {
    x_t: Vec<Point>,
    levels: Vec<NoiseLevel>,
    target: Vec<Point>,
}

/// A multilayer perceptron, its optimizer, and what it learns.
///
/// It learns with Adam, and is asked with the moving average of its weights, as the U-Net.
pub struct Mlp {
    process: Process,
    target: Target,
    random: Random,
    step: u64,
    /// Weight `[1, 1, inputs, outputs]` and bias `[outputs]` of each layer in turn: layers are 1×1
    /// convolutions, as in the U-Net.
    parameters: Vec<ParameterState<Flex>>,
}

impl Mlp {
    /// A network that has learnt nothing.
    pub fn new(process: Process, target: Target, seed: u64) -> Self {
        let random = Random::new(seed);
        let sizes: Vec<usize> = std::iter::once(FEATURES)
            .chain([HIDDEN; HIDDEN_LAYERS])
            .chain([2])
            .collect();
        let mut parameters = Vec::new();
        for (layer, pair) in sizes.windows(2).enumerate() {
            let [inputs, outputs] = [pair[0], pair[1]];
            // He et al. 2015, "Delving deep into rectifiers"; the last layer starts small.
            let last = layer == HIDDEN_LAYERS;
            let gain: f32 = if last { 0.1 } else { 2.0 };
            let deviation = (gain / inputs as f32).sqrt();
            let normals = random.normals(Stream::Weights, layer as u32, 0, inputs * outputs);
            let weight: Vec<f32> = normals.iter().map(|x| x * deviation).collect();
            let weight = TensorData::new(weight, [1, 1, inputs, outputs]);
            parameters.push(state::<4>(weight));
            parameters.push(state::<1>(TensorData::new(vec![0.0; outputs], [outputs])));
        }
        Self {
            process,
            target,
            random,
            step: 0,
            parameters,
        }
    }

    /// Optimizer steps taken.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// What it learns to predict.
    pub fn target(&self) -> Target {
        self.target
    }

    /// Takes a step on a fresh batch and gives its loss: the squared error, summed over both
    /// coordinates; of [`Target::Previous`] in units of the variance of a step of the chain, so that
    /// targets can be compared.
    ///
    /// `x_0` are points drawn from the distribution, `x_1` as many drawn from the noise.
    pub fn train(&mut self, x_0: &[Point], x_1: &[Point]) -> f32 {
        let lesson = self.lesson(x_0, x_1, self.step as u32);
        let device = Default::default();
        let weights: Vec<FloatTensor<Autodiff<Flex>>> = self
            .parameters
            .iter()
            .map(|state| {
                let leaf = Autodiff::<Flex>::from_inner(state.value.clone());
                Autodiff::<Flex>::float_set_require_grad(leaf, true)
            })
            .collect();
        let features = features(&lesson.x_t, |i| lesson.levels[i]);
        let features = Tensor::<Autodiff<Flex>, 4>::from_data(features, &device);
        let target = TensorData::new(lesson.target.concat(), [lesson.target.len(), 1, 1, 2]);
        let target = Tensor::<Autodiff<Flex>, 4>::from_data(target, &device);
        // Of both coordinates, whose mean the squared error is.
        let loss = squared_error(forward(&weights, features), target, None) * 2.0;
        let grads = loss.backward();
        let gradients = weights
            .iter()
            .zip(&self.parameters)
            .map(|(weight, state)| {
                let gradient = Autodiff::<Flex>::grad(weight, &grads);
                gradient.unwrap_or_else(|| Flex::float_mul_scalar(state.value.clone(), 0f32.into()))
            })
            .collect();
        let numbers = self.optimizer_step();
        let uploaded = Tensor::<Flex, 1>::from_data(numbers.numbers(), &device);
        let rules = vec![UpdateRule::Adam; self.parameters.len()];
        let parameters = std::mem::take(&mut self.parameters);
        self.parameters = Flex::optimizer_step(
            parameters,
            gradients,
            &rules,
            numbers,
            into_primitive(uploaded),
        );
        self.step += 1;
        loss.into_data().iter::<f32>().next().unwrap_or(f32::NAN)
    }

    /// What is learnt from at `step`.
    fn lesson(&self, x_0: &[Point], x_1: &[Point], step: u32) -> Lesson {
        let mut lesson = Lesson {
            x_t: Vec::with_capacity(x_0.len()),
            levels: Vec::with_capacity(x_0.len()),
            target: Vec::with_capacity(x_0.len()),
        };
        let normals = self
            .random
            .normals(Stream::PlaneNoise, step, 1 << 32, 2 * x_0.len());
        for (i, (x_0, x_1)) in x_0.iter().zip(x_1).enumerate() {
            // Above 0, where nothing is to be learnt.
            let time = 1.0 - self.random.uniform(Stream::PlaneTraining, step, i as u64);
            let level = self.process.training_level(time);
            let mix = |[a, b]: [f64; 2]| {
                [0, 1].map(|axis| (a * x_0[axis] as f64 + b * x_1[axis] as f64) as f32)
            };
            let x_t = mix([level.signal, level.noise]);
            let coefs = |kind: PredictionType| kind.target_coefficients(level);
            let target = match self.target {
                Target::Sample => mix(coefs(PredictionType::Sample)),
                Target::Epsilon => mix(coefs(PredictionType::Epsilon)),
                Target::Velocity => mix(coefs(PredictionType::Velocity)),
                Target::Previous => {
                    // A draw of x_{t-Δt} given x_t and x_0: both together are as if the chain had
                    // gone from the one to the other. The network gives the difference from x_t.
                    let (_, posterior) = chain_posterior(&self.process, level);
                    let unit = posterior.beta.sqrt();
                    [0, 1].map(|axis| {
                        let mean = posterior.mean_coef1 * x_0[axis] as f64
                            + posterior.mean_coef2 * x_t[axis] as f64;
                        let z = normals[2 * i + axis] as f64;
                        let previous = mean + posterior.variance.max(0.0).sqrt() * z;
                        ((previous - x_t[axis] as f64) / unit) as f32
                    })
                }
            };
            lesson.x_t.push(x_t);
            lesson.levels.push(level);
            lesson.target.push(target);
        }
        lesson
    }

    fn optimizer_step(&self) -> OptimizerStep {
        let (beta1, beta2) = (0.9f64, 0.99f64);
        let count = self.step as f64 + 1.0;
        let rate = LEARNING_RATE * (FLAT_STEPS / count.max(FLAT_STEPS)).sqrt();
        OptimizerStep {
            adam: AdamStep {
                learning_rate: rate as f32,
                beta1: beta1 as f32,
                beta2: beta2 as f32,
                epsilon: 1e-8,
                bias_correction1: (1.0 - beta1.powf(count)) as f32,
                bias_correction2: (1.0 - beta2.powf(count)) as f32,
            },
            // No parameter is moved by it.
            muon: MuonStep {
                learning_rate: 0.0,
                momentum: 0.0,
            },
            // Short at first, so that a young average is not what the network was before.
            ema_decay: ((1.0 + count) / (10.0 + count)).min(0.995) as f32,
        }
    }

    /// Its estimate of x_0 for each of `x_t` at `level`, by the averaged weights.
    pub fn estimate(&self, x_t: &[Point], level: NoiseLevel) -> Vec<Point> {
        let weights: Vec<FloatTensor<Flex>> = self
            .parameters
            .iter()
            .map(|state| state.ema.clone())
            .collect();
        let features = features(x_t, |_| level);
        let features = Tensor::<Flex, 4>::from_data(features, &Default::default());
        let output: Vec<f32> = forward(&weights, features).into_data().iter().collect();
        // x_0 is linear in x_t and what is predicted.
        let [x_coef, y_coef] = match self.target {
            Target::Sample => PredictionType::Sample.x0_coefficients(level),
            Target::Epsilon => PredictionType::Epsilon.x0_coefficients(level),
            Target::Velocity => PredictionType::Velocity.x0_coefficients(level),
            Target::Previous => {
                // E[x_{t-Δt} | x_t] = coef1 · E[x_0 | x_t] + coef2 · x_t (Nakkiran et al. 2024, claim
                // 2, for any process).
                let (_, posterior) = chain_posterior(&self.process, level);
                [
                    (1.0 - posterior.mean_coef2) / posterior.mean_coef1,
                    posterior.beta.sqrt() / posterior.mean_coef1,
                ]
            }
        };
        x_t.iter()
            .zip(output.chunks_exact(2))
            .map(|(x, y)| {
                [0, 1].map(|axis| (x_coef * x[axis] as f64 + y_coef * y[axis] as f64) as f32)
            })
            .collect()
    }
}

/// What the network is given of each of `x_t`, `[n, 1, 1, FEATURES]`.
fn features(x_t: &[Point], level: impl Fn(usize) -> NoiseLevel) -> TensorData {
    let mut values = Vec::with_capacity(x_t.len() * FEATURES);
    for (i, x) in x_t.iter().enumerate() {
        let level = level(i);
        let NoiseLevel { signal, noise, .. } = level;
        // Of variance 1 at every level (Karras et al. 2022, equation 7).
        let scale = 1.0 / (signal * signal * DATA_VARIANCE + noise * noise).sqrt();
        let scaled = x.map(|x| x as f64 * scale);
        values.extend(scaled.map(|x| x as f32));
        for frequency in FREQUENCIES {
            for x in scaled {
                let (sin, cos) = (frequency * x).sin_cos();
                values.extend([sin as f32, cos as f32]);
            }
        }
        let angle = noise.atan2(signal);
        let log_sigma = (level.sigma().max(1e-4).ln() / 4.0).clamp(-2.0, 2.0);
        let (sin2, cos2) = (2.0 * angle).sin_cos();
        let (sin4, cos4) = (4.0 * angle).sin_cos();
        values.extend([log_sigma, sin2, cos2, sin4, cos4].map(|x| x as f32));
    }
    TensorData::new(values, [x_t.len(), 1, 1, FEATURES])
}

/// What the network with `weights` says of `features`, `[n, 1, 1, 2]`.
fn forward<B: Kernels>(weights: &[FloatTensor<B>], features: Tensor<B, 4>) -> Tensor<B, 4> {
    let mut x = features;
    let layers = weights.chunks_exact(2);
    let last = layers.len() - 1;
    for (i, layer) in layers.enumerate() {
        let [weight, bias] = [&layer[0], &layer[1]];
        x = conv2d(
            x,
            from_primitive(weight.clone()),
            from_primitive(bias.clone()),
            ConvGeometry::LINEAR,
            MixedPrecision::No,
        );
        if i < last {
            x = relu(x);
        }
    }
    x
}

/// A parameter at `value` and an optimizer that has not moved it.
fn state<const D: usize>(value: TensorData) -> ParameterState<Flex> {
    let device = Default::default();
    let value = Tensor::<Flex, D>::from_data(value, &device);
    let zeros = || into_primitive(value.zeros_like());
    ParameterState {
        exp_avg: zeros(),
        exp_avg_sq: zeros(),
        // A copy of its own, so that the optimizer may write both in place.
        ema: into_primitive(value.clone() * 1.0),
        value: into_primitive(value),
    }
}

impl Denoiser<Flex> for Mlp {
    fn prediction_type(&self) -> PredictionType {
        PredictionType::Sample
    }

    fn output(
        &self,
        x_t: Tensor<Flex, 4>,
        level: NoiseLevel,
        _class_labels: Option<&[usize]>,
    ) -> ModelOutput<Flex> {
        ModelOutput {
            values: tensor_of(&self.estimate(&points_of(x_t), level)),
            var_values: None,
        }
    }
}

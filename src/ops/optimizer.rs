//! One step of the optimizer: its numbers, and its definition.

use burn::tensor::{Tensor, TensorData, TensorMetadata, backend::Backend, ops::FloatTensor};

use super::primitive::{from_primitive, into_primitive};

/// Everything the optimizer keeps for one parameter tensor; all four have the parameter's shape.
#[derive(Debug, Clone)]
pub struct ParameterState<B: Backend> {
    /// The weights that training moves.
    pub value: FloatTensor<B>,
    /// Running mean of the gradient.
    pub exp_avg: FloatTensor<B>,
    /// Adam's running mean of the squared gradient. Muon, which has none, leaves here what it
    /// orthogonalised last.
    pub exp_avg_sq: FloatTensor<B>,
    /// Exponential moving average of `value`.
    pub ema: FloatTensor<B>,
}

/// How a parameter is moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateRule {
    /// By Adam (Kingma & Ba 2015, algorithm 1).
    Adam,
    /// By Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"): a
    /// parameter `[k, k, c_in, c_out]` as a matrix of `c_out` columns, or several side by side.
    Muon {
        /// The columns of each matrix. They add up to `c_out`.
        columns: Vec<usize>,
    },
}

/// Numbers of one optimizer step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimizerStep {
    /// For parameters that Adam moves.
    pub adam: AdamStep,
    /// For parameters that Muon moves.
    pub muon: MuonStep,
    /// `ema ← ema_decay · ema + (1 - ema_decay) · value`, after the update of `value`.
    pub ema_decay: f32,
}

/// Numbers of one step of Adam (Kingma & Ba 2015, algorithm 1), bias corrections included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// Step size.
    pub learning_rate: f32,
    /// Decay of the running mean of the gradient.
    pub beta1: f32,
    /// Decay of the running mean of the squared gradient.
    pub beta2: f32,
    /// Added to the square root of the mean of squares.
    pub epsilon: f32,
    /// `1 - beta1^step`, step counted from 1.
    pub bias_correction1: f32,
    /// `1 - beta2^step`.
    pub bias_correction2: f32,
}

/// Numbers of one step of Muon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MuonStep {
    /// Step size; see [`MuonStep::step_size`].
    pub learning_rate: f32,
    /// Decay of the running mean of the gradient.
    pub momentum: f32,
}

impl MuonStep {
    /// The factor of the orthogonalised matrix of a layer with this many inputs and outputs: its
    /// update changes outputs alike, whatever the shape.
    pub fn step_size(self, inputs: usize, outputs: usize) -> f32 {
        self.learning_rate * Self::scale(inputs, outputs)
    }

    /// [`MuonStep::step_size`] for a learning rate of 1.
    pub fn scale(inputs: usize, outputs: usize) -> f32 {
        (outputs as f32 / inputs as f32).max(1.0).sqrt()
    }
}

impl OptimizerStep {
    /// How many [`OptimizerStep::numbers`] there are.
    pub const NUMBERS: usize = 9;

    /// All of them, in the order in which kernels read them, `[NUMBERS]`.
    pub fn numbers(&self) -> TensorData {
        let numbers: [f32; Self::NUMBERS] = [
            self.adam.learning_rate,
            self.adam.beta1,
            self.adam.beta2,
            self.adam.epsilon,
            self.adam.bias_correction1,
            self.adam.bias_correction2,
            self.ema_decay,
            self.muon.learning_rate,
            self.muon.momentum,
        ];
        TensorData::from(numbers)
    }
}

/// The polynomial of a step of the Newton–Schulz iteration, X ← a · X + (b · A + c · A²) · X with
/// A = X Xᵀ, which takes singular values in (0, 1] to near 1 fast (Jordan et al. 2024).
pub const NEWTON_SCHULZ: [f32; 3] = [3.4445, -4.7750, 2.0315];

/// Steps of the Newton–Schulz iteration.
pub const NEWTON_SCHULZ_STEPS: usize = 5;

/// The least that a matrix's Frobenius norm counts as.
pub const LEAST_NORM: f32 = 1e-7;

/// The definition of [`super::Kernels::optimizer_step`], for one parameter, in burn's own operations.
pub fn step<B: Backend>(
    state: ParameterState<B>,
    grad: FloatTensor<B>,
    rule: &UpdateRule,
    step: OptimizerStep,
) -> ParameterState<B> {
    let state = match rule {
        UpdateRule::Adam => adam_step(state, grad, step.adam),
        UpdateRule::Muon { columns } => muon_step(state, grad, columns, step.muon),
    };
    let ema = blend::<B>(state.ema, state.value.clone(), step.ema_decay);
    ParameterState { ema, ..state }
}

/// `decay · average + (1 - decay) · sample`.
fn blend<B: Backend>(
    average: FloatTensor<B>,
    sample: FloatTensor<B>,
    decay: f32,
) -> FloatTensor<B> {
    B::float_add(
        B::float_mul_scalar(average, decay.into()),
        B::float_mul_scalar(sample, (1.0 - decay).into()),
    )
}

fn adam_step<B: Backend>(
    state: ParameterState<B>,
    grad: FloatTensor<B>,
    step: AdamStep,
) -> ParameterState<B> {
    let exp_avg = blend::<B>(state.exp_avg, grad.clone(), step.beta1);
    let squared = B::float_mul(grad.clone(), grad);
    let exp_avg_sq = blend::<B>(state.exp_avg_sq, squared, step.beta2);
    let mean = B::float_div_scalar(exp_avg.clone(), step.bias_correction1.into());
    let variance = B::float_div_scalar(exp_avg_sq.clone(), step.bias_correction2.into());
    let denominator = B::float_add_scalar(B::float_sqrt(variance), step.epsilon.into());
    let update = B::float_mul_scalar(B::float_div(mean, denominator), step.learning_rate.into());
    ParameterState {
        value: B::float_sub(state.value, update),
        exp_avg,
        exp_avg_sq,
        ema: state.ema,
    }
}

fn muon_step<B: Backend>(
    state: ParameterState<B>,
    grad: FloatTensor<B>,
    columns: &[usize],
    step: MuonStep,
) -> ParameterState<B> {
    let exp_avg = blend::<B>(state.exp_avg, grad.clone(), step.momentum);
    // Nesterov's momentum: the mean as it will be if the next gradient is this one.
    let direction = blend::<B>(exp_avg.clone(), grad, step.momentum);
    let shape = state.value.shape();
    let total: usize = columns.iter().sum();
    let rows = shape.num_elements() / total;
    let all = from_primitive::<B, 4>(direction.clone()).reshape([rows, total]);
    let mut first = 0;
    let updates = columns.iter().map(|&columns| {
        let matrix = all.clone().narrow(1, first, columns);
        first += columns;
        orthogonalised(matrix) * step.step_size(rows, columns)
    });
    let update = into_primitive(Tensor::cat(updates.collect(), 1));
    ParameterState {
        value: B::float_sub(state.value, B::float_reshape(update, shape)),
        exp_avg,
        exp_avg_sq: direction,
        ema: state.ema,
    }
}

/// Nearly U Vᵀ for a matrix U Σ Vᵀ, by the Newton–Schulz iteration (Jordan et al. 2024).
fn orthogonalised<B: Backend>(matrix: Tensor<B, 2>) -> Tensor<B, 2> {
    let [rows, columns] = matrix.dims();
    if columns < rows {
        return orthogonalised(matrix.transpose()).transpose();
    }
    let norm = (matrix.clone() * matrix.clone()).sum().sqrt();
    let norm = norm.clamp_min(LEAST_NORM).reshape([1, 1]);
    let [a, b, c] = NEWTON_SCHULZ;
    (0..NEWTON_SCHULZ_STEPS).fold(matrix / norm, |x, _| {
        let gram = x.clone().matmul(x.clone().transpose());
        let polynomial = gram.clone() * b + gram.clone().matmul(gram) * c;
        x.clone() * a + polynomial.matmul(x)
    })
}

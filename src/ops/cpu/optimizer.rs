//! One step of Adam or Muon and of the moving average of the weights, in place.

use super::super::optimizer::{AdamStep, OptimizerStep, UpdateRule};
use super::vectorised::vectorised;
use super::{muon, parallel};

/// Numbers a thread takes at a time: five arrays of this length stay in a core's L2 cache.
const CHUNK: usize = 16 * 1024;

/// One parameter tensor's numbers, see [`super::super::ParameterState`]; all of one length.
#[derive(Debug)]
pub struct Parameter<'a> {
    /// The weights.
    pub value: &'a mut [f32],
    /// Running mean of the gradient.
    pub exp_avg: &'a mut [f32],
    /// Running mean of the squared gradient, or what Muon orthogonalises.
    pub exp_avg_sq: &'a mut [f32],
    /// Running mean of the weights.
    pub ema: &'a mut [f32],
    /// The gradient of this step.
    pub grad: &'a [f32],
    /// How it is moved.
    pub rule: &'a UpdateRule,
}

/// Steps `parameters`; see [`super::super::Kernels::optimizer_step`].
pub fn step(mut parameters: Vec<Parameter>, step: OptimizerStep) {
    let chunks = parameters.iter_mut().flat_map(|parameter| {
        let rule = parameter.rule;
        let moments = (parameter.exp_avg.chunks_mut(CHUNK))
            .zip(parameter.exp_avg_sq.chunks_mut(CHUNK))
            .zip(parameter.grad.chunks(CHUNK));
        let weights = (parameter.value.chunks_mut(CHUNK)).zip(parameter.ema.chunks_mut(CHUNK));
        moments.zip(weights).map(move |chunk| (rule, chunk))
    });
    parallel::for_each(
        chunks.collect(),
        |(rule, (((exp_avg, second), grad), (value, ema)))| match rule {
            UpdateRule::Adam => {
                adam(value, exp_avg, second, grad, step.adam);
                average(ema, value, step.ema_decay);
            }
            UpdateRule::Muon { .. } => momentum(exp_avg, second, grad, step.muon.momentum),
        },
    );
    let matrices = parameters
        .into_iter()
        .filter_map(|parameter| match parameter.rule {
            UpdateRule::Adam => None,
            UpdateRule::Muon { columns } => Some((parameter, columns.as_slice())),
        });
    parallel::for_each(matrices.collect(), |(parameter, columns)| {
        muon::update(parameter.value, parameter.exp_avg_sq, columns, step.muon);
        average(parameter.ema, parameter.value, step.ema_decay);
    });
}

#[inline(always)]
fn blend(average: f32, sample: f32, decay: f32) -> f32 {
    decay * average + (1.0 - decay) * sample
}

vectorised! {
    fn adam(
        value: &mut [f32],
        exp_avg: &mut [f32],
        exp_avg_sq: &mut [f32],
        grad: &[f32],
        step: AdamStep,
    ) {
        let length = grad.len();
        // One bounds check for all lets the loop be vectorised.
        let (value, exp_avg) = (&mut value[..length], &mut exp_avg[..length]);
        let exp_avg_sq = &mut exp_avg_sq[..length];
        let to_mean = 1.0 / step.bias_correction1;
        let to_variance = 1.0 / step.bias_correction2;
        for i in 0..length {
            let mean = blend(exp_avg[i], grad[i], step.beta1);
            let square = blend(exp_avg_sq[i], grad[i] * grad[i], step.beta2);
            let denominator = (square * to_variance).sqrt() + step.epsilon;
            value[i] -= step.learning_rate * (mean * to_mean) / denominator;
            exp_avg[i] = mean;
            exp_avg_sq[i] = square;
        }
    }

    /// The running mean of the gradient, and Nesterov's look ahead: that mean as it will be if the
    /// next gradient is this one.
    fn momentum(exp_avg: &mut [f32], direction: &mut [f32], grad: &[f32], decay: f32) {
        let length = grad.len();
        let (exp_avg, direction) = (&mut exp_avg[..length], &mut direction[..length]);
        for i in 0..length {
            let mean = blend(exp_avg[i], grad[i], decay);
            exp_avg[i] = mean;
            direction[i] = blend(mean, grad[i], decay);
        }
    }

    fn average(ema: &mut [f32], value: &[f32], decay: f32) {
        for (ema, value) in ema.iter_mut().zip(value) {
            *ema = blend(*ema, *value, decay);
        }
    }
}

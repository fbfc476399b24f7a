//! Adam (Kingma & Ba 2015) and the moving average of the weights, in one loop over memory.

use super::super::arguments::AdamStep;
use super::parallel;
use super::vectorised::vectorised;

/// Numbers a thread takes at a time: five arrays of this length stay in a core's L2 cache.
const CHUNK: usize = 16 * 1024;

/// One parameter tensor's numbers, see [`super::super::ParameterState`]; all of one length.
#[derive(Debug)]
pub struct Parameter<'a> {
    /// The weights.
    pub value: &'a mut [f32],
    /// Running mean of the gradient.
    pub exp_avg: &'a mut [f32],
    /// Running mean of the squared gradient.
    pub exp_avg_sq: &'a mut [f32],
    /// Running mean of the weights.
    pub ema: &'a mut [f32],
    /// The gradient of this step.
    pub grad: &'a [f32],
}

/// One Adam step and one EMA step, in place.
pub fn step(parameters: Vec<Parameter>, step: AdamStep) {
    let chunks = parameters.into_iter().flat_map(|parameter| {
        parameter
            .value
            .chunks_mut(CHUNK)
            .zip(parameter.exp_avg.chunks_mut(CHUNK))
            .zip(parameter.exp_avg_sq.chunks_mut(CHUNK))
            .zip(parameter.ema.chunks_mut(CHUNK))
            .zip(parameter.grad.chunks(CHUNK))
    });
    parallel::for_each(
        chunks.collect(),
        |((((value, exp_avg), exp_avg_sq), ema), grad)| {
            update(value, exp_avg, exp_avg_sq, ema, grad, step);
        },
    );
}

vectorised! {
    fn update(
        value: &mut [f32],
        exp_avg: &mut [f32],
        exp_avg_sq: &mut [f32],
        ema: &mut [f32],
        grad: &[f32],
        step: AdamStep,
    ) {
        let length = grad.len();
        // One bounds check for all lets the loop be vectorised.
        let (value, exp_avg) = (&mut value[..length], &mut exp_avg[..length]);
        let (exp_avg_sq, ema) = (&mut exp_avg_sq[..length], &mut ema[..length]);
        let blend = |average: f32, sample: f32, decay: f32| {
            decay * average + (1.0 - decay) * sample
        };
        let to_mean = 1.0 / step.bias_correction1;
        let to_variance = 1.0 / step.bias_correction2;
        for i in 0..length {
            let mean = blend(exp_avg[i], grad[i], step.beta1);
            let square = blend(exp_avg_sq[i], grad[i] * grad[i], step.beta2);
            let denominator = (square * to_variance).sqrt() + step.epsilon;
            let moved = value[i] - step.learning_rate * (mean * to_mean) / denominator;
            exp_avg[i] = mean;
            exp_avg_sq[i] = square;
            value[i] = moved;
            ema[i] = blend(ema[i], moved, step.ema_decay);
        }
    }
}

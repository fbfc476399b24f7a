//! The operations of the self-test as plain loops in f64: shorter than any of the kernels, and
//! independent of all of them.

use super::{BATCH, CHANNELS_IN, CHANNELS_OUT, GEOMETRY, Inputs, KERNEL, NORM, SIZE};

const CHANNELS_PER_GROUP: usize = CHANNELS_OUT / NORM.groups;

/// The results in the order of [`super::OPERATIONS`].
pub(super) fn compute(inputs: &Inputs) -> [Vec<f64>; 8] {
    let [y, grad_x, grad_weight, grad_bias] = convolution(inputs);
    let [normalised, grad_map, grad_gamma, grad_beta] = group_norm(inputs);
    [
        y,
        grad_x,
        grad_weight,
        grad_bias,
        normalised,
        grad_map,
        grad_gamma,
        grad_beta,
    ]
}

/// Every pixel of the output with every pixel of the input that it sees, and the tap in between.
fn for_each_tap(mut visit: impl FnMut(usize, usize, usize)) {
    // The input side is the output side.
    let seen = |at: usize, tap: usize| (at + tap).checked_sub(GEOMETRY.padding);
    let pixel = |image: usize, y: usize, x: usize| (image * SIZE + y) * SIZE + x;
    for image in 0..BATCH {
        for (y, x) in (0..SIZE * SIZE).map(|at| (at / SIZE, at % SIZE)) {
            for (tap_y, tap_x) in (0..KERNEL * KERNEL).map(|tap| (tap / KERNEL, tap % KERNEL)) {
                let (Some(from_y), Some(from_x)) = (seen(y, tap_y), seen(x, tap_x)) else {
                    continue;
                };
                if from_y < SIZE && from_x < SIZE {
                    let from = pixel(image, from_y, from_x);
                    visit(pixel(image, y, x), from, tap_y * KERNEL + tap_x);
                }
            }
        }
    }
}

/// Output and gradients of input, weights and bias.
fn convolution(inputs: &Inputs) -> [Vec<f64>; 4] {
    let [x, weight, grad] = [&inputs.x, &inputs.weight, &inputs.grad].map(|values| to_f64(values));
    let bias = to_f64(&inputs.bias);
    let mut y = bias.repeat(BATCH * SIZE * SIZE);
    let mut grad_x = vec![0.0; x.len()];
    let mut grad_weight = vec![0.0; weight.len()];
    for_each_tap(|pixel, from, tap| {
        let to = pixel * CHANNELS_OUT..(pixel + 1) * CHANNELS_OUT;
        let (y, grad) = (&mut y[to.clone()], &grad[to]);
        for channel in 0..CHANNELS_IN {
            let at = from * CHANNELS_IN + channel;
            let row = (tap * CHANNELS_IN + channel) * CHANNELS_OUT;
            for out in 0..CHANNELS_OUT {
                y[out] += x[at] * weight[row + out];
                grad_x[at] += grad[out] * weight[row + out];
                grad_weight[row + out] += x[at] * grad[out];
            }
        }
    });
    let mut grad_bias = vec![0.0; CHANNELS_OUT];
    for (index, grad) in grad.iter().enumerate() {
        grad_bias[index % CHANNELS_OUT] += grad;
    }
    [y, grad_x, grad_weight, grad_bias]
}

/// Output and gradients of input, gamma and beta.
fn group_norm(inputs: &Inputs) -> [Vec<f64>; 4] {
    let [map, grad, gamma, beta] =
        [&inputs.map, &inputs.grad, &inputs.gamma, &inputs.beta].map(|values| to_f64(values));
    let mut y = vec![0.0; map.len()];
    let mut grad_map = vec![0.0; map.len()];
    let [mut grad_gamma, mut grad_beta] = [vec![0.0; CHANNELS_OUT], vec![0.0; CHANNELS_OUT]];
    for (image, group) in (0..BATCH * NORM.groups).map(|at| (at / NORM.groups, at % NORM.groups)) {
        // Indices of the values that are normalised together, with their channels.
        let members: Vec<(usize, usize)> = (0..SIZE * SIZE * CHANNELS_PER_GROUP)
            .map(|at| {
                let pixel = image * SIZE * SIZE + at / CHANNELS_PER_GROUP;
                let channel = group * CHANNELS_PER_GROUP + at % CHANNELS_PER_GROUP;
                (pixel * CHANNELS_OUT + channel, channel)
            })
            .collect();
        let mean_of = |value: &dyn Fn(usize) -> f64| {
            (0..members.len()).map(value).sum::<f64>() / members.len() as f64
        };
        let mean = mean_of(&|at| map[members[at].0]);
        let variance = mean_of(&|at| (map[members[at].0] - mean).powi(2));
        let scale = (variance + f64::from(NORM.epsilon)).sqrt().recip();

        let mut normalised = Vec::with_capacity(members.len());
        let mut grad_normalised = Vec::with_capacity(members.len());
        for &(at, channel) in &members {
            let x = (map[at] - mean) * scale;
            let z = gamma[channel] * x + beta[channel];
            let sigmoid = ((-z).exp() + 1.0).recip();
            y[at] = z * sigmoid;
            let grad_z = grad[at] * sigmoid * (1.0 + z * (1.0 - sigmoid));
            grad_gamma[channel] += grad_z * x;
            grad_beta[channel] += grad_z;
            normalised.push(x);
            grad_normalised.push(grad_z * gamma[channel]);
        }
        let mean_grad = mean_of(&|at| grad_normalised[at]);
        let mean_product = mean_of(&|at| grad_normalised[at] * normalised[at]);
        for (index, &(at, _)) in members.iter().enumerate() {
            let centred = grad_normalised[index] - mean_grad;
            grad_map[at] = scale * (centred - normalised[index] * mean_product);
        }
    }
    [y, grad_map, grad_gamma, grad_beta]
}

fn to_f64(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

//! Whether a device computes what it should: one convolution, one group norm and their gradients
//! against the same on the host.
//!
//! Drivers and compilers have errors, and a network trained with wrong gradients just learns badly.
//! The operations are small, since all of this is done before anything can be computed, but large
//! enough for the kernels that training uses.

mod host;

use burn::tensor::{Tensor, TensorData, TensorMetadata, Transaction, ops::FloatTensor};

use crate::{
    error::{Error, Result},
    random::{Random, Stream},
};

use super::{
    arguments::{
        ConvGeometry, GroupNormInputs, GroupNormOptions, GroupNormState, MixedPrecision, OtherUses,
    },
    kernels::{Kernels, sum_parts},
    primitive::from_primitive,
};

const BATCH: usize = 2;
/// Side of the images.
const SIZE: usize = 8;
const CHANNELS_IN: usize = 16;
const CHANNELS_OUT: usize = 32;
const KERNEL: usize = 3;
const GEOMETRY: ConvGeometry = ConvGeometry {
    kernel: KERNEL,
    stride: 1,
    padding: 1,
    upsample: false,
};
const NORM: GroupNormOptions = GroupNormOptions {
    groups: 8,
    epsilon: 1e-5,
    silu: true,
    mixed_precision: MixedPrecision::No,
};

/// What is computed, in the order in which [`on_device`] and [`host::compute`] give it.
const OPERATIONS: [&str; 8] = [
    "convolution",
    "gradient of a convolution's input",
    "gradient of a convolution's weights",
    "gradient of a convolution's bias",
    "group norm",
    "gradient of a group norm's input",
    "gradient of a group norm's gamma",
    "gradient of a group norm's beta",
];

/// Largest error of a correct result, relative to the largest value of it. Sums of f32 in any order
/// keep a hundredth of this, and WebGPU lets `exp` be as inexact.
const TOLERANCE: f64 = 1e-3;

/// Standard normal numbers for all operations, row-major.
struct Inputs {
    /// `[BATCH, SIZE, SIZE, CHANNELS_IN]`.
    x: Vec<f32>,
    /// `[KERNEL, KERNEL, CHANNELS_IN, CHANNELS_OUT]`.
    weight: Vec<f32>,
    /// `[CHANNELS_OUT]`.
    bias: Vec<f32>,
    /// Gradient of the output of the convolution, and of that of the group norm.
    grad: Vec<f32>,
    /// What is normalised, of the shape of `grad`.
    map: Vec<f32>,
    /// `[CHANNELS_OUT]`.
    gamma: Vec<f32>,
    /// `[CHANNELS_OUT]`.
    beta: Vec<f32>,
}

impl Inputs {
    fn new() -> Self {
        let random = Random::new(0);
        let normals = |step, count| random.normals(Stream::Weights, step, 0, count);
        let pixels = BATCH * SIZE * SIZE;
        Self {
            x: normals(0, pixels * CHANNELS_IN),
            weight: normals(1, KERNEL * KERNEL * CHANNELS_IN * CHANNELS_OUT),
            bias: normals(2, CHANNELS_OUT),
            grad: normals(3, pixels * CHANNELS_OUT),
            map: normals(4, pixels * CHANNELS_OUT),
            gamma: normals(5, CHANNELS_OUT),
            beta: normals(6, CHANNELS_OUT),
        }
    }
}

/// The operations whose results on `device` are wrong, in words; none on a device that computes
/// what it should.
///
/// # Errors
/// [`Error::Device`] when the device was lost or refused an operation.
pub async fn run<B: Kernels>(device: &B::Device) -> Result<Vec<&'static str>> {
    let inputs = Inputs::new();
    let pending = on_device::<B>(&inputs, device);
    // Meanwhile a browser compiles the kernels.
    let expected = host::compute(&inputs);
    Ok(wrong(&read::<B>(pending).await?, &expected))
}

fn on_device<B: Kernels>(inputs: &Inputs, device: &B::Device) -> [FloatTensor<B>; 8] {
    let upload = |values: &[f32], shape: &[usize]| {
        B::float_from_data(TensorData::new(values.to_vec(), shape.to_vec()), device)
    };
    let map = [BATCH, SIZE, SIZE, CHANNELS_OUT];
    let x = upload(&inputs.x, &[BATCH, SIZE, SIZE, CHANNELS_IN]);
    let weight = upload(&inputs.weight, &[KERNEL, KERNEL, CHANNELS_IN, CHANNELS_OUT]);
    let grad = upload(&inputs.grad, &map);
    let [bias, gamma, beta] =
        [&inputs.bias, &inputs.gamma, &inputs.beta].map(|values| upload(values, &[CHANNELS_OUT]));
    let no = MixedPrecision::No;

    let y = B::conv2d_forward(x.clone(), weight.clone(), bias, None, GEOMETRY, no);
    let grad_x = B::conv2d_grad_input(grad.clone(), weight, None, [SIZE; 2], GEOMETRY, no);
    let (grad_weight, grad_bias) = B::conv2d_grad_weight(x, grad.clone(), GEOMETRY, no);

    let norm = GroupNormInputs {
        x: upload(&inputs.map, &map),
        skip: None,
        shift: None,
        gamma,
        beta,
    };
    let output = B::group_norm_forward(norm.clone(), NORM);
    let state = GroupNormState {
        x: norm.x,
        split: None,
        shift: None,
        gamma: norm.gamma,
        beta: norm.beta,
        statistics: output.statistics,
    };
    let grads = B::group_norm_backward(grad, state, OtherUses::NONE, NORM);
    [
        y,
        grad_x,
        sum_parts::<B>(grad_weight, 4),
        sum_parts::<B>(grad_bias, 1),
        output.y,
        grads.x,
        sum_parts::<B>(grads.gamma, 1),
        sum_parts::<B>(grads.beta, 1),
    ]
}

async fn read<B: Kernels>(tensors: [FloatTensor<B>; 8]) -> Result<Vec<Vec<f32>>> {
    let mut transaction = Transaction::<B>::default();
    for tensor in tensors {
        let count = tensor.shape().num_elements();
        let flat: Tensor<B, 1> = from_primitive(B::float_reshape(tensor, [count].into()));
        transaction = transaction.register(flat);
    }
    let data = transaction
        .execute_async()
        .await
        .map_err(|error| Error::Device(error.into()))?;
    B::check_device()?;
    data.into_iter()
        .map(|data| {
            data.to_vec()
                .map_err(|error| Error::Device(Box::from(format!("{error:?}"))))
        })
        .collect()
}

/// The names of those of the results that are not as expected.
fn wrong(results: &[Vec<f32>], expected: &[Vec<f64>; 8]) -> Vec<&'static str> {
    let agrees = |actual: &[f32], expected: &[f64]| {
        let scale = expected
            .iter()
            .fold(0.0, |most: f64, value| most.max(value.abs()));
        actual.len() == expected.len()
            && (actual.iter().zip(expected)).all(|(&actual, expected)| {
                // False of what is not a number, too.
                (f64::from(actual) - expected).abs() <= TOLERANCE * scale
            })
    };
    OPERATIONS
        .into_iter()
        .zip(results.iter().zip(expected))
        .filter(|(_, (actual, expected))| !agrees(actual, expected))
        .map(|(name, _)| name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_computed(expected: &[Vec<f64>; 8]) -> Vec<Vec<f32>> {
        let rounded = |values: &Vec<f64>| values.iter().map(|&value| value as f32).collect();
        expected.iter().map(rounded).collect()
    }

    #[test]
    fn one_wrong_number_anywhere_is_noticed() {
        let expected = host::compute(&Inputs::new());
        let right = as_computed(&expected);
        assert!(wrong(&right, &expected).is_empty());
        for (index, name) in OPERATIONS.into_iter().enumerate() {
            let length = right[index].len();
            for (place, value) in [(0, f32::NAN), (length / 2, 1e3), (length - 1, -1e3)] {
                let mut results = right.clone();
                results[index][place] = value;
                assert_eq!(wrong(&results, &expected), [name]);
            }
        }
    }

    #[test]
    fn results_of_nothing_and_too_short_ones_are_wrong() {
        let expected = host::compute(&Inputs::new());
        let zeros = expected.each_ref().map(|values| vec![0.0; values.len()]);
        assert_eq!(wrong(&zeros, &expected), OPERATIONS);
        let mut short = as_computed(&expected);
        short[0].pop();
        assert_eq!(wrong(&short, &expected), OPERATIONS[..1]);
    }
}

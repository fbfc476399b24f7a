//! Noise made on the device, and what goes there with it.

use burn::tensor::{Tensor, TensorData};
use unnoise::{
    ops::{Kernels, from_primitive, noised_batch::StepInputs},
    random::{Normals, Stream},
};

use crate::check::{numbers, values};

/// Box–Muller in f32 against f64: a few roundings of numbers up to 6.
const TOLERANCE: f32 = 4e-6;

fn assert_near(actual: &[f32], expected: &[f32], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}: number of values");
    for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let difference = (actual - expected).abs();
        assert!(
            difference <= TOLERANCE,
            "{what}: value {index} is {actual} but should be {expected}"
        );
    }
}

fn read<B: Kernels, const D: usize>(tensor: burn::tensor::ops::FloatTensor<B>) -> Vec<f32> {
    values(from_primitive::<B, D>(tensor))
}

/// Enough numbers that both tails, and both ends of the logarithm, are among them.
pub fn normals_agree<B: Kernels>(device: &B::Device) {
    for (seed, step, first, shape) in [
        (0, 0, 0, [64, 3, 32, 32]),
        (u64::MAX - 5, u32::MAX, 75, [1, 3, 5, 5]),
        // The counter's lower word runs over in the middle.
        (7, 3, 4 * (u64::from(u32::MAX) - 20), [1, 3, 8, 8]),
    ] {
        let noise = Normals {
            seed,
            stream: Stream::SamplerNoise,
            step,
            first,
        };
        let actual = read::<B, 4>(B::normals(noise, shape, device));
        let expected = noise.take(shape.iter().product());
        assert_near(&actual, &expected, "normals");
    }
}

pub fn uploads_agree<B: Kernels>(device: &B::Device) {
    for (shape, first) in [
        ([1, 3, 4, 4], 0),
        ([3, 2, 5, 5], 150),
        ([16, 3, 8, 8], 192),
        ([3, 1, 5, 7], 35),
        ([2, 4, 3, 5], 60),
    ] {
        let pairs = |seed| -> Vec<[f32; 2]> {
            (0..shape[0])
                .map(|image| numbers(2, seed + image as u32).try_into().unwrap())
                .collect()
        };
        let (time, optimizer, loss_weights) = (numbers(67, 5), numbers(9, 7), numbers(3, 6));
        let inputs = StepInputs {
            x_0: numbers(shape.iter().product(), 1),
            shape,
            eps: Normals {
                seed: 3,
                stream: Stream::TrainingNoise,
                step: 11,
                first,
            },
            x_t_coefs: pairs(0),
            target_coefs: pairs(100),
            loss_weights: Some(TensorData::new(loss_weights.clone(), [3, 1])),
            time: TensorData::new(time.clone(), [67]),
            class: None,
            optimizer: TensorData::new(optimizer.clone(), [9]),
        };
        let [x_t, target] = inputs.noised_on_host();
        let noised = B::noise_batch(inputs.clone(), device);
        assert_near(&read::<B, 4>(noised.x_t), &x_t, "x_t");
        assert_near(&read::<B, 4>(noised.target), &target, "the target");
        assert_eq!(read::<B, 4>(noised.x_0), inputs.x_0);
        assert_eq!(read::<B, 1>(noised.time), time);
        assert_eq!(read::<B, 1>(noised.optimizer), optimizer);
        assert!(noised.class.is_none());
        let weights: Tensor<B, 2> = from_primitive(noised.loss_weights.unwrap());
        // A view must also be what arithmetic takes it for.
        let doubled: Vec<f32> = loss_weights.iter().map(|x| 2.0 * x).collect();
        assert_eq!(values(weights.clone() + weights), doubled);
    }
}

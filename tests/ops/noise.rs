//! Noise made on the device, and what goes there with it.

use burn::tensor::{Tensor, TensorData};
use unnoise::{
    ops::{
        Kernels,
        mixture::{NoiseMixture, UploadedStep},
        wrap,
    },
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
    values(wrap::<B, D>(tensor))
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
    for (shape, first) in [([1, 3, 4, 4], 0), ([3, 2, 5, 5], 150), ([16, 3, 8, 8], 192)] {
        let mixture = NoiseMixture {
            x: numbers(shape.iter().product(), 1),
            shape,
            eps: Normals {
                seed: 3,
                stream: Stream::TrainingNoise,
                step: 11,
                first,
            },
            coefficients: (0..shape[0])
                .map(|image| numbers(4, image as u32).try_into().unwrap())
                .collect(),
        };
        let [first, second] = mixture.on_host();
        let (words, more) = (numbers(67, 5), numbers(3, 6));
        let uploaded: UploadedStep<B, 1, 2> = B::upload_step(
            mixture.clone(),
            [TensorData::new(words.clone(), [67])],
            [None, Some(TensorData::new(more.clone(), [3, 1]))],
            device,
        );
        assert_near(&read::<B, 4>(uploaded.first), &first, "the first mixture");
        assert_near(&read::<B, 4>(uploaded.second), &second, "the second");
        assert_eq!(read::<B, 4>(uploaded.x), mixture.x);
        let [others] = uploaded.others;
        assert_eq!(read::<B, 1>(others), words);
        let [none, some] = uploaded.optional;
        assert!(none.is_none());
        let some: Tensor<B, 2> = wrap(some.unwrap());
        // A view must also be what arithmetic takes it for.
        let doubled: Vec<f32> = more.iter().map(|x| 2.0 * x).collect();
        assert_eq!(values(some.clone() + some), doubled);
    }
}

//! Convolutions by transformed tiles agree with the definition for any size, padding and channels.

use burn::tensor::{Tensor, TensorMetadata, ops::FloatTensor};
use unnoise::ops::{
    ConvGeometry, Kernels, MixedPrecision, from_primitive, into_primitive, portable,
};

use crate::check::{numbers, output_shape, tensor, values};

/// Relative to the largest magnitude: sums of a thousand f32 products in two orders, and the
/// rounding of the transforms, which is about as large.
const TOLERANCE: f32 = 3e-6;

/// `(n, h, w, c_in, c_out, geometry)`: enough channels for tiles, everything else as it comes.
fn case(seed: u32) -> (usize, usize, usize, usize, usize, ConvGeometry) {
    let numbers = numbers(8, 1000 + seed);
    let between = |index: usize, low: usize, high: usize| {
        let at = (numbers[index] + 1.0) / 2.0 * (high - low + 1) as f32;
        low + (at as usize).min(high - low)
    };
    let upsample = seed.is_multiple_of(3);
    let geometry = ConvGeometry {
        kernel: 3,
        stride: 1,
        padding: if upsample { 1 } else { between(0, 0, 2) },
        upsample,
    };
    let smallest = 3 - 2.min(2 * geometry.padding);
    (
        between(1, 1, 3),
        between(2, smallest, 17),
        between(3, smallest, 19),
        between(4, 16, 70),
        between(5, 16, 70),
        geometry,
    )
}

fn assert_close<B: Kernels>(actual: FloatTensor<B>, expected: FloatTensor<B>, what: &str) {
    assert_eq!(actual.shape(), expected.shape(), "{what}");
    let of = |tensor: FloatTensor<B>| {
        let count = tensor.shape().num_elements();
        values(from_primitive::<B, 4>(tensor).reshape([count]))
    };
    let (actual, expected) = (of(actual), of(expected));
    let scale = expected
        .iter()
        .fold(1e-3f32, |max, value| max.max(value.abs()));
    for (index, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
        // NaN is not within it.
        let close = (actual - expected).abs() <= TOLERANCE * scale;
        assert!(
            close,
            "{what}: value {index} is {actual}, not {expected} of {scale}"
        );
    }
}

/// Forward pass and gradients, with and without an addend.
pub fn agrees_with_definition<B: Kernels>(device: &B::Device) {
    for seed in 0..24 {
        let (n, h, w, c_in, c_out, geometry) = case(seed);
        let what = format!("{n}x{h}x{w} {c_in}->{c_out} {geometry:?}");
        let y_shape = output_shape(n, h, w, c_out, geometry);
        let make = |shape: [usize; 4], seed| into_primitive(tensor::<B, 4>(shape, seed, device));
        let x = make([n, h, w, c_in], 1);
        let weight = make([3, 3, c_in, c_out], 2);
        let bias = into_primitive(tensor::<B, 1>([c_out], 3, device));
        let grad = make(y_shape, 4);

        for addend in [None, Some(make(y_shape, 5))] {
            let added = addend.is_some();
            assert_close::<B>(
                B::conv2d_forward(
                    x.clone(),
                    weight.clone(),
                    bias.clone(),
                    addend.clone(),
                    geometry,
                    MixedPrecision::No,
                ),
                portable::conv2d::<B>(x.clone(), weight.clone(), bias.clone(), addend, geometry),
                &format!("forward {what}, addend {added}"),
            );
        }

        for addend in [None, Some(make([n, h, w, c_in], 6))] {
            let added = addend.is_some();
            let (grad, weight) = (grad.clone(), weight.clone());
            assert_close::<B>(
                B::conv2d_grad_input(
                    grad.clone(),
                    weight.clone(),
                    addend.clone(),
                    [h, w],
                    geometry,
                    MixedPrecision::No,
                ),
                portable::conv2d_grad_input::<B>(grad, weight, addend, [h, w], geometry),
                &format!("grad input {what}, addend {added}"),
            );
        }

        let (grad_weight, grad_bias) =
            B::conv2d_grad_weight(x.clone(), grad.clone(), geometry, MixedPrecision::No);
        let (weight, bias) = portable::conv2d_grad_weight::<B>(x, grad, geometry);
        assert_close::<B>(grad_weight, weight, &format!("grad weight {what}"));
        let row = |bias| {
            into_primitive(from_primitive::<B, 1>(bias).reshape([1, 1, 1, c_out])) as FloatTensor<B>
        };
        assert_close::<B>(row(grad_bias), row(bias), &format!("grad bias {what}"));
    }
}

/// What an image gives does not depend on the images beside it: shards of a batch add up to it.
pub fn images_are_independent<B: Kernels>(device: &B::Device) {
    let geometry = ConvGeometry {
        kernel: 3,
        stride: 1,
        padding: 1,
        upsample: false,
    };
    let x = tensor::<B, 4>([5, 7, 9, 24], 1, device);
    let forward = |x: Tensor<B, 4>| {
        let y = B::conv2d_forward(
            into_primitive(x),
            into_primitive(tensor::<B, 4>([3, 3, 24, 40], 2, device)),
            into_primitive(tensor::<B, 1>([40], 3, device)),
            None,
            geometry,
            MixedPrecision::No,
        );
        values(from_primitive::<B, 4>(y))
    };
    let mut parts = forward(x.clone().narrow(0, 0, 2));
    parts.extend(forward(x.clone().narrow(0, 2, 3)));
    assert!(forward(x) == parts);
}

//! What each test of an operation checks, for any backend.

use burn::{
    backend::Autodiff,
    tensor::{Tensor, TensorData, backend::Backend},
};
use unnoise::backend::Flex;
use unnoise::ops::{
    self, ConvGeometry, GroupNormOptions, Kernels, MixedPrecision, from_primitive, into_primitive,
    portable,
};

use crate::cases::{CONVOLUTIONS, LARGE_CONVOLUTIONS};

/// Relative to the largest magnitude of the reference: sums of a few thousand f32 products in
/// another order differ by a few 1e-6 of it.
const TOLERANCE: f32 = 2e-5;

/// Numbers in [-1, 1] from a small linear congruential generator; another `seed`, other numbers.
pub fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1u32 << 23) as f32 - 1.0
        })
        .collect()
}

pub fn tensor<B: Backend, const D: usize>(
    shape: [usize; D],
    seed: u32,
    device: &B::Device,
) -> Tensor<B, D> {
    let data = numbers(shape.iter().product(), seed);
    Tensor::from_data(TensorData::new(data, shape), device)
}

pub fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().to_vec().unwrap()
}

/// The numbers of a gradient, which may be partial sums.
pub fn gradient<B: Backend, const D: usize>(grad: Tensor<B, D>) -> Vec<f32> {
    values::<B, D>(from_primitive(ops::sum_parts::<B>(into_primitive(grad), D)))
}

pub fn assert_close(actual: &[f32], expected: &[f32], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}: number of values");
    let scale = expected.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
    let (index, difference) = actual
        .iter()
        .zip(expected)
        .map(|(a, e)| {
            let difference = (a - e).abs();
            if difference.is_nan() {
                f32::INFINITY
            } else {
                difference
            }
        })
        .enumerate()
        .fold(
            (0, 0.0),
            |best, item| if item.1 > best.1 { item } else { best },
        );
    assert!(
        difference <= TOLERANCE * scale,
        "{what}: value {index} is {} but should be {}; scale {scale}",
        actual[index],
        expected[index],
    );
}

/// Its reference, plain loops, agrees with the kernels.
pub fn self_test_passes<B: Kernels>(device: &B::Device) {
    let wrong = pollster::block_on(ops::self_test::run::<B>(device)).unwrap();
    assert!(wrong.is_empty(), "{wrong:?}");
}

pub fn output_shape(n: usize, h: usize, w: usize, c: usize, g: ConvGeometry) -> [usize; 4] {
    [n, g.output_size(h), g.output_size(w), c]
}

pub fn conv2d_agrees<B: Kernels>(device: &B::Device) {
    let reference = Default::default();
    for &(n, h, w, c_in, c_out, geometry) in CONVOLUTIONS.iter().chain(LARGE_CONVOLUTIONS) {
        let what = format!("{n}x{h}x{w} {c_in}->{c_out} {geometry:?}");
        let x_shape = [n, h, w, c_in];
        let weight_shape = [geometry.kernel, geometry.kernel, c_in, c_out];
        let y_shape = output_shape(n, h, w, c_out, geometry);

        let y = from_primitive::<B, 4>(B::conv2d_forward(
            into_primitive(tensor::<B, 4>(x_shape, 1, device)),
            into_primitive(tensor::<B, 4>(weight_shape, 2, device)),
            into_primitive(tensor::<B, 1>([c_out], 3, device)),
            None,
            geometry,
            MixedPrecision::No,
        ));
        assert_eq!(y.dims(), y_shape, "{what}");
        let expected = from_primitive::<Flex, 4>(portable::conv2d::<Flex>(
            into_primitive(tensor::<Flex, 4>(x_shape, 1, &reference)),
            into_primitive(tensor::<Flex, 4>(weight_shape, 2, &reference)),
            into_primitive(tensor::<Flex, 1>([c_out], 3, &reference)),
            None,
            geometry,
        ));
        assert_close(&values(y), &values(expected), &format!("forward {what}"));

        let dx = from_primitive::<B, 4>(B::conv2d_grad_input(
            into_primitive(tensor::<B, 4>(y_shape, 4, device)),
            into_primitive(tensor::<B, 4>(weight_shape, 2, device)),
            None,
            [h, w],
            geometry,
            MixedPrecision::No,
        ));
        assert_eq!(dx.dims(), x_shape, "{what}");
        let expected = from_primitive::<Flex, 4>(portable::conv2d_grad_input::<Flex>(
            into_primitive(tensor::<Flex, 4>(y_shape, 4, &reference)),
            into_primitive(tensor::<Flex, 4>(weight_shape, 2, &reference)),
            None,
            [h, w],
            geometry,
        ));
        assert_close(
            &values(dx),
            &values(expected),
            &format!("grad input {what}"),
        );

        let (dw, db) = B::conv2d_grad_weight(
            into_primitive(tensor::<B, 4>(x_shape, 1, device)),
            into_primitive(tensor::<B, 4>(y_shape, 4, device)),
            geometry,
            MixedPrecision::No,
        );
        let (expected_dw, expected_db) = portable::conv2d_grad_weight::<Flex>(
            into_primitive(tensor::<Flex, 4>(x_shape, 1, &reference)),
            into_primitive(tensor::<Flex, 4>(y_shape, 4, &reference)),
            geometry,
        );
        let dw = from_primitive::<B, 4>(ops::sum_parts::<B>(dw, 4));
        assert_eq!(dw.dims(), weight_shape, "{what}");
        assert_close(
            &values(dw),
            &values(from_primitive::<Flex, 4>(expected_dw)),
            &format!("grad weight {what}"),
        );
        assert_close(
            &gradient(from_primitive::<B, 1>(db)),
            &values(from_primitive::<Flex, 1>(expected_db)),
            &format!("grad bias {what}"),
        );
    }
}

/// Checks `gradient` of `sum(f(input) · probe)` at a few indices by central differences.
///
/// `f` is linear or smooth; the step is large because the arithmetic is f32.
pub fn finite_difference(
    input: &[f32],
    gradient: &[f32],
    step: f32,
    tolerance: f32,
    what: &str,
    f: impl Fn(Vec<f32>) -> f64,
) {
    assert_eq!(input.len(), gradient.len(), "{what}");
    let scale = gradient.iter().fold(1e-2f32, |m, v| m.max(v.abs()));
    let stride = (input.len() / 7).max(1);
    for index in (0..input.len()).step_by(stride) {
        let shifted = |by: f32| {
            let mut values = input.to_vec();
            values[index] += by;
            f(values)
        };
        let slope = ((shifted(step) - shifted(-step)) / (2.0 * step as f64)) as f32;
        assert!(
            (slope - gradient[index]).abs() <= tolerance * scale,
            "{what}[{index}]: finite difference {slope}, gradient {}",
            gradient[index]
        );
    }
}

pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64).sum()
}

pub fn conv2d_finite_differences<B: Kernels>(device: &B::Device) {
    let geometry = |kernel, stride, padding| ConvGeometry {
        kernel,
        stride,
        padding,
        upsample: false,
    };
    for (c_in, c_out, geometry) in [
        (3, 4, geometry(3, 1, 1)),
        (3, 4, geometry(3, 2, 1)),
        (3, 4, geometry(1, 1, 0)),
        // The ends of networks for grey images and for images with alpha.
        (1, 4, geometry(3, 1, 1)),
        (4, 1, geometry(3, 1, 1)),
        (4, 4, geometry(3, 1, 1)),
    ] {
        let (n, h, w) = (2, 6, 5);
        let weight_shape = [geometry.kernel, geometry.kernel, c_in, c_out];
        let y_shape = output_shape(n, h, w, c_out, geometry);
        let probe = numbers(y_shape.iter().product(), 9);
        let x = numbers(n * h * w * c_in, 1);
        let weight = numbers(weight_shape.iter().product(), 2);
        let bias = numbers(c_out, 3);
        let to = |v: &[f32], shape: [usize; 4]| {
            Tensor::<B, 4>::from_data(TensorData::new(v.to_vec(), shape), device)
        };
        let objective = |x: &[f32], weight: &[f32], bias: &[f32]| {
            let y = B::conv2d_forward(
                into_primitive(to(x, [n, h, w, c_in])),
                into_primitive(to(weight, weight_shape)),
                into_primitive(Tensor::<B, 1>::from_data(
                    TensorData::new(bias.to_vec(), [c_out]),
                    device,
                )),
                None,
                geometry,
                MixedPrecision::No,
            );
            dot(&values(from_primitive::<B, 4>(y)), &probe)
        };
        let dx = B::conv2d_grad_input(
            into_primitive(to(&probe, y_shape)),
            into_primitive(to(&weight, weight_shape)),
            None,
            [h, w],
            geometry,
            MixedPrecision::No,
        );
        let (dw, db) = B::conv2d_grad_weight(
            into_primitive(to(&x, [n, h, w, c_in])),
            into_primitive(to(&probe, y_shape)),
            geometry,
            MixedPrecision::No,
        );
        let (dx, dw, db) = (
            values(from_primitive::<B, 4>(dx)),
            gradient(from_primitive::<B, 4>(dw)),
            gradient(from_primitive::<B, 1>(db)),
        );
        finite_difference(&x, &dx, 0.5, 1e-3, "x", |x| objective(&x, &weight, &bias));
        finite_difference(&weight, &dw, 0.5, 1e-3, "weight", |w| {
            objective(&x, &w, &bias)
        });
        finite_difference(&bias, &db, 0.5, 1e-3, "bias", |b| {
            objective(&x, &weight, &b)
        });
    }
}

/// The network's typed operations under `Autodiff` give the kernels' gradients.
pub fn autodiff_agrees<B: Kernels>(device: &B::Device) {
    let geometry = ConvGeometry {
        kernel: 3,
        stride: 2,
        padding: 1,
        upsample: false,
    };
    let options = GroupNormOptions {
        groups: 2,
        epsilon: 1e-5,
        silu: true,
        mixed_precision: MixedPrecision::No,
    };
    fn leaf<B: Kernels, const D: usize>(
        shape: [usize; D],
        seed: u32,
        device: &B::Device,
    ) -> Tensor<Autodiff<B>, D> {
        Tensor::from_inner(tensor::<B, D>(shape, seed, device)).require_grad()
    }
    fn grads<B: Kernels>(
        device: &B::Device,
        geometry: ConvGeometry,
        options: GroupNormOptions,
    ) -> Vec<Vec<f32>> {
        let x = leaf::<B, 4>([2, 6, 6, 4], 1, device);
        let gamma = leaf::<B, 1>([4], 2, device);
        let beta = leaf::<B, 1>([4], 3, device);
        let weight = leaf::<B, 4>([3, 3, 4, 5], 4, device);
        let bias = leaf::<B, 1>([5], 5, device);
        let hidden = ops::group_norm(x.clone(), None, gamma.clone(), beta.clone(), options);
        let y = ops::conv2d(
            hidden,
            weight.clone(),
            bias.clone(),
            geometry,
            MixedPrecision::No,
        );
        let grads = (y.clone() * y).sum().backward();
        vec![
            gradient(x.grad(&grads).unwrap()),
            gradient(gamma.grad(&grads).unwrap()),
            gradient(beta.grad(&grads).unwrap()),
            gradient(weight.grad(&grads).unwrap()),
            gradient(bias.grad(&grads).unwrap()),
        ]
    }
    let actual = grads::<B>(device, geometry, options);
    let expected = grads::<Flex>(&Default::default(), geometry, options);
    for (index, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
        assert_close(actual, expected, &format!("gradient {index}"));
    }
}

pub fn strided_inputs<B: Kernels>(device: &B::Device) {
    let geometry = ConvGeometry {
        kernel: 3,
        stride: 1,
        padding: 1,
        upsample: false,
    };
    let options = GroupNormOptions {
        groups: 2,
        epsilon: 1e-5,
        silu: true,
        mixed_precision: MixedPrecision::No,
    };
    let first = tensor::<B, 4>([2, 4, 5, 6], 1, device).permute([0, 2, 3, 1]);
    let contiguous = Tensor::<B, 4>::from_data(first.clone().into_data(), device);
    let gamma = tensor::<B, 1>([4], 2, device);
    let beta = tensor::<B, 1>([4], 3, device);
    let weight = tensor::<B, 4>([3, 3, 4, 5], 4, device);
    let bias = tensor::<B, 1>([5], 5, device);
    let run = |x: Tensor<B, 4>| {
        let x = ops::group_norm(x, None, gamma.clone(), beta.clone(), options);
        values(from_primitive::<B, 4>(B::conv2d_forward(
            into_primitive(x.swap_dims(1, 2)),
            into_primitive(weight.clone()),
            into_primitive(bias.clone()),
            None,
            geometry,
            MixedPrecision::No,
        )))
    };
    assert_close(&run(first), &run(contiguous), "strided");
}

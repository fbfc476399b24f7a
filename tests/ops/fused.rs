//! What is fused with a convolution or a linear layer: addends, upsampling, projection shortcuts and
//! SiLU, with their gradients.

use burn::{
    backend::Autodiff,
    tensor::{ElementConversion, Tensor, TensorData, activation},
};
use unnoise::backend::Flex;
use unnoise::ops::{self, ConvGeometry, Kernels, MixedPrecision};

use crate::cases::{CONVOLUTIONS, ConvCase, LARGE_CONVOLUTIONS, PROJECTIONS, ProjectionCase};
use crate::check::{
    assert_close, dot, finite_difference, gradient, numbers, output_shape, tensor, values,
};

fn leaf<K: Kernels, const D: usize>(
    shape: [usize; D],
    seed: u32,
    device: &K::Device,
) -> Tensor<Autodiff<K>, D> {
    Tensor::from_inner(tensor::<K, D>(shape, seed, device)).require_grad()
}

/// Convolution plus an addend, with all gradients.
pub fn agree<B: Kernels>(device: &B::Device) {
    fn run<K: Kernels>(
        device: &K::Device,
        &(n, h, w, c_in, c_out, geometry): &ConvCase,
    ) -> Vec<Vec<f32>> {
        let y_shape = output_shape(n, h, w, c_out, geometry);
        let x = leaf::<K, 4>([n, h, w, c_in], 1, device);
        let weight = leaf::<K, 4>([geometry.kernel, geometry.kernel, c_in, c_out], 2, device);
        let bias = leaf::<K, 1>([c_out], 3, device);
        let addend = leaf::<K, 4>(y_shape, 4, device);
        let y = ops::conv2d_add(
            x.clone(),
            weight.clone(),
            bias.clone(),
            addend.clone(),
            geometry,
            MixedPrecision::No,
        );
        let loss_weights = Tensor::from_inner(tensor::<K, 4>(y_shape, 6, device));
        let grads = (y.clone() * y.clone() * loss_weights).sum().backward();
        vec![
            values(y.inner()),
            gradient(x.grad(&grads).unwrap()),
            gradient(weight.grad(&grads).unwrap()),
            gradient(bias.grad(&grads).unwrap()),
            gradient(addend.grad(&grads).unwrap()),
        ]
    }
    for case in CONVOLUTIONS.iter().chain(LARGE_CONVOLUTIONS) {
        let actual = run::<B>(device, case);
        let expected = run::<Flex>(&Default::default(), case);
        let names = ["y", "x", "weight", "bias", "addend"];
        for ((actual, expected), name) in actual.iter().zip(&expected).zip(names) {
            assert_close(actual, expected, &format!("{name} of {case:?}"));
        }
    }
}

/// The convolution of repeated pixels and its gradients against the convolution of pixels that the
/// test repeats.
pub fn upsampling_agrees<B: Kernels>(device: &B::Device) {
    for &(n, h, w, c_in, c_out, geometry) in CONVOLUTIONS.iter().chain(LARGE_CONVOLUTIONS) {
        let what = format!("{n}x{h}x{w} {c_in}->{c_out} {geometry:?}");
        let x = numbers(n * h * w * c_in, 1);
        let repeated: Vec<f32> = (0..4 * x.len())
            .map(|i| {
                let (line, column, channel) = (i / c_in / (2 * w), i / c_in % (2 * w), i % c_in);
                x[(line / 2 * w + column / 2) * c_in + channel]
            })
            .collect();
        let kernel = [geometry.kernel, geometry.kernel, c_in, c_out];
        let upsampling = ConvGeometry {
            upsample: true,
            ..geometry
        };

        fn leaf<K: Kernels>(
            values: Vec<f32>,
            shape: [usize; 4],
            device: &K::Device,
        ) -> Tensor<Autodiff<K>, 4> {
            Tensor::from_data(TensorData::new(values, shape), device).require_grad()
        }
        let x = leaf::<B>(x, [n, h, w, c_in], device);
        let weight = leaf::<B>(numbers(kernel.iter().product(), 2), kernel, device);
        let bias = Tensor::from_inner(tensor::<B, 1>([c_out], 3, device)).require_grad();
        let y = ops::conv2d(
            x.clone(),
            weight.clone(),
            bias.clone(),
            upsampling,
            MixedPrecision::No,
        );
        let grads = (y.clone() * y.clone()).mean().backward();

        let reference = Default::default();
        let large = leaf::<Flex>(repeated, [n, 2 * h, 2 * w, c_in], &reference);
        let large_weight = leaf::<Flex>(numbers(kernel.iter().product(), 2), kernel, &reference);
        let large_bias =
            Tensor::from_inner(tensor::<Flex, 1>([c_out], 3, &reference)).require_grad();
        let large_y = ops::conv2d(
            large.clone(),
            large_weight.clone(),
            large_bias.clone(),
            geometry,
            MixedPrecision::No,
        );
        let large_grads = (large_y.clone() * large_y.clone()).mean().backward();

        let mut summed = vec![0.0; n * h * w * c_in];
        let grad_large = gradient(large.grad(&large_grads).unwrap());
        for (i, slope) in grad_large.iter().enumerate() {
            let (line, column, channel) = (i / c_in / (2 * w), i / c_in % (2 * w), i % c_in);
            summed[(line / 2 * w + column / 2) * c_in + channel] += slope;
        }
        assert_eq!(y.dims(), large_y.dims(), "{what}");
        assert_close(&values(y.inner()), &values(large_y.inner()), &what);
        assert_close(
            &gradient(x.grad(&grads).unwrap()),
            &summed,
            &format!("x {what}"),
        );
        assert_close(
            &gradient(weight.grad(&grads).unwrap()),
            &gradient(large_weight.grad(&large_grads).unwrap()),
            &format!("weight {what}"),
        );
        assert_close(
            &gradient(bias.grad(&grads).unwrap()),
            &gradient(large_bias.grad(&large_grads).unwrap()),
            &format!("bias {what}"),
        );
    }
}

/// A projection shortcut whose input has another use against a convolution of its own, with all
/// gradients.
pub fn projections_agree<B: Kernels>(device: &B::Device) {
    fn run<K: Kernels>(
        device: &K::Device,
        &(n, h, w, [c_in, c_shortcut], c_out, geometry): &ProjectionCase,
        apart: bool,
    ) -> Vec<Vec<f32>> {
        let no = MixedPrecision::No;
        let y_shape @ [_, height, width, _] = output_shape(n, h, w, c_out, geometry);
        let x = leaf::<K, 4>([n, h, w, c_in], 1, device);
        let weight = leaf::<K, 4>([geometry.kernel, geometry.kernel, c_in, c_out], 2, device);
        let bias = leaf::<K, 1>([c_out], 3, device);
        let shortcut = leaf::<K, 4>([n, height, width, c_shortcut], 4, device);
        let projection = leaf::<K, 4>([1, 1, c_shortcut, c_out], 5, device);
        let projection_bias = leaf::<K, 1>([c_out], 6, device);
        let linear = ConvGeometry::LINEAR;
        let operands = [&shortcut, &projection].map(Clone::clone);
        let y = if apart {
            let [shortcut, projection] = operands;
            let addend = ops::conv2d(shortcut, projection, projection_bias.clone(), linear, no);
            ops::conv2d_add(
                x.clone(),
                weight.clone(),
                bias.clone(),
                addend,
                geometry,
                no,
            )
        } else {
            let [shortcut, projection] = operands;
            let shortcut = ops::projection(shortcut, projection, projection_bias.clone());
            ops::conv2d_project(
                x.clone(),
                weight.clone(),
                bias.clone(),
                shortcut,
                geometry,
                no,
            )
        };
        let probe = Tensor::from_inner(tensor::<K, 4>(y_shape, 7, device));
        let mut loss = (y.clone() * probe).sum();
        if c_shortcut.is_multiple_of(8) {
            loss = loss + (shortcut.clone() * shortcut.clone()).sum();
        }
        let grads = loss.backward();
        vec![
            values(y.inner()),
            gradient(x.grad(&grads).unwrap()),
            gradient(weight.grad(&grads).unwrap()),
            gradient(bias.grad(&grads).unwrap()),
            gradient(shortcut.grad(&grads).unwrap()),
            gradient(projection.grad(&grads).unwrap()),
            gradient(projection_bias.grad(&grads).unwrap()),
        ]
    }
    for case in PROJECTIONS {
        let actual = run::<B>(device, case, false);
        let expected = run::<Flex>(&Default::default(), case, true);
        let names = [
            "y",
            "x",
            "weight",
            "bias",
            "shortcut",
            "projection",
            "projection's bias",
        ];
        for ((actual, expected), name) in actual.iter().zip(&expected).zip(names) {
            assert_close(actual, expected, &format!("{name} of {case:?}"));
        }
    }
}

/// The gradients of a projection shortcut against central differences. The function is linear in each of its
/// operands.
pub fn projection_finite_differences<B: Kernels>(device: &B::Device) {
    let geometry = ConvGeometry {
        kernel: 3,
        stride: 1,
        padding: 1,
        upsample: false,
    };
    let shapes = [
        vec![2, 8, 8, 8],
        vec![3, 3, 8, 12],
        vec![12],
        vec![2, 8, 8, 16],
        vec![1, 1, 16, 12],
        vec![12],
    ];
    let operands = shapes
        .each_ref()
        .map(|shape| numbers(shape.iter().product(), 1 + shape[0] as u32));
    let probe = tensor::<B, 4>([2, 8, 8, 12], 9, device);
    let forward = |operands: &[Vec<f32>; 6]| {
        let map = |index: usize| {
            let shape: [usize; 4] = shapes[index].clone().try_into().unwrap();
            let data = TensorData::new(operands[index].clone(), shape);
            Tensor::<Autodiff<B>, 4>::from_data(data, device).require_grad()
        };
        let vector = |index: usize| {
            Tensor::<Autodiff<B>, 1>::from_data(&operands[index][..], device).require_grad()
        };
        let maps = [map(0), map(1), map(3), map(4)];
        let vectors = [vector(2), vector(5)];
        let [x, weight, shortcut, projection] = maps.clone();
        let [bias, projection_bias] = vectors.clone();
        let shortcut = ops::projection(shortcut, projection, projection_bias);
        let y = ops::conv2d_project(x, weight, bias, shortcut, geometry, MixedPrecision::No);
        (y, maps, vectors)
    };
    let (y, maps, vectors) = forward(&operands);
    let grads = (y * Tensor::from_inner(probe.clone())).sum().backward();
    let [x, weight, shortcut, projection] = maps.map(|map| gradient(map.grad(&grads).unwrap()));
    let [bias, projection_bias] = vectors.map(|vector| gradient(vector.grad(&grads).unwrap()));
    let probe = values(probe);
    let slopes = [x, weight, bias, shortcut, projection, projection_bias];
    for (index, slope) in slopes.iter().enumerate() {
        let what = format!("operand {index}");
        finite_difference(&operands[index], slope, 0.5, 1e-3, &what, |moved| {
            let mut operands = operands.clone();
            operands[index] = moved;
            dot(&values(forward(&operands).0.inner()), &probe)
        });
    }
}

/// A linear layer of SiLU against burn's activation and a convolution, with all gradients.
pub fn silu_linear_agrees<B: Kernels>(device: &B::Device) {
    fn run<K: Kernels>(device: &K::Device, sizes: [usize; 3], apart: bool) -> Vec<Vec<f32>> {
        let no = MixedPrecision::No;
        let [n, c_in, c_out] = sizes;
        let x = leaf::<K, 4>([n, 1, 1, c_in], 1, device);
        let weight = leaf::<K, 4>([1, 1, c_in, c_out], 2, device);
        let bias = leaf::<K, 1>([c_out], 3, device);
        let (own_weight, own_bias) = (weight.clone(), bias.clone());
        let y = if apart {
            let activated = activation::silu(x.clone());
            ops::conv2d(activated, own_weight, own_bias, ConvGeometry::LINEAR, no)
        } else {
            ops::silu_linear(x.clone(), own_weight, own_bias, no)
        };
        let probe = Tensor::from_inner(tensor::<K, 4>([n, 1, 1, c_out], 4, device));
        let grads = (y.clone() * probe).sum().backward();
        vec![
            values(y.inner()),
            gradient(x.grad(&grads).unwrap()),
            gradient(weight.grad(&grads).unwrap()),
            gradient(bias.grad(&grads).unwrap()),
        ]
    }
    for sizes in [
        [1, 1, 1],
        [2, 32, 128],
        [17, 128, 600],
        [3, 5, 7],
        [5, 6, 12],
    ] {
        let actual = run::<B>(device, sizes, false);
        let expected = run::<Flex>(&Default::default(), sizes, true);
        for ((actual, expected), name) in actual
            .iter()
            .zip(&expected)
            .zip(["y", "x", "weight", "bias"])
        {
            assert_close(actual, expected, &format!("{name} of {sizes:?}"));
        }
    }
}

/// In f32, central differences of a loss of a few dozen numbers are good to about 1e-2.
pub fn finite_differences<B: Kernels>(device: &B::Device) {
    const GEOMETRY: ConvGeometry = ConvGeometry {
        kernel: 3,
        stride: 1,
        padding: 1,
        upsample: false,
    };
    const SHAPE: [usize; 4] = [2, 3, 5, 5];
    let constant =
        |shape: [usize; 4], seed| Tensor::from_inner(tensor::<B, 4>(shape, seed, device));
    let loss = |addend: Vec<f32>| {
        let addend = Tensor::<Autodiff<B>, 4>::from_data(TensorData::new(addend, SHAPE), device);
        let addend = addend.require_grad();
        let bias = Tensor::from_inner(tensor::<B, 1>([5], 3, device));
        let y = ops::conv2d_add(
            constant([2, 3, 5, 4], 1),
            constant([3, 3, 4, 5], 2),
            bias,
            addend.clone(),
            GEOMETRY,
            MixedPrecision::No,
        );
        ((y.clone() * y * constant(SHAPE, 6)).sum(), addend)
    };
    let addend = numbers(SHAPE.iter().product(), 4);
    let (value, leaf) = loss(addend.clone());
    let grad = gradient(leaf.grad(&value.backward()).unwrap());
    for index in [0, 3, 9] {
        let moved = |by: f32| {
            let mut addend = addend.clone();
            addend[index] += by;
            f64::from(loss(addend).0.into_scalar().elem::<f32>())
        };
        let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        assert!((difference - f64::from(grad[index])).abs() < 1e-2);
    }
}

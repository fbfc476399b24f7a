//! Gradients of tensors that are used more than once, and the mean squared error.

use burn::{
    backend::Autodiff,
    tensor::{Tensor, TensorData},
};
use unnoise::backend::Flex;
use unnoise::ops::{self, Kernels, MixedPrecision, from_primitive, into_primitive, portable};

use crate::cases::{CONVOLUTIONS, ConvCase, GROUP_NORMS, GroupNormCase};
use crate::check::{assert_close, dot, finite_difference, gradient, numbers, tensor, values};

/// A kernel that adds to the gradient which another use has left gives the sum of the two.
pub fn uses_add_up<B: Kernels>(device: &B::Device) {
    for case in CONVOLUTIONS {
        let actual = conv_and_product::<B>(device, case);
        let expected = conv_and_product::<Flex>(&Default::default(), case);
        assert_close(&actual, &expected, &format!("{case:?}"));
    }
    for case in GROUP_NORMS {
        let actual = norm_and_product::<B>(device, case);
        let expected = norm_and_product::<Flex>(&Default::default(), case);
        for (index, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
            assert_close(actual, expected, &format!("gradient {index} of {case:?}"));
        }
    }
}

fn leaf<B: Kernels, const D: usize>(
    shape: [usize; D],
    seed: u32,
    device: &B::Device,
) -> Tensor<Autodiff<B>, D> {
    Tensor::from_inner(tensor::<B, D>(shape, seed, device)).require_grad()
}

/// The same by central differences, which know nothing of how gradients are added up.
pub fn sums_are_slopes<B: Kernels>(device: &B::Device) {
    let constant = |values: Vec<f32>, shape: [usize; 4]| {
        Tensor::from_data(TensorData::new(values, shape), device)
    };
    let total = |values: &[f32]| values.iter().copied().map(f64::from).sum::<f64>();
    for case in CONVOLUTIONS {
        let &(n, h, w, c, ..) = case;
        let gradient = conv_and_product::<B>(device, case);
        let x = numbers(gradient.len(), 1);
        // Of second order in x: central differences are exact.
        finite_difference(&x, &gradient, 0.5, 1e-2, &format!("{case:?}"), |x| {
            let y = values(conv::<B>(device, constant(x.clone(), [n, h, w, c]), case).inner());
            total(&x) * total(&y) / y.len() as f64
        });
    }
    for case in GROUP_NORMS {
        let &(n, h, w, c, options) = case;
        let [gradient, ..] = norm_and_product::<B>(device, case);
        let x = numbers(gradient.len(), 1);
        finite_difference(&x, &gradient, 2e-2, 1e-2, &format!("{case:?}"), |x| {
            let [gamma, beta] = [2, 3].map(|seed| leaf::<B, 1>([c], seed, device));
            let y = ops::group_norm(
                constant(x.clone(), [n, h, w, c]),
                None,
                gamma,
                beta,
                options,
            );
            dot(&x, &values(y.inner()))
        });
    }
}

fn conv<B: Kernels>(
    device: &B::Device,
    x: Tensor<Autodiff<B>, 4>,
    &(.., c_in, c_out, geometry): &ConvCase,
) -> Tensor<Autodiff<B>, 4> {
    let weight = leaf::<B, 4>([geometry.kernel, geometry.kernel, c_in, c_out], 2, device);
    let bias = leaf::<B, 1>([c_out], 3, device);
    ops::conv2d(x, weight, bias, geometry, MixedPrecision::No)
}

/// The gradient of x in the sum of x · mean(conv(x)): the product is undone first, and gives x a
/// gradient before the convolution does.
fn conv_and_product<B: Kernels>(device: &B::Device, case: &ConvCase) -> Vec<f32> {
    let &(n, h, w, c_in, ..) = case;
    let x = leaf::<B, 4>([n, h, w, c_in], 1, device);
    let y = conv::<B>(device, x.clone(), case);
    let mean = y.mean().reshape([1, 1, 1, 1]);
    let grads = (x.clone() * mean).sum().backward();
    gradient(x.grad(&grads).unwrap())
}

/// The gradients of x, gamma and beta in the sum of x · norm(x).
fn norm_and_product<B: Kernels>(
    device: &B::Device,
    &(n, h, w, c, options): &GroupNormCase,
) -> [Vec<f32>; 3] {
    let x = leaf::<B, 4>([n, h, w, c], 1, device);
    let gamma = leaf::<B, 1>([c], 2, device);
    let beta = leaf::<B, 1>([c], 3, device);
    let y = ops::group_norm(x.clone(), None, gamma.clone(), beta.clone(), options);
    let grads = (x.clone() * y).sum().backward();
    [
        gradient(x.grad(&grads).unwrap()),
        gradient(gamma.grad(&grads).unwrap()),
        gradient(beta.grad(&grads).unwrap()),
    ]
}

/// `[n, c, h, w]`, one of them with more numbers than any workgroup has threads.
const IMAGES: &[[usize; 4]] = &[
    [1, 1, 1, 1],
    [2, 3, 5, 7],
    [5, 3, 32, 32],
    [3, 4, 1, 9],
    [1, 3, 600, 600],
];

/// Against the portable definition, whether the prediction lies in memory as it is seen or, as the
/// network's does, channels last.
pub fn squared_error_agrees<B: Kernels>(device: &B::Device) {
    fn run<K: Kernels>(
        device: &K::Device,
        [n, c, h, w]: [usize; 4],
        weighted: bool,
        channels_last: bool,
        portable: bool,
    ) -> [Vec<f32>; 2] {
        let seen = if channels_last {
            tensor::<K, 4>([n, h, w, c], 1, device).permute([0, 3, 1, 2])
        } else {
            tensor::<K, 4>([n, c, h, w], 1, device)
        };
        let prediction = || into_primitive(seen.clone());
        let target = || into_primitive(tensor::<K, 4>([n, c, h, w], 2, device));
        let loss_weights = || weighted.then(|| into_primitive(tensor::<K, 1>([n], 3, device)));
        let grad = into_primitive(tensor::<K, 1>([1], 4, device));
        let (error, slope) = if portable {
            (
                portable::squared_error::<K>(prediction(), target(), loss_weights()),
                portable::squared_error_backward::<K>(grad, prediction(), target(), loss_weights()),
            )
        } else {
            (
                K::squared_error(prediction(), target(), loss_weights()),
                K::squared_error_backward(grad, prediction(), target(), loss_weights()),
            )
        };
        let (error, slope) = (from_primitive::<K, 1>(error), from_primitive::<K, 4>(slope));
        assert_eq!(error.dims(), [1]);
        assert_eq!(slope.dims(), [n, c, h, w]);
        [values(error), values(slope)]
    }
    for shape in IMAGES {
        for (weighted, channels_last) in
            [(false, false), (false, true), (true, false), (true, true)]
        {
            let actual = run::<B>(device, *shape, weighted, channels_last, false);
            let expected = run::<Flex>(&Default::default(), *shape, weighted, channels_last, true);
            for ((actual, expected), name) in actual.iter().zip(&expected).zip(["error", "slope"]) {
                let what = format!("{name} {shape:?} weighted {weighted}, last {channels_last}");
                assert_close(actual, expected, &what);
            }
        }
    }
}

/// A sum of contiguous and strided operands against plain arithmetic, exact but for rounding.
pub fn weighted_sum_agrees<B: Kernels>(device: &B::Device) {
    for [n, c, h, w] in IMAGES {
        let x = tensor::<B, 4>([*n, *c, *h, *w], 1, device);
        let y = tensor::<B, 4>([*n, *h, *w, *c], 2, device).permute([0, 3, 1, 2]);
        let pairs = [(x.clone(), y.clone()), (y.clone(), x.clone()), (y, x)];
        for ((x, y), (x_coef, y_coef)) in
            pairs
                .into_iter()
                .zip([(0.25, -3.0), (1.0, 1.5), (-7.0, 0.0)])
        {
            let expected: Vec<f32> = values(x.clone())
                .into_iter()
                .zip(values(y.clone()))
                .map(|(x, y)| (f64::from(x) * x_coef + f64::from(y) * y_coef) as f32)
                .collect();
            let sum = ops::weighted_sum(x, x_coef, y, y_coef);
            assert_eq!(sum.dims(), [*n, *c, *h, *w]);
            assert_close(&values(sum), &expected, "weighted sum");
        }
    }
}

/// Both sums of contiguous and strided operands against plain arithmetic, the first clipped or not.
pub fn x0_and_eps_agree<B: Kernels>(device: &B::Device) {
    let coefs = [[0.5, -3.0], [0.0, 1.0]];
    for ([n, c, h, w], clip) in IMAGES
        .iter()
        .flat_map(|shape| [(shape, false), (shape, true)])
    {
        let x = tensor::<B, 4>([*n, *c, *h, *w], 1, device);
        let y = tensor::<B, 4>([*n, *h, *w, *c], 2, device).permute([0, 3, 1, 2]);
        let sums = coefs.map(|[x_coef, y_coef]| -> Vec<f32> {
            let pairs = values(x.clone()).into_iter().zip(values(y.clone()));
            let sum = |(x, y)| (f64::from(x) * x_coef + f64::from(y) * y_coef) as f32;
            pairs.map(sum).collect()
        });
        let [mut x_0, eps] = sums;
        if clip {
            x_0.iter_mut()
                .for_each(|value| *value = value.clamp(-1.0, 1.0));
        }
        let actual = ops::x0_and_eps(x, y, coefs, clip);
        for (actual, expected) in actual.into_iter().zip([x_0, eps]) {
            assert_eq!(actual.dims(), [*n, *c, *h, *w]);
            assert_close(&values(actual), &expected, &format!("clip {clip}"));
        }
    }
}

/// The definition and its gradient against plain arithmetic.
pub fn squared_error_is_a_mean<B: Kernels>(device: &B::Device) {
    let shape = [3, 2, 4, 5];
    let (prediction, target, loss_weights) = (numbers(120, 1), numbers(120, 2), [0.5f32, 0.0, 3.0]);
    let difference = |i: usize| f64::from(prediction[i]) - f64::from(target[i]);
    let factor = |i: usize| f64::from(loss_weights[i / 40]) / 120.0;
    let mean: f64 = (0..120).map(|i| factor(i) * difference(i).powi(2)).sum();
    let slopes: Vec<f32> = (0..120)
        .map(|i| (2.0 * factor(i) * difference(i)) as f32)
        .collect();

    let to4 = |values: &[f32]| {
        Tensor::<Autodiff<B>, 4>::from_data(TensorData::new(values.to_vec(), shape), device)
    };
    let leaf = to4(&prediction).require_grad();
    let loss_weights = Tensor::from_data(TensorData::new(loss_weights.to_vec(), [3]), device);
    let error = ops::squared_error(leaf.clone(), to4(&target), Some(loss_weights));
    let grads = error.backward();
    assert_close(&values(error.inner()), &[mean as f32], "mean");
    assert_close(&gradient(leaf.grad(&grads).unwrap()), &slopes, "gradient");
}

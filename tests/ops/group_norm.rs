//! Group normalisation, with and without a shift, and its gradients.

use burn::{
    backend::Autodiff,
    tensor::{Tensor, TensorData},
};
use unnoise::backend::Flex;
use unnoise::ops::{
    self, GroupNormInputs, GroupNormOptions, Kernels, MixedPrecision, OtherUses, Shift,
    from_primitive, into_primitive, portable,
};

use crate::cases::{GROUP_NORMS, GroupNormCase};
use crate::check::{assert_close, dot, finite_difference, gradient, numbers, tensor, values};

/// The first channel of a shift and how many there are beside those of the image: none, places where
/// vec4s begin, places where they do not.
const SHIFTS: [Option<[usize; 2]>; 3] = [None, Some([8, 12]), Some([3, 5])];

/// Output and, under [`Autodiff`], the gradients of x, gamma, beta and the shift in the sum of the
/// squares of y times some numbers. The numbers of the shift have another use before and after.
fn run<B: Kernels>(
    device: &B::Device,
    &(n, h, w, c, options): &GroupNormCase,
    shift: Option<[usize; 2]>,
) -> Vec<Vec<f32>> {
    fn leaf<B: Kernels, const D: usize>(
        shape: [usize; D],
        seed: u32,
        device: &B::Device,
    ) -> Tensor<Autodiff<B>, D> {
        Tensor::from_inner(tensor::<B, D>(shape, seed, device)).require_grad()
    }
    let x = leaf::<B, 4>([n, h, w, c], 1, device);
    let gamma = leaf::<B, 1>([c], 2, device);
    let beta = leaf::<B, 1>([c], 3, device);
    let [start, others] = shift.unwrap_or_default();
    let all = leaf::<B, 4>([n, 1, 1, c + others], 4, device);
    let shift_of = |start| {
        shift.map(|_| Shift {
            all: all.clone(),
            start,
        })
    };
    let norm = |x, start| ops::group_norm(x, shift_of(start), gamma.clone(), beta.clone(), options);
    let y = norm(x.clone(), start);
    let probe = Tensor::from_inner(tensor::<B, 4>([n, h, w, c], 5, device));
    // Gamma and beta are used once; the second norm has its own.
    let again = ops::group_norm(
        x.clone(),
        shift_of(0),
        leaf::<B, 1>([c], 6, device),
        leaf::<B, 1>([c], 7, device),
        options,
    );
    let loss =
        (y.clone() * y.clone() * probe.clone()).sum() + (again * probe).sum() + all.clone().sum();
    let grads = loss.backward();
    let mut results = vec![
        values(y.inner()),
        gradient(x.grad(&grads).unwrap()),
        gradient(gamma.grad(&grads).unwrap()),
        gradient(beta.grad(&grads).unwrap()),
    ];
    results.extend(all.grad(&grads).map(gradient));
    results
}

/// Output and gradients against those of flex, and flex's against the portable definition.
pub fn agrees<B: Kernels>(device: &B::Device) {
    for case in GROUP_NORMS {
        for shift in SHIFTS {
            let actual = run::<B>(device, case, shift);
            let expected = run::<Flex>(&Default::default(), case, shift);
            assert_eq!(actual.len(), 5);
            let names = ["y", "x", "gamma", "beta", "shift"];
            for ((actual, expected), name) in actual.iter().zip(&expected).zip(names) {
                let what = format!("{name} of {case:?}, shift {shift:?}");
                assert_close(actual, expected, &what);
            }
        }
    }
}

fn inputs<B: Kernels>(
    device: &B::Device,
    &(n, h, w, c, _): &GroupNormCase,
    shift: Option<[usize; 2]>,
) -> GroupNormInputs<burn::tensor::ops::FloatTensor<B>> {
    GroupNormInputs {
        x: into_primitive(tensor::<B, 4>([n, h, w, c], 1, device)),
        shift: shift.map(|[start, others]| Shift {
            all: into_primitive(tensor::<B, 4>([n, 1, 1, c + others], 4, device)),
            start,
        }),
        gamma: into_primitive(tensor::<B, 1>([c], 2, device)),
        beta: into_primitive(tensor::<B, 1>([c], 3, device)),
    }
}

/// The operations themselves against the portable definition.
pub fn agrees_with_definition<B: Kernels>(device: &B::Device) {
    let reference = Default::default();
    for case in GROUP_NORMS {
        let &(n, h, w, c, options) = case;
        for shift in SHIFTS {
            let what = format!("{case:?}, shift {shift:?}");
            let own = || inputs::<B>(device, case, shift);
            let theirs = || inputs::<Flex>(&reference, case, shift);
            let (y, statistics) = B::group_norm_forward(own(), options);
            let (expected, expected_statistics) = portable::group_norm::<Flex>(theirs(), options);
            let y = from_primitive::<B, 4>(y);
            assert_eq!(y.dims(), [n, h, w, c], "{what}");
            let expected = from_primitive::<Flex, 4>(expected);
            assert_close(&values(y), &values(expected), &format!("y {what}"));

            let nothing = OtherUses {
                x: None,
                shift: None,
            };
            let grad = into_primitive(tensor::<B, 4>([n, h, w, c], 9, device));
            let actual = B::group_norm_backward(grad, own(), statistics, nothing, options);
            let nothing = OtherUses {
                x: None,
                shift: None,
            };
            let grad = into_primitive(tensor::<Flex, 4>([n, h, w, c], 9, &reference));
            let expected = portable::group_norm_backward::<Flex>(
                grad,
                theirs(),
                expected_statistics,
                nothing,
                options,
            );
            let vector = |grad| gradient(from_primitive::<B, 1>(grad));
            let expected_vector = |grad| values(from_primitive::<Flex, 1>(grad));
            let images = |grad| values(from_primitive::<B, 4>(grad));
            let expected_images = |grad| values(from_primitive::<Flex, 4>(grad));
            assert_close(
                &images(actual.x),
                &expected_images(expected.x),
                &format!("dx {what}"),
            );
            assert_close(
                &vector(actual.gamma),
                &expected_vector(expected.gamma),
                &format!("dgamma {what}"),
            );
            assert_close(
                &vector(actual.beta),
                &expected_vector(expected.beta),
                &format!("dbeta {what}"),
            );
            assert_eq!(actual.shift.is_some(), shift.is_some(), "{what}");
            if let (Some(actual), Some(expected)) = (actual.shift, expected.shift) {
                let (actual, expected) = (images(actual), expected_images(expected));
                // Where a group is one channel they cancel to nothing, so they are measured by what is
                // summed: as many numbers as there are pixels.
                let scale = (h * w) as f32 * 2e-6;
                for (actual, expected) in actual.iter().zip(&expected) {
                    assert!((actual - expected).abs() < scale.max(1e-5), "dshift {what}");
                }
            }
        }
    }
}

pub fn finite_differences<B: Kernels>(device: &B::Device) {
    for (silu, shift) in [(false, false), (true, false), (true, true)] {
        let (n, h, w, c) = (2, 3, 4, 6);
        let options = GroupNormOptions {
            groups: 3,
            epsilon: 1e-5,
            silu,
            mixed_precision: MixedPrecision::No,
        };
        let probe = numbers(n * h * w * c, 9);
        let (x, gamma, beta) = (numbers(n * h * w * c, 1), numbers(c, 2), numbers(c, 3));
        let all = numbers(n * (c + 3), 4);
        let to4 = |v: &[f32], shape: [usize; 4]| {
            into_primitive(Tensor::<B, 4>::from_data(
                TensorData::new(v.to_vec(), shape),
                device,
            ))
        };
        let to1 = |v: &[f32]| {
            into_primitive(Tensor::<B, 1>::from_data(
                TensorData::new(v.to_vec(), [c]),
                device,
            ))
        };
        let inputs = |x: &[f32], gamma: &[f32], beta: &[f32], all: &[f32]| GroupNormInputs {
            x: to4(x, [n, h, w, c]),
            shift: shift.then(|| Shift {
                all: to4(all, [n, 1, 1, c + 3]),
                start: 2,
            }),
            gamma: to1(gamma),
            beta: to1(beta),
        };
        let objective = |x: &[f32], gamma: &[f32], beta: &[f32], all: &[f32]| {
            let (y, _) = B::group_norm_forward(inputs(x, gamma, beta, all), options);
            dot(&values(from_primitive::<B, 4>(y)), &probe)
        };
        let (_, statistics) = B::group_norm_forward(inputs(&x, &gamma, &beta, &all), options);
        let nothing = OtherUses {
            x: None,
            shift: None,
        };
        let grads = B::group_norm_backward(
            to4(&probe, [n, h, w, c]),
            inputs(&x, &gamma, &beta, &all),
            statistics,
            nothing,
            options,
        );
        let dx = values(from_primitive::<B, 4>(grads.x));
        let dgamma = gradient(from_primitive::<B, 1>(grads.gamma));
        let dbeta = gradient(from_primitive::<B, 1>(grads.beta));
        finite_difference(&x, &dx, 2e-2, 5e-3, "x", |x| {
            objective(&x, &gamma, &beta, &all)
        });
        finite_difference(&gamma, &dgamma, 2e-2, 5e-3, "gamma", |g| {
            objective(&x, &g, &beta, &all)
        });
        finite_difference(&beta, &dbeta, 2e-2, 5e-3, "beta", |b| {
            objective(&x, &gamma, &b, &all)
        });
        if let Some(dall) = grads.shift {
            let dall = values(from_primitive::<B, 4>(dall));
            finite_difference(&all, &dall, 2e-2, 5e-3, "shift", |all| {
                objective(&x, &gamma, &beta, &all)
            });
        }
    }
}

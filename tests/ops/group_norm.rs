//! Group normalisation, of one tensor or two, with and without a shift, and its gradients.

use burn::{
    backend::Autodiff,
    tensor::{Tensor, TensorData, ops::FloatTensor},
};
use unnoise::backend::Flex;
use unnoise::ops::{
    self, GroupNormInputs, GroupNormOptions, GroupNormOutput, GroupNormState, Kernels,
    MixedPrecision, OtherUses, Shift, from_primitive, into_primitive, portable,
};

use crate::cases::{GROUP_NORMS, GroupNormCase};
use crate::check::{assert_close, dot, finite_difference, gradient, numbers, tensor, values};

/// The first channel of a shift and how many there are beside those of the image: none, places
/// where vec4s begin, places where they do not.
const SHIFTS: [Option<[usize; 2]>; 3] = [None, Some([8, 12]), Some([3, 5])];

/// Channels of the first of two tensors: half, one, or all without a second.
fn splits(channels: usize) -> Vec<Option<usize>> {
    let halves = [channels / 2, 1]
        .into_iter()
        .filter(|split| *split < channels && *split > 0);
    halves.map(Some).chain([None]).collect()
}

/// The operands of a case, in which `all` has the numbers of the shift and `x` those of both
/// tensors.
fn inputs<B: Kernels>(
    device: &B::Device,
    &(n, h, w, c, _): &GroupNormCase,
    shift: Option<[usize; 2]>,
    split: Option<usize>,
) -> GroupNormInputs<FloatTensor<B>> {
    let x = tensor::<B, 4>([n, h, w, c], 1, device);
    let first = split.unwrap_or(c);
    GroupNormInputs {
        x: into_primitive(x.clone().narrow(3, 0, first)),
        skip: split.map(|first| into_primitive(x.narrow(3, first, c - first))),
        shift: shift.map(|[start, others]| Shift {
            all: into_primitive(tensor::<B, 4>([n, 1, 1, c + others], 4, device)),
            start,
        }),
        gamma: into_primitive(tensor::<B, 1>([c], 2, device)),
        beta: into_primitive(tensor::<B, 1>([c], 3, device)),
    }
}

/// What the backward pass takes after `output` of `inputs`.
fn state<T>(
    inputs: GroupNormInputs<T>,
    output: GroupNormOutput<T>,
    split: Option<usize>,
) -> GroupNormState<T> {
    GroupNormState {
        x: output.concatenated.unwrap_or(inputs.x),
        split,
        shift: inputs.shift,
        gamma: inputs.gamma,
        beta: inputs.beta,
        statistics: output.statistics,
    }
}

/// Forward and backward against the portable definition.
pub fn agrees_with_definition<B: Kernels>(device: &B::Device) {
    let reference = Default::default();
    for case in GROUP_NORMS {
        let &(n, h, w, c, options) = case;
        for (shift, split) in SHIFTS
            .iter()
            .flat_map(|shift| splits(c).into_iter().map(move |split| (*shift, split)))
        {
            let what = format!("{case:?}, shift {shift:?}, split {split:?}");
            let own = inputs::<B>(device, case, shift, split);
            let theirs = inputs::<Flex>(&reference, case, shift, split);
            let actual = B::group_norm_forward(own.clone(), options);
            let expected = portable::group_norm::<Flex>(theirs.clone(), options);
            let images = |tensor| values(from_primitive::<B, 4>(tensor));
            let expected_images = |tensor| values(from_primitive::<Flex, 4>(tensor));
            let close = |actual, expected, name: &str| {
                assert_close(
                    &images(actual),
                    &expected_images(expected),
                    &format!("{name} of {what}"),
                );
            };
            close(actual.y.clone(), expected.y.clone(), "y");
            assert_eq!(actual.concatenated.is_some(), split.is_some(), "{what}");
            if let (Some(actual), Some(expected)) =
                (actual.concatenated.clone(), expected.concatenated.clone())
            {
                close(actual, expected, "concatenation");
            }

            let actual = B::group_norm_backward(
                into_primitive(tensor::<B, 4>([n, h, w, c], 9, device)),
                state(own, actual, split),
                OtherUses::NONE,
                options,
            );
            let expected = portable::group_norm_backward::<Flex>(
                into_primitive(tensor::<Flex, 4>([n, h, w, c], 9, &reference)),
                state(theirs, expected, split),
                OtherUses::NONE,
                options,
            );
            let vectors = [
                (actual.gamma, expected.gamma, "dgamma"),
                (actual.beta, expected.beta, "dbeta"),
            ];
            for (actual, expected, name) in vectors {
                assert_close(
                    &gradient(from_primitive::<B, 1>(actual)),
                    &values(from_primitive::<Flex, 1>(expected)),
                    &format!("{name} of {what}"),
                );
            }
            close(actual.x, expected.x, "dx");
            assert_eq!(actual.skip.is_some(), split.is_some(), "{what}");
            if let (Some(actual), Some(expected)) = (actual.skip, expected.skip) {
                close(actual, expected, "dskip");
            }
            assert_eq!(actual.shift.is_some(), shift.is_some(), "{what}");
            if let (Some(actual), Some(expected)) = (actual.shift, expected.shift) {
                // Where a group is one channel they cancel to nothing, so they are measured by what
                // is summed: as many numbers as there are pixels.
                let tolerance = ((h * w) as f32 * 2e-6).max(1e-5);
                for (actual, expected) in images(actual).iter().zip(expected_images(expected)) {
                    assert!((actual - expected).abs() < tolerance, "dshift of {what}");
                }
            }
        }
    }
}

/// Output and, under [`Autodiff`], all gradients, where everything but gamma and beta, which are
/// used once in a network, has other uses.
fn with_other_uses<B: Kernels>(
    device: &B::Device,
    &(n, h, w, c, options): &GroupNormCase,
    split: Option<usize>,
) -> Vec<Vec<f32>> {
    fn leaf<B: Kernels, const D: usize>(
        shape: [usize; D],
        seed: u32,
        device: &B::Device,
    ) -> Tensor<Autodiff<B>, D> {
        Tensor::from_inner(tensor::<B, D>(shape, seed, device)).require_grad()
    }
    let first = split.unwrap_or(c);
    let x = leaf::<B, 4>([n, h, w, first], 1, device);
    let vectors: Vec<_> = (2..6).map(|seed| leaf::<B, 1>([c], seed, device)).collect();
    let [gamma, beta, gamma_2, beta_2] = [0, 1, 2, 3].map(|index| vectors[index].clone());
    let all = leaf::<B, 4>([n, 1, 1, c + 5], 6, device);
    let shift = |start| Shift {
        all: all.clone(),
        start,
    };
    let skip = split.map(|first| leaf::<B, 4>([n, h, w, c - first], 7, device));
    let [hidden, both] = match &skip {
        Some(skip) => ops::group_norm_concat(x.clone(), skip.clone(), gamma, beta, options),
        None => {
            let y = ops::group_norm(x.clone(), Some(shift(3)), gamma, beta, options);
            [y, x.clone()]
        }
    };
    let again = ops::group_norm(both.clone(), Some(shift(0)), gamma_2, beta_2, options);
    let probe = Tensor::from_inner(tensor::<B, 4>([n, h, w, c], 8, device));
    let loss = (hidden.clone() * hidden.clone() * probe.clone()).sum()
        + (again * both * probe).sum()
        + x.clone().powi_scalar(2).sum()
        + all.clone().sum();
    let grads = loss.backward();
    let mut results = vec![
        values(hidden.inner()),
        gradient(x.grad(&grads).unwrap()),
        gradient(all.grad(&grads).unwrap()),
    ];
    results.extend(
        vectors
            .iter()
            .map(|vector| gradient(vector.grad(&grads).unwrap())),
    );
    results.extend(skip.map(|skip| gradient(skip.grad(&grads).unwrap())));
    results
}

/// Gradients that other uses have left are added up as flex does.
pub fn uses_add_up<B: Kernels>(device: &B::Device) {
    for case in GROUP_NORMS {
        for split in splits(case.3) {
            let actual = with_other_uses::<B>(device, case, split);
            let expected = with_other_uses::<Flex>(&Default::default(), case, split);
            let names = [
                "y", "x", "shift", "gamma", "beta", "gamma 2", "beta 2", "skip",
            ];
            assert_eq!(actual.len(), if split.is_some() { 8 } else { 7 });
            for ((actual, expected), name) in actual.iter().zip(&expected).zip(names) {
                assert_close(
                    actual,
                    expected,
                    &format!("{name} of {case:?}, split {split:?}"),
                );
            }
        }
    }
}

/// All gradients against central differences, which know nothing of how they come about.
pub fn finite_differences<B: Kernels>(device: &B::Device) {
    let (n, h, w, c) = (2, 3, 4, 6);
    for (silu, split) in [(false, None), (true, None), (true, Some(2))] {
        let options = GroupNormOptions {
            groups: 3,
            epsilon: 1e-5,
            silu,
            mixed_precision: MixedPrecision::No,
        };
        let case = (n, h, w, c, options);
        let shift = silu.then_some([2, 3]);
        let base = inputs::<B>(device, &case, shift, split);
        let probe = numbers(n * h * w * c, 9);
        let output = B::group_norm_forward(base.clone(), options);
        let grad = Tensor::<B, 4>::from_data(TensorData::new(probe.clone(), [n, h, w, c]), device);
        let grads = B::group_norm_backward(
            into_primitive(grad),
            state(base.clone(), output, split),
            OtherUses::NONE,
            options,
        );
        let slope =
            |what: &str,
             own: &FloatTensor<B>,
             grad: Vec<f32>,
             set: &dyn Fn(FloatTensor<B>) -> GroupNormInputs<FloatTensor<B>>| {
                let shape = burn::tensor::TensorMetadata::shape(own);
                let own = values(from_primitive::<B, 1>(B::float_reshape(
                    own.clone(),
                    [shape.num_elements()].into(),
                )));
                finite_difference(&own, &grad, 2e-2, 5e-3, what, |moved| {
                    let moved = Tensor::<B, 1>::from_data(TensorData::from(&moved[..]), device);
                    let moved = B::float_reshape(into_primitive(moved), shape.clone());
                    let output = B::group_norm_forward(set(moved), options);
                    dot(&values(from_primitive::<B, 4>(output.y)), &probe)
                });
            };
        let images = |grad| values(from_primitive::<B, 4>(grad));
        let vector = |grad| gradient(from_primitive::<B, 1>(grad));
        slope("x", &base.x, images(grads.x), &|x| GroupNormInputs {
            x,
            ..base.clone()
        });
        slope("gamma", &base.gamma, vector(grads.gamma), &|gamma| {
            GroupNormInputs {
                gamma,
                ..base.clone()
            }
        });
        slope("beta", &base.beta, vector(grads.beta), &|beta| {
            GroupNormInputs {
                beta,
                ..base.clone()
            }
        });
        if let (Some(skip), Some(grad)) = (&base.skip, grads.skip) {
            slope("skip", skip, images(grad), &|skip| GroupNormInputs {
                skip: Some(skip),
                ..base.clone()
            });
        }
        if let (Some(shift), Some(grad)) = (&base.shift, grads.shift) {
            slope("shift", &shift.all, images(grad), &|all| GroupNormInputs {
                shift: Some(Shift {
                    all,
                    start: shift.start,
                }),
                ..base.clone()
            });
        }
    }
}

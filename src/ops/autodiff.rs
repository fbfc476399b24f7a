//! Gradients of the fused operations, registered with burn's autodiff.

mod convolution;

use std::sync::{Arc, OnceLock};

use burn::{
    backend::{
        Autodiff,
        autodiff::{
            NodeId,
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops as Node, OpsKind, OpsPrep},
        },
    },
    tensor::{
        TensorMetadata,
        backend::{AutodiffBackend, Backend},
        ops::FloatTensor,
    },
};

use self::convolution::{Conv2dBackward, Conv2dProjectBackward, Conv2dProjectState, Conv2dState};
use super::{
    arguments::{
        ConvGeometry, GroupNormInputs, GroupNormOptions, GroupNormOutput, GroupNormState,
        MixedPrecision, OtherUses, Projection, Shift, SiluLinearGrads,
    },
    kernels::Kernels,
};
use crate::error::Result;

/// `x` for the state of a step. In the backward pass `grads.remove` takes the gradient that other
/// uses of `x` have given it so far, so that a kernel can add to it in passing: burn would add in a
/// launch, and a pass over memory, of its own.
///
/// It does not count as a use of `x` itself, which would keep the graph before it alive.
fn remembered<B: Backend>(x: &FloatTensor<Autodiff<B>>) -> FloatTensor<Autodiff<B>> {
    let mut copy = Autodiff::<B>::from_inner(x.primitive.clone());
    copy.node = x.node.clone();
    copy
}

/// `output` of an operation, with the step that undoes it and what that needs if any operand has a
/// gradient.
fn finish<S, B, C, const N: usize>(
    step: OpsPrep<S, B, S::State, C, N>,
    state: S::State,
    output: FloatTensor<B>,
) -> FloatTensor<Autodiff<B, C>>
where
    S: Backward<B, N>,
    B: Backend,
    C: CheckpointStrategy,
{
    match step.compute_bound().stateful() {
        OpsKind::Tracked(tracked) => tracked.finish(state, output),
        OpsKind::UnTracked(untracked) => untracked.finish(output),
    }
}

/// Registers each of `input_grads` with the operand it belongs to, where that has a gradient.
fn register_all<B: Backend, const N: usize>(
    parents: [Option<NodeId>; N],
    input_grads: [FloatTensor<B>; N],
    grads: &mut Gradients,
) {
    for (parent, grad) in parents.into_iter().zip(input_grads) {
        if let Some(id) = parent {
            grads.register::<B>(id, grad);
        }
    }
}

#[derive(Debug)]
struct GroupNormBackward;

/// The concatenation that a group norm made.
#[derive(Debug, Clone)]
struct Concatenated<B: Backend> {
    /// The tensor, once it has a node.
    tensor: Arc<OnceLock<FloatTensor<Autodiff<B>>>>,
    /// Channels of its first part.
    split: usize,
}

#[derive(Debug, Clone)]
struct TrackedGroupNorm<B: Backend> {
    x: FloatTensor<Autodiff<B>>,
    concatenated: Option<Concatenated<B>>,
    shift: Option<Shift<FloatTensor<Autodiff<B>>>>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    statistics: FloatTensor<B>,
    options: GroupNormOptions,
}

/// The operands are input, gamma, beta, the numbers of the shift, and the skip connection; the last
/// two have no gradient where there are none.
impl<B: Kernels> Backward<B, 5> for GroupNormBackward {
    type State = TrackedGroupNorm<B>;

    fn backward(self, node: Node<Self::State, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&node.node);
        let TrackedGroupNorm {
            x,
            concatenated,
            shift,
            gamma,
            beta,
            statistics,
            options,
        } = node.state;
        let (tensor, split) = match concatenated {
            Some(Concatenated { tensor, split }) => (tensor.get().cloned(), Some(split)),
            None => (None, None),
        };
        let x = tensor.unwrap_or(x);
        let other_uses = OtherUses {
            x: grads.remove(&x),
            shift: (shift.as_ref()).and_then(|shift| grads.remove(&shift.all)),
        };
        let state = GroupNormState {
            x: x.primitive,
            split,
            shift: shift.map(|shift| shift.map(|all| all.primitive)),
            gamma,
            beta,
            statistics,
        };
        let input_grads = B::group_norm_backward(grad, state, other_uses, options);
        let input_grads = [
            Some(input_grads.x),
            Some(input_grads.gamma),
            Some(input_grads.beta),
            input_grads.shift,
            input_grads.skip,
        ];
        for (parent, grad) in node.parents.into_iter().zip(input_grads) {
            if let (Some(parent), Some(grad)) = (parent, grad) {
                grads.register::<B>(parent.id, grad);
            }
        }
    }
}

/// A concatenation, whose gradient is left for the group norm that made it to take up: burn's
/// operations have one output, so this one hangs on the other.
#[derive(Debug)]
struct ConcatenatedBackward;

impl<B: Kernels> Backward<B, 1> for ConcatenatedBackward {
    type State = ();

    fn backward(self, _: Node<Self::State, 1>, _: &mut Gradients, _: &mut Checkpointer) {}
}

#[derive(Debug)]
struct SiluLinearBackward;

#[derive(Debug, Clone)]
struct SiluLinearState<B: Backend> {
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    mixed_precision: MixedPrecision,
}

/// The operands are input, weight and bias.
impl<B: Kernels> Backward<B, 3> for SiluLinearBackward {
    type State = SiluLinearState<B>;

    fn backward(self, node: Node<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&node.node);
        let SiluLinearState {
            x,
            weight,
            mixed_precision,
        } = node.state;
        let SiluLinearGrads { x, weight, bias } =
            B::silu_linear_backward(grad, x, weight, mixed_precision);
        let parents = node.parents.map(|parent| parent.map(|node| node.id));
        register_all::<B, 3>(parents, [x, weight, bias], grads);
    }
}

#[derive(Debug)]
struct SquaredErrorBackward;

#[derive(Debug, Clone)]
struct SquaredErrorState<B: Backend> {
    prediction: FloatTensor<B>,
    target: FloatTensor<B>,
    loss_weights: Option<FloatTensor<B>>,
}

impl<B: Kernels> Backward<B, 1> for SquaredErrorBackward {
    type State = SquaredErrorState<B>;

    fn backward(self, node: Node<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&node.node);
        if let [Some(parent)] = node.parents {
            let SquaredErrorState {
                prediction,
                target,
                loss_weights,
            } = node.state;
            let grad = B::squared_error_backward(grad, prediction, target, loss_weights);
            grads.register::<B>(parent.id, grad);
        }
    }
}

/// The operations of the network record their gradients. The others are defined in terms of burn's,
/// which know their own.
impl<B: Kernels, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn conv2d_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        addend: Option<FloatTensor<Self>>,
        geometry: ConvGeometry,
        mixed_precision: MixedPrecision,
    ) -> FloatTensor<Self> {
        let input = remembered(&x);
        let (addend, addend_node) = match addend {
            Some(addend) => (Some(addend.primitive), Some(addend.node)),
            None => (None, None),
        };
        let output = B::conv2d_forward(
            x.primitive,
            weight.primitive.clone(),
            bias.primitive,
            addend,
            geometry,
            mixed_precision,
        );
        let state = Conv2dState::<B> {
            x: input,
            weight: weight.primitive,
            geometry,
            mixed_precision,
        };
        let operands = [x.node, weight.node, bias.node];
        match addend_node {
            None => finish(Conv2dBackward.prepare::<C>(operands), state, output),
            Some(addend) => {
                let [x, weight, bias] = operands;
                let step = Conv2dBackward.prepare::<C>([x, weight, bias, addend]);
                finish(step, state, output)
            }
        }
    }

    fn conv2d_project_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shortcut: Projection<FloatTensor<Self>>,
        geometry: ConvGeometry,
        mixed_precision: MixedPrecision,
    ) -> FloatTensor<Self> {
        let state = Conv2dProjectState::<B> {
            inputs: [remembered(&x), remembered(&shortcut.x)],
            weights: [weight.primitive.clone(), shortcut.weight.primitive.clone()],
            geometry,
            mixed_precision,
        };
        let output = B::conv2d_project_forward(
            x.primitive,
            weight.primitive,
            bias.primitive,
            Projection {
                x: shortcut.x.primitive,
                weight: shortcut.weight.primitive,
                bias: shortcut.bias.primitive,
            },
            geometry,
            mixed_precision,
        );
        let operands = [
            x.node,
            weight.node,
            bias.node,
            shortcut.x.node,
            shortcut.weight.node,
            shortcut.bias.node,
        ];
        finish(Conv2dProjectBackward.prepare::<C>(operands), state, output)
    }

    fn group_norm_forward(
        inputs: GroupNormInputs<FloatTensor<Self>>,
        options: GroupNormOptions,
    ) -> GroupNormOutput<FloatTensor<Self>> {
        let GroupNormInputs {
            x,
            skip,
            shift,
            gamma,
            beta,
        } = inputs;
        let GroupNormOutput {
            y,
            concatenated,
            statistics,
        } = B::group_norm_forward(
            GroupNormInputs {
                x: x.primitive.clone(),
                skip: skip.as_ref().map(|skip| skip.primitive.clone()),
                shift: shift.clone().map(|shift| shift.map(|all| all.primitive)),
                gamma: gamma.primitive.clone(),
                beta: beta.primitive.clone(),
            },
            options,
        );
        let place = Arc::new(OnceLock::new());
        let state = TrackedGroupNorm {
            x: remembered(&x),
            concatenated: (skip.as_ref()).map(|_| Concatenated {
                tensor: place.clone(),
                split: x.primitive.shape()[3],
            }),
            shift: (shift.as_ref()).map(|shift| Shift {
                all: remembered(&shift.all),
                start: shift.start,
            }),
            gamma: gamma.primitive,
            beta: beta.primitive,
            statistics: statistics.clone(),
            options,
        };
        let none = || Self::from_inner(statistics.clone()).node;
        let operands = [
            x.node,
            gamma.node,
            beta.node,
            shift.map_or_else(none, |shift| shift.all.node),
            skip.map_or_else(none, |skip| skip.node),
        ];
        let y = finish(GroupNormBackward.prepare::<C>(operands), state, y);
        let concatenated = concatenated.map(|concatenated| {
            let step = ConcatenatedBackward.prepare::<C>([y.node.clone()]);
            let concatenated = finish(step, (), concatenated);
            // It is new, so this is the first value that the place gets.
            let _ = place.set(remembered(&concatenated));
            concatenated
        });
        GroupNormOutput {
            y,
            concatenated,
            statistics: Self::from_inner(statistics),
        }
    }

    fn silu_linear_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mixed_precision: MixedPrecision,
    ) -> FloatTensor<Self> {
        let state = SiluLinearState::<B> {
            x: x.primitive,
            weight: weight.primitive,
            mixed_precision,
        };
        let output = B::silu_linear_forward(
            state.x.clone(),
            state.weight.clone(),
            bias.primitive,
            mixed_precision,
        );
        let operands = [x.node, weight.node, bias.node];
        finish(SiluLinearBackward.prepare::<C>(operands), state, output)
    }

    fn squared_error(
        prediction: FloatTensor<Self>,
        target: FloatTensor<Self>,
        loss_weights: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        let state = SquaredErrorState::<B> {
            prediction: prediction.primitive,
            target: target.primitive,
            loss_weights: loss_weights.map(|weights| weights.primitive),
        };
        let error = B::squared_error(
            state.prediction.clone(),
            state.target.clone(),
            state.loss_weights.clone(),
        );
        let step = SquaredErrorBackward.prepare::<C>([prediction.node]);
        finish(step, state, error)
    }

    fn supports_fp16(device: &Self::Device) -> bool {
        B::supports_fp16(device)
    }

    fn check_device() -> Result<()> {
        B::check_device()
    }
}

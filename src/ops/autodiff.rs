//! Gradients of the seam's operations, registered with burn's autodiff.

use burn::{
    backend::{
        Autodiff,
        autodiff::{
            NodeId,
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops as Node, OpsKind},
        },
    },
    tensor::{
        TensorMetadata,
        backend::{AutodiffBackend, Backend},
        ops::FloatTensor,
    },
};

use super::{ConvGeometry, GroupNormOptions, Kernels, Ops};

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
    prepared: OpsKind<S, B, S::State, C, N>,
    state: S::State,
    output: FloatTensor<B>,
) -> FloatTensor<Autodiff<B, C>>
where
    S: Backward<B, N>,
    B: Backend,
    C: CheckpointStrategy,
{
    match prepared {
        OpsKind::Tracked(tracked) => tracked.finish(state, output),
        OpsKind::UnTracked(untracked) => untracked.finish(output),
    }
}

#[derive(Debug)]
struct Conv2dBackward;

#[derive(Debug, Clone)]
struct Conv2dState<B: Backend> {
    x: FloatTensor<Autodiff<B>>,
    weight: FloatTensor<B>,
    geometry: ConvGeometry,
}

impl<B: Kernels> Conv2dState<B> {
    /// Registers the gradients of `parents`: input, weight and bias.
    fn register(
        self,
        grad: FloatTensor<B>,
        [x_id, weight_id, bias_id]: [Option<NodeId>; 3],
        grads: &mut Gradients,
    ) {
        let Self {
            x,
            weight,
            geometry,
        } = self;
        if let Some(id) = x_id {
            let grad_x = match grads.remove(&x) {
                Some(addend) => B::conv2d_grad_input_add(grad.clone(), weight, addend, geometry),
                None => {
                    let shape = x.shape();
                    let input_size = [shape[1], shape[2]];
                    B::conv2d_grad_input(grad.clone(), weight, input_size, geometry)
                }
            };
            grads.register::<B>(id, grad_x);
        }
        register_weight::<B>([weight_id, bias_id], grads, || {
            B::conv2d_grad_weight(x.primitive, grad, geometry)
        });
    }
}

/// Registers the gradients of a convolution's weight and bias, which `compute` gives, if wanted.
fn register_weight<B: Backend>(
    [weight_id, bias_id]: [Option<NodeId>; 2],
    grads: &mut Gradients,
    compute: impl FnOnce() -> (FloatTensor<B>, FloatTensor<B>),
) {
    if weight_id.is_none() && bias_id.is_none() {
        return;
    }
    let (grad_weight, grad_bias) = compute();
    if let Some(id) = weight_id {
        grads.register::<B>(id, grad_weight);
    }
    if let Some(id) = bias_id {
        grads.register::<B>(id, grad_bias);
    }
}

impl<B: Kernels> Backward<B, 3> for Conv2dBackward {
    type State = Conv2dState<B>;

    fn backward(self, node: Node<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&node.node);
        let parents = node.parents.map(|parent| parent.map(|node| node.id));
        node.state.register(grad, parents, grads);
    }
}

#[derive(Debug)]
struct Conv2dAddBackward;

#[derive(Debug, Clone)]
struct Conv2dAddState<B: Backend> {
    conv: Conv2dState<B>,
    /// Whether the addend is the same for every pixel of an image.
    per_image: bool,
}

impl<B: Kernels> Backward<B, 4> for Conv2dAddBackward {
    type State = Conv2dAddState<B>;

    fn backward(self, node: Node<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x, weight, bias, addend] = node.parents.map(|parent| parent.map(|node| node.id));
        let grad = grads.consume::<B>(&node.node);
        let Conv2dAddState { conv, per_image } = node.state;
        if let Some(id) = addend {
            let grad = grad.clone();
            let grad = if per_image { B::sum_pixels(grad) } else { grad };
            grads.register::<B>(id, grad);
        }
        conv.register(grad, [x, weight, bias], grads);
    }
}

#[derive(Debug)]
struct GroupNormBackward;

#[derive(Debug, Clone)]
struct GroupNormState<B: Backend> {
    x: FloatTensor<Autodiff<B>>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    statistics: FloatTensor<B>,
    options: GroupNormOptions,
}

impl<B: Kernels> Backward<B, 3> for GroupNormBackward {
    type State = GroupNormState<B>;

    fn backward(self, node: Node<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&node.node);
        let GroupNormState {
            x,
            gamma,
            beta,
            statistics,
            options,
        } = node.state;
        let addend = grads.remove(&x);
        let x = x.primitive;
        let input_grads = match addend {
            Some(addend) => {
                B::group_norm_backward_add(grad, x, gamma, beta, statistics, addend, options)
            }
            None => B::group_norm_backward(grad, x, gamma, beta, statistics, options),
        };
        for (parent, grad) in node.parents.into_iter().zip(input_grads) {
            if let Some(parent) = parent {
                grads.register::<B>(parent.id, grad);
            }
        }
    }
}

#[derive(Debug)]
struct SiluBackward;

impl<B: Kernels> Backward<B, 1> for SiluBackward {
    type State = FloatTensor<B>;

    fn backward(self, node: Node<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&node.node);
        if let [Some(parent)] = node.parents {
            grads.register::<B>(parent.id, B::silu_backward(grad, node.state));
        }
    }
}

#[derive(Debug)]
struct ConcatChannelsBackward;

impl<B: Kernels> Backward<B, 2> for ConcatChannelsBackward {
    /// Channels of the first operand.
    type State = usize;

    fn backward(self, node: Node<usize, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&node.node);
        let parts = B::split_channels(grad, node.state);
        for (parent, grad) in node.parents.into_iter().zip(parts) {
            if let Some(parent) = parent {
                grads.register::<B>(parent.id, grad);
            }
        }
    }
}

#[derive(Debug)]
struct Conv2dUpsampledBackward;

impl<B: Kernels> Backward<B, 3> for Conv2dUpsampledBackward {
    type State = Conv2dState<B>;

    fn backward(self, node: Node<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&node.node);
        let [x_id, weight_id, bias_id] = node.parents.map(|parent| parent.map(|node| node.id));
        let Conv2dState {
            x,
            weight,
            geometry,
        } = node.state;
        if let Some(id) = x_id {
            let shape = x.shape();
            let upsampled = [2 * shape[1], 2 * shape[2]];
            let grad_x = B::conv2d_grad_input(grad.clone(), weight, upsampled, geometry);
            grads.register::<B>(id, B::upsample_grad(grad_x));
        }
        register_weight::<B>([weight_id, bias_id], grads, || {
            B::conv2d_upsampled_grad_weight(x.primitive, grad, geometry)
        });
    }
}

#[derive(Debug)]
struct SquaredErrorBackward;

#[derive(Debug, Clone)]
struct SquaredErrorState<B: Backend> {
    prediction: FloatTensor<B>,
    target: FloatTensor<B>,
    factors: Option<FloatTensor<B>>,
}

impl<B: Kernels> Backward<B, 1> for SquaredErrorBackward {
    type State = SquaredErrorState<B>;

    fn backward(self, node: Node<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&node.node);
        if let [Some(parent)] = node.parents {
            let SquaredErrorState {
                prediction,
                target,
                factors,
            } = node.state;
            let grad = B::squared_error_backward(grad, prediction, target, factors);
            grads.register::<B>(parent.id, grad);
        }
    }
}

impl<B: Kernels, C: CheckpointStrategy> Ops for Autodiff<B, C> {
    fn conv2d_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let input = remembered(&x);
        let output = B::conv2d_forward(
            x.primitive,
            weight.primitive.clone(),
            bias.primitive,
            geometry,
        );
        let prepared = Conv2dBackward
            .prepare::<C>([x.node, weight.node, bias.node])
            .compute_bound()
            .stateful();
        finish(
            prepared,
            Conv2dState {
                x: input,
                weight: weight.primitive,
                geometry,
            },
            output,
        )
    }

    fn conv2d_add_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        addend: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let added = addend.primitive.shape();
        let input = remembered(&x);
        let output = B::conv2d_add_forward(
            x.primitive,
            weight.primitive.clone(),
            bias.primitive,
            addend.primitive,
            geometry,
        );
        let prepared = Conv2dAddBackward
            .prepare::<C>([x.node, weight.node, bias.node, addend.node])
            .compute_bound()
            .stateful();
        let per_image = added != output.shape();
        let conv = Conv2dState {
            x: input,
            weight: weight.primitive,
            geometry,
        };
        finish(prepared, Conv2dAddState { conv, per_image }, output)
    }

    fn group_norm_op(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        options: GroupNormOptions,
    ) -> FloatTensor<Self> {
        let input = remembered(&x);
        let (output, statistics) = B::group_norm_forward(
            x.primitive,
            gamma.primitive.clone(),
            beta.primitive.clone(),
            options,
        );
        let prepared = GroupNormBackward
            .prepare::<C>([x.node, gamma.node, beta.node])
            .compute_bound()
            .stateful();
        finish(
            prepared,
            GroupNormState {
                x: input,
                gamma: gamma.primitive,
                beta: beta.primitive,
                statistics,
                options,
            },
            output,
        )
    }

    fn silu_op(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let output = B::silu_forward(x.primitive.clone());
        let prepared = SiluBackward
            .prepare::<C>([x.node])
            .compute_bound()
            .stateful();
        finish(prepared, x.primitive, output)
    }

    fn concat_channels_op(
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let channels = first.primitive.shape()[3];
        let output = B::concat_channels(first.primitive, second.primitive);
        let prepared = ConcatChannelsBackward
            .prepare::<C>([first.node, second.node])
            .compute_bound()
            .stateful();
        finish(prepared, channels, output)
    }

    fn conv2d_upsampled_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let input = remembered(&x);
        let output = B::conv2d_upsampled_forward(
            x.primitive,
            weight.primitive.clone(),
            bias.primitive,
            geometry,
        );
        let prepared = Conv2dUpsampledBackward
            .prepare::<C>([x.node, weight.node, bias.node])
            .compute_bound()
            .stateful();
        finish(
            prepared,
            Conv2dState {
                x: input,
                weight: weight.primitive,
                geometry,
            },
            output,
        )
    }

    fn squared_error_op(
        prediction: FloatTensor<Self>,
        target: FloatTensor<Self>,
        factors: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self> {
        let state = SquaredErrorState::<B> {
            prediction: prediction.primitive,
            target: target.primitive,
            factors: factors.map(|factors| factors.primitive),
        };
        let error = B::squared_error(
            state.prediction.clone(),
            state.target.clone(),
            state.factors.clone(),
        );
        let prepared = SquaredErrorBackward
            .prepare::<C>([prediction.node])
            .compute_bound()
            .stateful();
        finish(prepared, state, error)
    }
}

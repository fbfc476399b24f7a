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
    tensor::{TensorMetadata, ops::FloatTensor},
};

use super::{ConvGeometry, GroupNormOptions, Kernels, Ops, portable};

#[derive(Debug)]
struct Conv2dBackward;

#[derive(Debug, Clone)]
struct Conv2dState<T> {
    x: T,
    weight: T,
    geometry: ConvGeometry,
}

impl<T> Conv2dState<T> {
    /// Registers the gradients of `parents`: input, weight and bias.
    fn register<B: Kernels<FloatTensorPrimitive = T>>(
        self,
        grad: T,
        [x_id, weight_id, bias_id]: [Option<NodeId>; 3],
        grads: &mut Gradients,
    ) where
        T: TensorMetadata + 'static,
    {
        let Self {
            x,
            weight,
            geometry,
        } = self;
        if let Some(id) = x_id {
            let shape = x.shape();
            let input_size = [shape[1], shape[2]];
            let grad_x = B::conv2d_grad_input(grad.clone(), weight, input_size, geometry);
            grads.register::<B>(id, grad_x);
        }
        if weight_id.is_some() || bias_id.is_some() {
            let (grad_weight, grad_bias) = B::conv2d_grad_weight(x, grad, geometry);
            if let Some(id) = weight_id {
                grads.register::<B>(id, grad_weight);
            }
            if let Some(id) = bias_id {
                grads.register::<B>(id, grad_bias);
            }
        }
    }
}

impl<B: Kernels> Backward<B, 3> for Conv2dBackward {
    type State = Conv2dState<FloatTensor<B>>;

    fn backward(self, node: Node<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&node.node);
        let parents = node.parents.map(|parent| parent.map(|node| node.id));
        node.state.register::<B>(grad, parents, grads);
    }
}

#[derive(Debug)]
struct Conv2dAddBackward;

#[derive(Debug, Clone)]
struct Conv2dAddState<T> {
    conv: Conv2dState<T>,
    /// Whether the addend is the same for every pixel of an image.
    per_image: bool,
}

impl<B: Kernels> Backward<B, 4> for Conv2dAddBackward {
    type State = Conv2dAddState<FloatTensor<B>>;

    fn backward(self, node: Node<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x, weight, bias, addend] = node.parents.map(|parent| parent.map(|node| node.id));
        let grad = grads.consume::<B>(&node.node);
        let Conv2dAddState { conv, per_image } = node.state;
        if let Some(id) = addend {
            let grad = grad.clone();
            let grad = if per_image { B::sum_pixels(grad) } else { grad };
            grads.register::<B>(id, grad);
        }
        conv.register::<B>(grad, [x, weight, bias], grads);
    }
}

#[derive(Debug)]
struct GroupNormBackward;

#[derive(Debug, Clone)]
struct GroupNormState<T> {
    x: T,
    gamma: T,
    beta: T,
    statistics: T,
    options: GroupNormOptions,
}

impl<B: Kernels> Backward<B, 3> for GroupNormBackward {
    type State = GroupNormState<FloatTensor<B>>;

    fn backward(self, node: Node<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&node.node);
        let state = node.state;
        let input_grads = B::group_norm_backward(
            grad,
            state.x,
            state.gamma,
            state.beta,
            state.statistics,
            state.options,
        );
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
struct UpsampleBackward;

impl<B: Kernels> Backward<B, 1> for UpsampleBackward {
    type State = ();

    fn backward(self, node: Node<(), 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&node.node);
        if let [Some(parent)] = node.parents {
            grads.register::<B>(parent.id, B::upsample_grad(grad));
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
        let output = B::conv2d_forward(
            x.primitive.clone(),
            weight.primitive.clone(),
            bias.primitive,
            geometry,
        );
        let prepared = Conv2dBackward
            .prepare::<C>([x.node, weight.node, bias.node])
            .compute_bound()
            .stateful();
        match prepared {
            OpsKind::Tracked(tracked) => tracked.finish(
                Conv2dState {
                    x: x.primitive,
                    weight: weight.primitive,
                    geometry,
                },
                output,
            ),
            OpsKind::UnTracked(untracked) => untracked.finish(output),
        }
    }

    fn conv2d_add_op(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        addend: FloatTensor<Self>,
        geometry: ConvGeometry,
    ) -> FloatTensor<Self> {
        let added = addend.primitive.shape();
        let output = B::conv2d_add_forward(
            x.primitive.clone(),
            weight.primitive.clone(),
            bias.primitive,
            addend.primitive,
            geometry,
        );
        let prepared = Conv2dAddBackward
            .prepare::<C>([x.node, weight.node, bias.node, addend.node])
            .compute_bound()
            .stateful();
        match prepared {
            OpsKind::Tracked(tracked) => {
                let per_image = added != output.shape();
                let conv = Conv2dState {
                    x: x.primitive,
                    weight: weight.primitive,
                    geometry,
                };
                tracked.finish(Conv2dAddState { conv, per_image }, output)
            }
            OpsKind::UnTracked(untracked) => untracked.finish(output),
        }
    }

    fn group_norm_op(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        options: GroupNormOptions,
    ) -> FloatTensor<Self> {
        let (output, statistics) = B::group_norm_forward(
            x.primitive.clone(),
            gamma.primitive.clone(),
            beta.primitive.clone(),
            options,
        );
        let prepared = GroupNormBackward
            .prepare::<C>([x.node, gamma.node, beta.node])
            .compute_bound()
            .stateful();
        match prepared {
            OpsKind::Tracked(tracked) => tracked.finish(
                GroupNormState {
                    x: x.primitive,
                    gamma: gamma.primitive,
                    beta: beta.primitive,
                    statistics,
                    options,
                },
                output,
            ),
            OpsKind::UnTracked(untracked) => untracked.finish(output),
        }
    }

    fn silu_op(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let output = B::silu_forward(x.primitive.clone());
        let prepared = SiluBackward
            .prepare::<C>([x.node])
            .compute_bound()
            .stateful();
        match prepared {
            OpsKind::Tracked(tracked) => tracked.finish(x.primitive, output),
            OpsKind::UnTracked(untracked) => untracked.finish(output),
        }
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
        match prepared {
            OpsKind::Tracked(tracked) => tracked.finish(channels, output),
            OpsKind::UnTracked(untracked) => untracked.finish(output),
        }
    }

    fn upsample_op(x: FloatTensor<Self>) -> FloatTensor<Self> {
        UpsampleBackward
            .prepare::<C>([x.node])
            .compute_bound()
            .stateless(portable::upsample::<B>(x.primitive))
    }
}

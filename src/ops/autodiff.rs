//! Gradients of the seam's operations, registered with burn's autodiff.

use burn::{
    backend::{
        Autodiff,
        autodiff::{
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

impl<B: Kernels> Backward<B, 3> for Conv2dBackward {
    type State = Conv2dState<FloatTensor<B>>;

    fn backward(self, node: Node<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, weight_node, bias_node] = node.parents;
        let grad = grads.consume::<B>(&node.node);
        let Conv2dState {
            x,
            weight,
            geometry,
        } = node.state;

        if let Some(x_node) = x_node {
            let shape = x.shape();
            let input_size = [shape[1], shape[2]];
            let grad_x = B::conv2d_grad_input(grad.clone(), weight, input_size, geometry);
            grads.register::<B>(x_node.id, grad_x);
        }
        if weight_node.is_some() || bias_node.is_some() {
            let (grad_weight, grad_bias) = B::conv2d_grad_weight(x, grad, geometry);
            if let Some(node) = weight_node {
                grads.register::<B>(node.id, grad_weight);
            }
            if let Some(node) = bias_node {
                grads.register::<B>(node.id, grad_bias);
            }
        }
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
struct AddPerImageBackward;

impl<B: Kernels> Backward<B, 2> for AddPerImageBackward {
    type State = ();

    fn backward(self, node: Node<(), 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, per_image_node] = node.parents;
        let grad = grads.consume::<B>(&node.node);
        if let Some(node) = per_image_node {
            grads.register::<B>(node.id, B::sum_pixels(grad.clone()));
        }
        if let Some(node) = x_node {
            grads.register::<B>(node.id, grad);
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

    fn add_per_image_op(x: FloatTensor<Self>, per_image: FloatTensor<Self>) -> FloatTensor<Self> {
        let output = portable::add_per_image::<B>(x.primitive, per_image.primitive);
        AddPerImageBackward
            .prepare::<C>([x.node, per_image.node])
            .compute_bound()
            .stateless(output)
    }

    fn upsample_op(x: FloatTensor<Self>) -> FloatTensor<Self> {
        UpsampleBackward
            .prepare::<C>([x.node])
            .compute_bound()
            .stateless(portable::upsample::<B>(x.primitive))
    }
}

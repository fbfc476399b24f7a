//! The steps that undo convolutions.

use burn::{
    backend::{
        Autodiff,
        autodiff::{
            checkpoint::base::Checkpointer,
            grads::Gradients,
            ops::{Backward, Ops as Node},
        },
    },
    tensor::{TensorMetadata, backend::Backend, ops::FloatTensor},
};

use super::register_all;
use crate::ops::{
    arguments::{ConvGeometry, MixedPrecision},
    kernels::Kernels,
};

#[derive(Debug)]
pub(super) struct Conv2dBackward;

#[derive(Debug, Clone)]
pub(super) struct Conv2dState<B: Backend> {
    pub(super) x: FloatTensor<Autodiff<B>>,
    pub(super) weight: FloatTensor<B>,
    pub(super) geometry: ConvGeometry,
    pub(super) mixed_precision: MixedPrecision,
}

/// The operands are input, weight, bias and, if `N` is 4, the addend.
impl<B: Kernels, const N: usize> Backward<B, N> for Conv2dBackward {
    type State = Conv2dState<B>;

    fn backward(self, node: Node<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&node.node);
        let parent = |index: usize| node.parents.get(index)?.as_ref().map(|node| node.id);
        let Conv2dState {
            x,
            weight,
            geometry,
            mixed_precision,
        } = node.state;
        if let Some(id) = parent(3) {
            grads.register::<B>(id, grad.clone());
        }
        if let Some(id) = parent(0) {
            let shape = x.shape();
            let input_size = [shape[1], shape[2]];
            let addend = grads.remove(&x);
            let grad_x = B::conv2d_grad_input(
                grad.clone(),
                weight,
                addend,
                input_size,
                geometry,
                mixed_precision,
            );
            grads.register::<B>(id, grad_x);
        }
        let parents = [parent(1), parent(2)];
        if parents.iter().any(Option::is_some) {
            let (grad_weight, grad_bias) =
                B::conv2d_grad_weight(x.primitive, grad, geometry, mixed_precision);
            register_all::<B, 2>(parents, [grad_weight, grad_bias], grads);
        }
    }
}

#[derive(Debug)]
pub(super) struct Conv2dProjectBackward;

#[derive(Debug, Clone)]
pub(super) struct Conv2dProjectState<B: Backend> {
    /// Of the convolution, and of the shortcut.
    pub(super) inputs: [FloatTensor<Autodiff<B>>; 2],
    pub(super) weights: [FloatTensor<B>; 2],
    pub(super) geometry: ConvGeometry,
    pub(super) mixed_precision: MixedPrecision,
}

/// The operands are input, weight and bias of the convolution, and those of the shortcut.
impl<B: Kernels> Backward<B, 6> for Conv2dProjectBackward {
    type State = Conv2dProjectState<B>;

    fn backward(self, node: Node<Self::State, 6>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&node.node);
        let [x, weight, bias, shortcut, projection, projection_bias] =
            node.parents.map(|parent| parent.map(|node| node.id));
        let Conv2dProjectState {
            inputs,
            weights,
            geometry,
            mixed_precision,
        } = node.state;
        if x.is_some() || shortcut.is_some() {
            let shape = inputs[0].shape();
            let input_size = [shape[1], shape[2]];
            let addends = inputs.each_ref().map(|input| grads.remove(input));
            let grad_inputs = B::conv2d_project_grad_inputs(
                grad.clone(),
                weights,
                addends,
                input_size,
                geometry,
                mixed_precision,
            );
            register_all::<B, 2>([x, shortcut], grad_inputs, grads);
        }
        let parents = [weight, projection, bias, projection_bias];
        if parents.iter().any(Option::is_some) {
            let inputs = inputs.map(|input| input.primitive);
            let ([weight, projection], bias) =
                B::conv2d_project_grad_weights(inputs, grad, geometry, mixed_precision);
            register_all::<B, 4>(parents, [weight, projection, bias.clone(), bias], grads);
        }
    }
}

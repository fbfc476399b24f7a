//! Projection shortcuts as convolutions of their own, where no kernel computes them in passing.

use burn::tensor::{TensorMetadata, ops::FloatTensor};

use super::{
    arguments::{ConvGeometry, MixedPrecision, Projection},
    kernels::Kernels,
};

/// See [`Kernels::conv2d_project_forward`].
pub(super) fn forward<B: Kernels>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    shortcut: Projection<FloatTensor<B>>,
    geometry: ConvGeometry,
    mixed_precision: MixedPrecision,
) -> FloatTensor<B> {
    let addend = B::conv2d_forward(
        shortcut.x,
        shortcut.weight,
        shortcut.bias,
        None,
        ConvGeometry::LINEAR,
        mixed_precision,
    );
    B::conv2d_forward(x, weight, bias, Some(addend), geometry, mixed_precision)
}

/// See [`Kernels::conv2d_project_grad_inputs`].
pub(super) fn grad_inputs<B: Kernels>(
    grad: FloatTensor<B>,
    [weight, projection]: [FloatTensor<B>; 2],
    [addend, shortcut_addend]: [Option<FloatTensor<B>>; 2],
    input_size: [usize; 2],
    geometry: ConvGeometry,
    mixed_precision: MixedPrecision,
) -> [FloatTensor<B>; 2] {
    let shape = grad.shape();
    let output_size = [shape[1], shape[2]];
    [
        B::conv2d_grad_input(
            grad.clone(),
            weight,
            addend,
            input_size,
            geometry,
            mixed_precision,
        ),
        B::conv2d_grad_input(
            grad,
            projection,
            shortcut_addend,
            output_size,
            ConvGeometry::LINEAR,
            mixed_precision,
        ),
    ]
}

/// See [`Kernels::conv2d_project_grad_weights`].
pub(super) fn grad_weights<B: Kernels>(
    [x, shortcut]: [FloatTensor<B>; 2],
    grad: FloatTensor<B>,
    geometry: ConvGeometry,
    mixed_precision: MixedPrecision,
) -> ([FloatTensor<B>; 2], FloatTensor<B>) {
    let (weight, bias) = B::conv2d_grad_weight(x, grad.clone(), geometry, mixed_precision);
    let (projection, _) =
        B::conv2d_grad_weight(shortcut, grad, ConvGeometry::LINEAR, mixed_precision);
    ([weight, projection], bias)
}

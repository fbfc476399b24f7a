//! The kernels on the tensors of a backend whose memory is the CPU's.

use std::ops::Deref;

use burn::tensor::{Shape, TensorMetadata, backend::Backend, ops::FloatTensor};

use super::super::{ConvGeometry, GroupNormOptions};
use super::conv::{self, ConvShape};
use super::group_norm::{self, NormShape};

/// How slices get out of and into a backend's tensors.
pub trait SliceBackend: Backend {
    /// What keeps a tensor's numbers readable.
    type Values: Deref<Target = [f32]>;

    /// The numbers of `tensor` in row-major order, whatever its layout.
    fn values(tensor: FloatTensor<Self>) -> Self::Values;

    /// A tensor of the row-major `values`.
    fn tensor(values: Vec<f32>, shape: Shape) -> FloatTensor<Self>;
}

fn dims<const D: usize>(shape: &Shape) -> [usize; D] {
    std::array::from_fn(|axis| shape[axis])
}

/// See [`super::super::Kernels::conv2d_forward`].
pub fn conv2d_forward<B: SliceBackend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    geometry: ConvGeometry,
) -> FloatTensor<B> {
    let [batch, height, width, inputs] = dims(&x.shape());
    let [_, _, _, outputs] = dims(&weight.shape());
    let shape = ConvShape {
        batch,
        height,
        width,
        inputs,
        outputs,
        geometry,
    };
    let y = conv::forward(&B::values(x), &B::values(weight), &B::values(bias), &shape);
    let [height, width] = shape.output_size();
    B::tensor(y, Shape::from([batch, height, width, outputs]))
}

/// See [`super::super::Kernels::conv2d_grad_input`].
pub fn conv2d_grad_input<B: SliceBackend>(
    grad: FloatTensor<B>,
    weight: FloatTensor<B>,
    [height, width]: [usize; 2],
    geometry: ConvGeometry,
) -> FloatTensor<B> {
    let [batch, _, _, outputs] = dims(&grad.shape());
    let [_, _, inputs, _] = dims(&weight.shape());
    let shape = ConvShape {
        batch,
        height,
        width,
        inputs,
        outputs,
        geometry,
    };
    let grad_x = conv::grad_input(&B::values(grad), &B::values(weight), &shape);
    B::tensor(grad_x, Shape::from([batch, height, width, inputs]))
}

/// See [`super::super::Kernels::conv2d_grad_weight`].
pub fn conv2d_grad_weight<B: SliceBackend>(
    x: FloatTensor<B>,
    grad: FloatTensor<B>,
    geometry: ConvGeometry,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let [batch, height, width, inputs] = dims(&x.shape());
    let [_, _, _, outputs] = dims(&grad.shape());
    let shape = ConvShape {
        batch,
        height,
        width,
        inputs,
        outputs,
        geometry,
    };
    let (weight, bias) = conv::grad_weight(&B::values(x), &B::values(grad), &shape);
    let kernel = geometry.kernel;
    (
        B::tensor(weight, Shape::from([kernel, kernel, inputs, outputs])),
        B::tensor(bias, Shape::from([outputs])),
    )
}

fn norm_shape(shape: &Shape) -> NormShape {
    let [batch, height, width, channels] = dims(shape);
    NormShape {
        batch,
        pixels: height * width,
        channels,
    }
}

/// See [`super::super::Kernels::group_norm_forward`].
pub fn group_norm_forward<B: SliceBackend>(
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    options: GroupNormOptions,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let shape = x.shape();
    let (y, statistics) = group_norm::forward(
        &B::values(x),
        &B::values(gamma),
        &B::values(beta),
        norm_shape(&shape),
        options,
    );
    let statistics = B::tensor(statistics, Shape::from([shape[0], options.groups, 2]));
    (B::tensor(y, shape), statistics)
}

/// See [`super::super::Kernels::group_norm_backward`].
pub fn group_norm_backward<B: SliceBackend>(
    grad: FloatTensor<B>,
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    statistics: FloatTensor<B>,
    options: GroupNormOptions,
) -> [FloatTensor<B>; 3] {
    let (shape, per_channel) = (x.shape(), gamma.shape());
    let [grad_x, grad_gamma, grad_beta] = group_norm::backward(
        &B::values(grad),
        &B::values(x),
        &B::values(gamma),
        &B::values(beta),
        &B::values(statistics),
        norm_shape(&shape),
        options,
    );
    [
        B::tensor(grad_x, shape),
        B::tensor(grad_gamma, per_channel.clone()),
        B::tensor(grad_beta, per_channel),
    ]
}

/// The convolutions and norms of [`super::super::Kernels`] by the functions above; the optimizer
/// step is each backend's own, for who may write in place differs.
macro_rules! slice_kernels {
    () => {
        fn conv2d_forward(
            x: FloatTensor<Self>,
            weight: FloatTensor<Self>,
            bias: FloatTensor<Self>,
            geometry: ConvGeometry,
        ) -> FloatTensor<Self> {
            backend::conv2d_forward::<Self>(x, weight, bias, geometry)
        }

        fn conv2d_grad_input(
            grad: FloatTensor<Self>,
            weight: FloatTensor<Self>,
            input_size: [usize; 2],
            geometry: ConvGeometry,
        ) -> FloatTensor<Self> {
            backend::conv2d_grad_input::<Self>(grad, weight, input_size, geometry)
        }

        fn conv2d_grad_weight(
            x: FloatTensor<Self>,
            grad: FloatTensor<Self>,
            geometry: ConvGeometry,
        ) -> (FloatTensor<Self>, FloatTensor<Self>) {
            backend::conv2d_grad_weight::<Self>(x, grad, geometry)
        }

        fn group_norm_forward(
            x: FloatTensor<Self>,
            gamma: FloatTensor<Self>,
            beta: FloatTensor<Self>,
            options: GroupNormOptions,
        ) -> (FloatTensor<Self>, FloatTensor<Self>) {
            backend::group_norm_forward::<Self>(x, gamma, beta, options)
        }

        fn group_norm_backward(
            grad: FloatTensor<Self>,
            x: FloatTensor<Self>,
            gamma: FloatTensor<Self>,
            beta: FloatTensor<Self>,
            statistics: FloatTensor<Self>,
            options: GroupNormOptions,
        ) -> [FloatTensor<Self>; 3] {
            backend::group_norm_backward::<Self>(grad, x, gamma, beta, statistics, options)
        }
    };
}
pub(crate) use slice_kernels;

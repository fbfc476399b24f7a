//! The operations on burn's typed tensors, as the network and the samplers write them.

use burn::tensor::{Tensor, TensorData, TensorPrimitive, backend::Backend, ops::FloatTensor};

use super::{ConvGeometry, GroupNormOptions, Kernels, Ops};

/// [`Kernels::conv2d_forward`] on burn's typed tensors.
pub fn conv2d<B: Ops>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Tensor<B, 1>,
    geometry: ConvGeometry,
) -> Tensor<B, 4> {
    from_primitive(B::conv2d_op(
        into_primitive(x),
        into_primitive(weight),
        into_primitive(bias),
        geometry,
    ))
}

/// [`Kernels::conv2d_add_forward`] on burn's typed tensors.
pub fn conv2d_add<B: Ops>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Tensor<B, 1>,
    addend: Tensor<B, 4>,
    geometry: ConvGeometry,
) -> Tensor<B, 4> {
    from_primitive(B::conv2d_add_op(
        into_primitive(x),
        into_primitive(weight),
        into_primitive(bias),
        into_primitive(addend),
        geometry,
    ))
}

/// A row for each of `indices`, with 1 in its place and 0 in the other places below `classes`,
/// `[indices.len(), 1, 1, classes]`. An index that does not exist is zeros.
pub fn one_hot(indices: &[usize], classes: usize) -> TensorData {
    let values: Vec<f32> = indices
        .iter()
        .flat_map(|index| (0..classes).map(move |class| f32::from(class == *index)))
        .collect();
    TensorData::new(values, [indices.len(), 1, 1, classes])
}

/// Rows of `table` `[1, 1, rows, width]` that [`one_hot`] chooses, `[n, 1, 1, width]`: the product of
/// the two, so that its gradient is a linear layer's.
pub fn embedding<B: Ops>(one_hot: Tensor<B, 4>, table: Tensor<B, 4>) -> Tensor<B, 4> {
    let [_, _, _, width] = table.dims();
    let bias = Tensor::zeros([width], &table.device());
    conv2d(one_hot, table, bias, ConvGeometry::LINEAR)
}

/// [`Kernels::group_norm_forward`] on burn's typed tensors.
pub fn group_norm<B: Ops>(
    x: Tensor<B, 4>,
    gamma: Tensor<B, 1>,
    beta: Tensor<B, 1>,
    options: GroupNormOptions,
) -> Tensor<B, 4> {
    from_primitive(B::group_norm_op(
        into_primitive(x),
        into_primitive(gamma),
        into_primitive(beta),
        options,
    ))
}

/// [`Kernels::silu_forward`] on burn's typed tensors.
pub fn silu<B: Ops, const D: usize>(x: Tensor<B, D>) -> Tensor<B, D> {
    from_primitive(B::silu_op(into_primitive(x)))
}

/// [`Kernels::concat_channels`] on burn's typed tensors.
pub fn concat_channels<B: Ops>(first: Tensor<B, 4>, second: Tensor<B, 4>) -> Tensor<B, 4> {
    from_primitive(B::concat_channels_op(
        into_primitive(first),
        into_primitive(second),
    ))
}

/// [`Kernels::conv2d_upsampled_forward`] on burn's typed tensors.
pub fn conv2d_upsampled<B: Ops>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Tensor<B, 1>,
    geometry: ConvGeometry,
) -> Tensor<B, 4> {
    from_primitive(B::conv2d_upsampled_op(
        into_primitive(x),
        into_primitive(weight),
        into_primitive(bias),
        geometry,
    ))
}

/// [`Kernels::squared_error`] on burn's typed tensors.
pub fn squared_error<B: Ops>(
    prediction: Tensor<B, 4>,
    target: Tensor<B, 4>,
    factors: Option<Tensor<B, 1>>,
) -> Tensor<B, 1> {
    from_primitive(B::squared_error_op(
        into_primitive(prediction),
        into_primitive(target),
        factors.map(into_primitive),
    ))
}

/// [`Kernels::weighted_sum`] on burn's typed tensors. For the steps of samplers, so without a
/// gradient.
pub fn weighted_sum<B: Kernels>(
    x: Tensor<B, 4>,
    of_x: f64,
    y: Tensor<B, 4>,
    of_y: f64,
) -> Tensor<B, 4> {
    from_primitive(B::weighted_sum(
        into_primitive(x),
        of_x as f32,
        into_primitive(y),
        of_y as f32,
    ))
}

/// The primitive inside a float tensor.
pub fn into_primitive<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}

/// A typed float tensor of rank `D` around a primitive of that rank.
pub fn from_primitive<B: Backend, const D: usize>(primitive: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

//! The operations on burn's typed tensors, as the network and the samplers write them.

use burn::tensor::{Tensor, TensorData, ops::FloatTensor};

use super::{
    arguments::{
        ConvGeometry, GroupNormInputs, GroupNormOptions, MixedPrecision, Projection, Shift,
    },
    kernels::Kernels,
    primitive::{from_primitive, into_primitive},
};

/// [`Kernels::conv2d_forward`] without an addend.
pub fn conv2d<B: Kernels>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Tensor<B, 1>,
    geometry: ConvGeometry,
    mixed_precision: MixedPrecision,
) -> Tensor<B, 4> {
    from_primitive(B::conv2d_forward(
        into_primitive(x),
        into_primitive(weight),
        into_primitive(bias),
        None,
        geometry,
        mixed_precision,
    ))
}

/// [`Kernels::conv2d_forward`] plus `addend`, of the output's shape.
pub fn conv2d_add<B: Kernels>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Tensor<B, 1>,
    addend: Tensor<B, 4>,
    geometry: ConvGeometry,
    mixed_precision: MixedPrecision,
) -> Tensor<B, 4> {
    from_primitive(B::conv2d_forward(
        into_primitive(x),
        into_primitive(weight),
        into_primitive(bias),
        Some(into_primitive(addend)),
        geometry,
        mixed_precision,
    ))
}

/// The operands of a projection shortcut; see [`Projection`].
pub fn projection<B: Kernels>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Tensor<B, 1>,
) -> Projection<FloatTensor<B>> {
    Projection {
        x: into_primitive(x),
        weight: into_primitive(weight),
        bias: into_primitive(bias),
    }
}

/// [`Kernels::conv2d_project_forward`].
pub fn conv2d_project<B: Kernels>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Tensor<B, 1>,
    shortcut: Projection<FloatTensor<B>>,
    geometry: ConvGeometry,
    mixed_precision: MixedPrecision,
) -> Tensor<B, 4> {
    from_primitive(B::conv2d_project_forward(
        into_primitive(x),
        into_primitive(weight),
        into_primitive(bias),
        shortcut,
        geometry,
        mixed_precision,
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

/// Rows of `table` `[1, 1, rows, width]` that [`one_hot`] chooses, `[n, 1, 1, width]`: the product
/// of the two, so that its gradient is a linear layer's.
pub fn embedding<B: Kernels>(
    one_hot: Tensor<B, 4>,
    table: Tensor<B, 4>,
    mixed_precision: MixedPrecision,
) -> Tensor<B, 4> {
    let [_, _, _, width] = table.dims();
    let bias = Tensor::zeros([width], &table.device());
    conv2d(one_hot, table, bias, ConvGeometry::LINEAR, mixed_precision)
}

/// [`Kernels::group_norm_forward`] of `x` alone.
pub fn group_norm<B: Kernels>(
    x: Tensor<B, 4>,
    shift: Option<Shift<Tensor<B, 4>>>,
    gamma: Tensor<B, 1>,
    beta: Tensor<B, 1>,
    options: GroupNormOptions,
) -> Tensor<B, 4> {
    let inputs = GroupNormInputs {
        x: into_primitive(x),
        skip: None,
        shift: shift.map(|shift| shift.map(into_primitive)),
        gamma: into_primitive(gamma),
        beta: into_primitive(beta),
    };
    from_primitive(B::group_norm_forward(inputs, options).y)
}

/// [`Kernels::group_norm_forward`] of `x` and `skip` concatenated, and the concatenation.
pub fn group_norm_concat<B: Kernels>(
    x: Tensor<B, 4>,
    skip: Tensor<B, 4>,
    gamma: Tensor<B, 1>,
    beta: Tensor<B, 1>,
    options: GroupNormOptions,
) -> [Tensor<B, 4>; 2] {
    let inputs = GroupNormInputs {
        x: into_primitive(x.clone()),
        skip: Some(into_primitive(skip)),
        shift: None,
        gamma: into_primitive(gamma),
        beta: into_primitive(beta),
    };
    let output = B::group_norm_forward(inputs, options);
    let concatenated = output.concatenated.map_or(x, from_primitive);
    [from_primitive(output.y), concatenated]
}

/// [`Kernels::silu_linear_forward`]; the gradients are of a loss that `mixed_precision` scales.
pub fn silu_linear<B: Kernels>(
    x: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Tensor<B, 1>,
    mixed_precision: MixedPrecision,
) -> Tensor<B, 4> {
    from_primitive(B::silu_linear_forward(
        into_primitive(x),
        into_primitive(weight),
        into_primitive(bias),
        mixed_precision,
    ))
}

/// [`Kernels::squared_error`].
pub fn squared_error<B: Kernels>(
    prediction: Tensor<B, 4>,
    target: Tensor<B, 4>,
    loss_weights: Option<Tensor<B, 1>>,
) -> Tensor<B, 1> {
    from_primitive(B::squared_error(
        into_primitive(prediction),
        into_primitive(target),
        loss_weights.map(into_primitive),
    ))
}

/// [`Kernels::weighted_sum`].
pub fn weighted_sum<B: Kernels>(
    x: Tensor<B, 4>,
    x_coef: f64,
    y: Tensor<B, 4>,
    y_coef: f64,
) -> Tensor<B, 4> {
    from_primitive(B::weighted_sum(
        into_primitive(x),
        x_coef as f32,
        into_primitive(y),
        y_coef as f32,
    ))
}

/// [`Kernels::x0_and_eps`].
pub fn x0_and_eps<B: Kernels>(
    x_t: Tensor<B, 4>,
    y: Tensor<B, 4>,
    coefs: [[f64; 2]; 2],
    clip: bool,
) -> [Tensor<B, 4>; 2] {
    let coefs = coefs.map(|row| row.map(|coef| coef as f32));
    B::x0_and_eps(into_primitive(x_t), into_primitive(y), coefs, clip).map(from_primitive)
}

//! What the two kinds of convolution kernels share: addends, and partial sums of weight gradients.

use burn::tensor::TensorMetadata;

use super::{
    launch::{Binding, bind, bind_map, launch},
    shader::Shader,
    tensor::{Primitive, allocate, reshaped},
};

/// Neighbouring pixels of `output` that get the same numbers of `addend`.
pub(super) fn pixels_per_addend(addend: Option<&Primitive>, output: [usize; 4]) -> usize {
    let numbers = output.iter().product::<usize>();
    addend.map_or(1, |addend| numbers / addend.shape().num_elements())
}

/// `addend` for a shader that adds it to `output`.
pub(super) fn bind_addend(addend: &Primitive, output: [usize; 4]) -> Binding<'_> {
    let pixels = output[..3].iter().product::<usize>();
    let per_addend = pixels_per_addend(Some(addend), output);
    bind_map(addend, [pixels.div_ceil(per_addend), output[3]])
}

/// Adds the partial sums of all splits into the gradients of weight and bias.
pub(super) fn sum_parts(
    parts: [Primitive; 2],
    splits: usize,
    weight_shape: [usize; 4],
) -> (Primitive, Primitive) {
    const THREADS: usize = 256;
    let weights = weight_shape.iter().product::<usize>();
    let biases = weight_shape[3];
    if splits == 1 {
        let [weight, bias] = parts;
        return (
            reshaped(weight, weight_shape.into()),
            reshaped(bias, [biases].into()),
        );
    }
    let gradients = [
        allocate(&parts[0], [weights]),
        allocate(&parts[0], [biases]),
    ];
    let shader = Shader::new("conv_sum", include_str!("conv_sum.wgsl"), THREADS)
        .constant("SPLITS", splits)
        .constant("WEIGHTS", weights)
        .constant("BIASES", biases);
    launch(
        shader,
        (weights + biases).div_ceil(THREADS),
        &[
            bind(&parts[0], [splits, weights]),
            bind(&parts[1], [splits, biases]),
            bind(&gradients[0], [weights]),
            bind(&gradients[1], [biases]),
        ],
    );
    let [weight, bias] = gradients;
    (reshaped(weight, weight_shape.into()), bias)
}

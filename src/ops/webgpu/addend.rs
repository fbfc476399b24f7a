//! What the two kinds of convolution kernels share: addends.

use burn::tensor::TensorMetadata;

use super::{
    launch::{Binding, bind_map},
    tensor::Primitive,
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

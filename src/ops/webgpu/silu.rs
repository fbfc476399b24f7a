//! SiLU and its gradient. Launches: 1 each.

use burn::tensor::TensorMetadata;

use super::{
    launch::{Binding, bind, launch},
    shader::Shader,
    tensor::{Primitive, allocate, contiguous, reshaped},
};

/// See [`crate::ops::Kernels::silu_forward`].
pub(super) fn forward(x: Primitive) -> Primitive {
    run(x, None)
}

/// See [`crate::ops::Kernels::silu_backward`].
pub(super) fn backward(grad: Primitive, x: Primitive) -> Primitive {
    run(x, Some(contiguous(grad)))
}

fn run(x: Primitive, grad: Option<Primitive>) -> Primitive {
    const THREADS: usize = 64;
    let x = contiguous(x);
    let count = x.shape().num_elements();
    let output = allocate(&x, [count]);
    let shader = Shader::new("silu", include_str!("silu.wgsl"), THREADS)
        .flag("GRAD", grad.is_some())
        .constant("COUNT", count);
    let buffers = [&x, &output].into_iter().chain(&grad);
    let bindings: Vec<Binding> = buffers.map(|buffer| bind(buffer, [count])).collect();
    launch(shader, count.div_ceil(THREADS), &bindings);
    reshaped(output, x.shape())
}

//! The mean squared error and its gradient. Launches: 1 each.
//!
//! The network's output is channels-last memory seen as `[n, c, h, w]`; these kernels take it as it
//! lies, so that neither it nor its gradient is copied into another order.

use super::{
    device,
    launch::{Primitive, allocate, contiguous, dimensions, launch, permuted},
    shader::Shader,
};

/// See [`crate::ops::Kernels::squared_error`].
pub(super) fn forward(
    prediction: Primitive,
    target: Primitive,
    factors: Option<Primitive>,
) -> Primitive {
    // One workgroup, since the sum ends in one number.
    let threads = if device::runs_on_cpu(&prediction.device) {
        16
    } else {
        256
    };
    let prediction = contiguous(permuted(prediction, [0, 2, 3, 1]));
    let error = allocate(&prediction, [1]);
    run(threads, 1, &prediction, target, factors, &error, None);
    error
}

/// See [`crate::ops::Kernels::squared_error_backward`].
pub(super) fn backward(
    grad: Primitive,
    prediction: Primitive,
    target: Primitive,
    factors: Option<Primitive>,
) -> Primitive {
    const THREADS: usize = 64;
    let prediction = contiguous(permuted(prediction, [0, 2, 3, 1]));
    let shape: [usize; 4] = dimensions(&prediction);
    let grad_prediction = allocate(&prediction, shape);
    let workgroups = shape.iter().product::<usize>().div_ceil(THREADS);
    run(
        THREADS,
        workgroups,
        &prediction,
        target,
        factors,
        &grad_prediction,
        Some(contiguous(grad)),
    );
    permuted(grad_prediction, [0, 3, 1, 2])
}

fn run(
    threads: usize,
    workgroups: usize,
    prediction: &Primitive,
    target: Primitive,
    factors: Option<Primitive>,
    output: &Primitive,
    grad: Option<Primitive>,
) {
    let (target, factors) = (contiguous(target), factors.map(contiguous));
    let [images, height, width, channels] = dimensions(prediction);
    let shader = Shader::new("squared_error", include_str!("squared_error.wgsl"), threads)
        .flag("GRAD", grad.is_some())
        .flag("FACTORS", factors.is_some())
        .constant("IMAGES", images)
        .constant("PIXELS", height * width)
        .constant("CHANNELS", channels);
    let mut buffers = vec![prediction, &target, output];
    buffers.extend(&grad);
    buffers.extend(&factors);
    launch(shader, workgroups, &buffers);
}

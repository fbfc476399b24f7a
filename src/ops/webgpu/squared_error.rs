//! The mean squared error and its gradient. Launches: 1 each.
//!
//! The network's output is channels-last memory seen as `[n, c, h, w]`; these kernels take it as it
//! lies, so that neither it nor its gradient is copied into another order.

use super::{
    device,
    launch::{bind, launch},
    shader::Shader,
    tensor::{Primitive, allocate, contiguous, dimensions, permuted},
};

/// See [`crate::ops::Kernels::squared_error`].
pub(super) fn forward(
    prediction: Primitive,
    target: Primitive,
    loss_weights: Option<Primitive>,
) -> Primitive {
    // One workgroup, since the sum ends in one number.
    let few = 16;
    let numbers = dimensions::<4>(&prediction).iter().product::<usize>();
    let fits = numbers.div_ceil(few) <= device::MAX_ITERATIONS;
    let threads = if fits && device::runs_on_cpu(&prediction.device) {
        few
    } else {
        256
    };
    let prediction = contiguous(permuted(prediction, [0, 2, 3, 1]));
    let error = allocate(&prediction, [1]);
    run(threads, 1, &prediction, target, loss_weights, &error, None);
    error
}

/// See [`crate::ops::Kernels::squared_error_backward`].
pub(super) fn backward(
    grad: Primitive,
    prediction: Primitive,
    target: Primitive,
    loss_weights: Option<Primitive>,
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
        loss_weights,
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
    loss_weights: Option<Primitive>,
    output: &Primitive,
    grad: Option<Primitive>,
) {
    let (target, loss_weights) = (contiguous(target), loss_weights.map(contiguous));
    let [images, height, width, channels] = dimensions(prediction);
    let shader = Shader::new("squared_error", include_str!("squared_error.wgsl"), threads)
        .flag("GRAD", grad.is_some())
        .flag("LOSS_WEIGHTS", loss_weights.is_some())
        .constant("IMAGES", images)
        .constant("PIXELS", height * width)
        .constant("CHANNELS", channels);
    let images_shape = [images, height, width, channels];
    let output_shape = if grad.is_some() { images_shape } else { [1; 4] };
    let mut bindings = vec![
        bind(prediction, images_shape),
        bind(&target, images_shape),
        bind(output, output_shape),
    ];
    bindings.extend(grad.as_ref().map(|grad| bind(grad, [1])));
    bindings.extend(
        loss_weights
            .as_ref()
            .map(|loss_weights| bind(loss_weights, [images])),
    );
    launch(shader, workgroups, &bindings);
}

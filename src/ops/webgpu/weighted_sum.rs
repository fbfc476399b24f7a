//! Sums of two tensors, each times a number. Launches: 1.

use super::{
    launch::{bind, launch},
    shader::Shader,
    tensor::{Primitive, allocate, dimensions, upload},
};

/// See [`crate::ops::Kernels::weighted_sum`]; `x` and `y` may be strided views.
pub(super) fn run(x: Primitive, x_coef: f32, y: Primitive, y_coef: f32) -> Primitive {
    let [sum] = sums(&x, &y, [[x_coef, y_coef]], false);
    sum
}

/// See [`crate::ops::Kernels::x0_and_eps`]; `x_t` and `y` may be strided views.
pub(super) fn x0_and_eps(
    x_t: Primitive,
    y: Primitive,
    coefs: [[f32; 2]; 2],
    clip: bool,
) -> [Primitive; 2] {
    sums(&x_t, &y, coefs, clip)
}

/// One or two sums of `x` and `y`, the first clipped to [-1, 1] if `clip` is set.
fn sums<const SUMS: usize>(
    x: &Primitive,
    y: &Primitive,
    coefs: [[f32; 2]; SUMS],
    clip: bool,
) -> [Primitive; SUMS] {
    const THREADS: usize = 64;
    let shape @ [_, channels, height, width] = dimensions(x);
    let sums: [Primitive; SUMS] = std::array::from_fn(|_| allocate(x, shape));
    let words: Vec<u32> = coefs.iter().flatten().map(|coef| coef.to_bits()).collect();
    let uploaded = upload(&words, &x.device);
    let count = shape.iter().product::<usize>();
    let [x_n, x_c, x_h, x_w] = strides(x);
    let [y_n, y_c, y_h, y_w] = strides(y);
    let shader = Shader::new("weighted_sum", include_str!("weighted_sum.wgsl"), THREADS)
        .flag("TWO", SUMS == 2)
        .flag("CLIP", clip)
        .constant("COUNT", count)
        .constant("CHANNELS", channels)
        .constant("HEIGHT", height)
        .constant("WIDTH", width)
        .constant("X_N", x_n)
        .constant("X_C", x_c)
        .constant("X_H", x_h)
        .constant("X_W", x_w)
        .constant("Y_N", y_n)
        .constant("Y_C", y_c)
        .constant("Y_H", y_h)
        .constant("Y_W", y_w);
    let mut bindings = vec![
        bind(x, [extent(shape, strides(x))]),
        bind(y, [extent(shape, strides(y))]),
        bind(&uploaded, [2 * SUMS]),
    ];
    bindings.extend(sums.iter().map(|sum| bind(sum, shape)));
    launch(shader, count.div_ceil(THREADS), &bindings);
    sums
}

/// Numbers from the first to the last of a view, both included.
fn extent(shape: [usize; 4], strides: [usize; 4]) -> usize {
    let steps = shape.iter().zip(strides);
    1 + steps
        .map(|(side, stride)| side.saturating_sub(1) * stride)
        .sum::<usize>()
}

/// Numbers between neighbours along each axis.
fn strides(tensor: &Primitive) -> [usize; 4] {
    std::array::from_fn(|axis| tensor.meta.strides[axis])
}

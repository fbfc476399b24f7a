//! A sum of two tensors, each times a number. Launches: 1.

use super::{
    launch::{bind, launch},
    shader::Shader,
    tensor::{Primitive, allocate, dimensions, upload},
};

/// See [`crate::ops::Kernels::weighted_sum`]; `x` and `y` may be strided views.
pub(super) fn run(x: Primitive, x_coef: f32, y: Primitive, y_coef: f32) -> Primitive {
    const THREADS: usize = 64;
    let shape @ [_, channels, height, width] = dimensions(&x);
    let sum = allocate(&x, shape);
    let coefs = upload(&[x_coef.to_bits(), y_coef.to_bits()], &x.device);
    let count = shape.iter().product::<usize>();
    let [x_n, x_c, x_h, x_w] = strides(&x);
    let [y_n, y_c, y_h, y_w] = strides(&y);
    let shader = Shader::new("weighted_sum", include_str!("weighted_sum.wgsl"), THREADS)
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
    let bindings = [
        bind(&x, [extent(shape, strides(&x))]),
        bind(&y, [extent(shape, strides(&y))]),
        bind(&sum, shape),
        bind(&coefs, [2]),
    ];
    launch(shader, count.div_ceil(THREADS), &bindings);
    sum
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

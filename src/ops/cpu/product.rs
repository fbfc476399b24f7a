//! Matrix products: through the `gemm` crate natively, by our own kernel in WebAssembly.

use super::matrix::Matrix;

/// `output` = `a` · `b`, row-major.
pub fn multiply(output: &mut [f32], a: Matrix, b: Matrix) {
    product(output, a, b, false);
}

/// `output` += `a` · `b`, row-major.
pub fn multiply_add(output: &mut [f32], a: Matrix, b: Matrix) {
    product(output, a, b, true);
}

fn product(output: &mut [f32], a: Matrix, b: Matrix, accumulate: bool) {
    assert_eq!(a.columns(), b.rows(), "inner sizes of a matrix product");
    assert_eq!(
        output.len(),
        a.rows() * b.columns(),
        "output of a matrix product"
    );
    #[cfg(target_family = "wasm")]
    super::narrow_product::product(output, a, b, accumulate);
    #[cfg(not(target_family = "wasm"))]
    wide_product(output, a, b, accumulate);
}

/// Through `gemm`, which chooses among kernels for the processor's vectors.
#[cfg(not(target_family = "wasm"))]
fn wide_product(output: &mut [f32], a: Matrix, b: Matrix, accumulate: bool) {
    let [a_row, a_column] = a.strides().map(|stride| stride as isize);
    let [b_row, b_column] = b.strides().map(|stride| stride as isize);
    // SAFETY: with their strides, `a` and `b` stay inside their slices; `output` is exactly
    // `a.rows()` rows of `b.columns()` and nothing else refers to it.
    unsafe {
        gemm::gemm(
            a.rows(),
            b.columns(),
            a.columns(),
            output.as_mut_ptr(),
            1,
            b.columns() as isize,
            accumulate,
            a.values().as_ptr(),
            a_column,
            a_row,
            b.values().as_ptr(),
            b_column,
            b_row,
            1.0,
            1.0,
            false,
            false,
            false,
            // The caller has already split the work.
            gemm::Parallelism::None,
        );
    }
}

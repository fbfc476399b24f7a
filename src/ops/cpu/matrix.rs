//! Matrix products through the `gemm` crate, with bounds checked here.

/// A view of `rows` × `columns` numbers in a slice.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// All of `values` as rows of `columns` numbers.
    pub fn row_major(values: &'a [f32], columns: usize) -> Self {
        assert_eq!(values.len() % columns.max(1), 0, "a row is incomplete");
        Self {
            values,
            rows: values.len() / columns.max(1),
            columns,
            row_stride: columns,
            column_stride: 1,
        }
    }

    /// The same numbers with rows and columns exchanged; nothing moves.
    pub fn transposed(self) -> Self {
        Self {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }
}

/// `output` = `a` · `b`, row-major.
pub fn multiply(output: &mut [f32], a: Matrix, b: Matrix) {
    product(output, a, b, false);
}

/// `output` += `a` · `b`, row-major.
pub fn multiply_add(output: &mut [f32], a: Matrix, b: Matrix) {
    product(output, a, b, true);
}

fn product(output: &mut [f32], a: Matrix, b: Matrix, accumulate: bool) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    assert_eq!(b.rows, k, "inner sizes of a matrix product");
    assert_eq!(output.len(), m * n, "output of a matrix product");
    // SAFETY: the strides of `a` and `b` come from `Matrix`'s constructors and stay inside their
    // slices; `output` is exactly m rows of n and nothing else refers to it.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            output.as_mut_ptr(),
            1,
            n as isize,
            accumulate,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
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

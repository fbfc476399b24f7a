//! Matrix views and their products: through the `gemm` crate natively, by our own kernel in
//! WebAssembly.

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

#[cfg(any(target_family = "wasm", test))]
impl<'a> Matrix<'a> {
    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn value(&self, row: usize, column: usize) -> f32 {
        self.values[row * self.row_stride + column * self.column_stride]
    }

    /// The rows if they are contiguous, the columns if those are.
    pub fn lines(&self) -> Lines<'a> {
        // A transposed single column has both strides 1, and one number per line.
        if self.column_stride == 1 && self.row_stride >= self.columns {
            Lines::Rows(self.values.chunks_exact(self.row_stride.max(1)))
        } else {
            Lines::Columns(self.values.chunks_exact(self.column_stride.max(1)))
        }
    }
}

/// A matrix as slices.
#[cfg(any(target_family = "wasm", test))]
#[derive(Debug, Clone)]
pub enum Lines<'a> {
    Rows(std::slice::ChunksExact<'a, f32>),
    Columns(std::slice::ChunksExact<'a, f32>),
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
    assert_eq!(a.columns, b.rows, "inner sizes of a matrix product");
    assert_eq!(
        output.len(),
        a.rows * b.columns,
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
    // SAFETY: the strides of `a` and `b` come from `Matrix`'s constructors and stay inside their
    // slices; `output` is exactly `a.rows` rows of `b.columns` and nothing else refers to it.
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            output.as_mut_ptr(),
            1,
            b.columns as isize,
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

//! Matrices as views of slices.

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

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }
}

#[cfg(not(target_family = "wasm"))]
impl<'a> Matrix<'a> {
    /// The slice that the numbers lie in.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// Numbers of the slice between neighbouring rows, and between neighbouring columns. The last
    /// number of the last row lies inside the slice.
    pub fn strides(&self) -> [usize; 2] {
        [self.row_stride, self.column_stride]
    }
}

#[cfg(any(target_family = "wasm", test))]
impl<'a> Matrix<'a> {
    /// The number at `row` and `column`.
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
    /// Rows, each contiguous.
    Rows(std::slice::ChunksExact<'a, f32>),
    /// Columns, each contiguous.
    Columns(std::slice::ChunksExact<'a, f32>),
}

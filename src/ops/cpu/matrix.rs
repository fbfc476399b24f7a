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

    /// The columns from `first` on that number `columns`.
    pub fn columns_from(self, first: usize, columns: usize) -> Self {
        assert!(first + columns <= self.columns, "columns of a matrix");
        Self {
            values: &self.values[first * self.column_stride..],
            columns,
            ..self
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

    /// The slice that the numbers lie in.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// Numbers of the slice between neighbouring rows, and between neighbouring columns. The last
    /// number of the last row lies inside the slice.
    pub fn strides(&self) -> [usize; 2] {
        [self.row_stride, self.column_stride]
    }

    /// The number at `row` and `column`.
    pub fn value(&self, row: usize, column: usize) -> f32 {
        self.values[row * self.row_stride + column * self.column_stride]
    }

    /// Fills `to` with the numbers of `row` from column `first` on.
    pub fn copy_row(&self, row: usize, first: usize, to: &mut [f32]) {
        if self.column_stride == 1 {
            let start = row * self.row_stride + first;
            to.copy_from_slice(&self.values[start..start + to.len()]);
        } else {
            for (column, to) in to.iter_mut().enumerate() {
                *to = self.value(row, first + column);
            }
        }
    }
}

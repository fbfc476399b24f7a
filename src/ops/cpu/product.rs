//! Matrix products by tiles of the output that stay in registers.
//!
//! A tile is a few rows by two vectors of columns. It adds up products of its rows' numbers, one at
//! a time in all lanes, with the right matrix's rows. Every number of a product is a sum in the
//! order of the inner index, whatever the tile: results do not depend on how rows are divided
//! among calls.

use std::cell::Cell;

use super::lanes::{Lanes, Vectorised, vectorised};
use super::matrix::Matrix;

/// Columns of a panel of the right matrix: two of the widest vectors.
const PANEL: usize = 32;

/// Columns of a vector at most.
const VECTOR: usize = PANEL / 2;

thread_local! {
    /// Memory for packed right matrices, kept between calls.
    static PACKED: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// The right matrix of products: its columns in panels of [`PANEL`], whose rows can be read as
/// whole vectors.
#[derive(Debug, Clone, Copy)]
pub struct Panels<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    panel_stride: usize,
}

impl<'a> Panels<'a> {
    /// `matrix` copied to the end of `memory`.
    pub fn packed(matrix: Matrix, memory: &'a mut Vec<f32>) -> Self {
        let start = memory.len();
        memory.resize(start + packed_len(matrix.rows(), matrix.columns()), 0.0);
        pack(matrix, &mut memory[start..]);
        Self::from_packed(&memory[start..], matrix.rows(), matrix.columns())
    }

    /// What [`pack`] wrote of a matrix of this size.
    pub fn from_packed(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), packed_len(rows, columns), "packed numbers");
        Self {
            values,
            rows,
            columns,
            row_stride: PANEL,
            panel_stride: rows * PANEL,
        }
    }

    /// Row-major `values` as they are, if their rows consist of whole vectors.
    fn unpacked(values: &'a [f32], columns: usize) -> Option<Self> {
        (columns.is_multiple_of(VECTOR) && columns > 0).then(|| Self {
            values,
            rows: values.len() / columns,
            columns,
            row_stride: columns,
            panel_stride: PANEL,
        })
    }
}

/// Numbers of a packed matrix.
pub fn packed_len(rows: usize, columns: usize) -> usize {
    rows * columns.next_multiple_of(PANEL)
}

/// Writes `matrix` as `[panels, rows, PANEL]`, with zeros after the last column.
pub fn pack(matrix: Matrix, packed: &mut [f32]) {
    let rows = matrix.rows();
    for (index, panel) in packed.chunks_exact_mut((rows * PANEL).max(1)).enumerate() {
        let first = index * PANEL;
        let columns = PANEL.min(matrix.columns() - first);
        for (row, packed) in panel.chunks_exact_mut(PANEL).enumerate() {
            matrix.copy_row(row, first, &mut packed[..columns]);
            packed[columns..].fill(0.0);
        }
    }
}

/// Calls `run` with `values`, row-major, as the right matrix of products.
pub fn with_panels<R>(values: &[f32], columns: usize, run: impl FnOnce(Panels) -> R) -> R {
    if let Some(panels) = Panels::unpacked(values, columns) {
        return run(panels);
    }
    with_packed(Matrix::row_major(values, columns), run)
}

/// Calls `run` with `matrix`, packed, as the right matrix of products.
pub fn with_packed<R>(matrix: Matrix, run: impl FnOnce(Panels) -> R) -> R {
    // Taken out of the cell meanwhile, so that a nested call gets memory of its own.
    let mut memory = PACKED.take();
    memory.clear();
    let result = run(Panels::packed(matrix, &mut memory));
    PACKED.set(memory);
    result
}

/// `output` = `a` · `b`, row-major.
pub fn multiply(output: &mut [f32], a: Matrix, b: Panels) {
    product(output, a, b, false);
}

/// `output` += `a` · `b`, row-major.
pub fn multiply_add(output: &mut [f32], a: Matrix, b: Panels) {
    product(output, a, b, true);
}

fn product(output: &mut [f32], a: Matrix, b: Panels, accumulate: bool) {
    assert_eq!(a.columns(), b.rows, "inner sizes of a matrix product");
    assert_eq!(
        output.len(),
        a.rows() * b.columns,
        "output of a matrix product"
    );
    vectorised(Product {
        output,
        a,
        b,
        accumulate,
    });
}

struct Product<'a> {
    output: &'a mut [f32],
    a: Matrix<'a>,
    b: Panels<'a>,
    accumulate: bool,
}

impl Vectorised for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize>(self) {
        let [row_stride, column_stride] = self.a.strides();
        if column_stride == 1 {
            strips::<L, ROWS, false>(self, row_stride);
        } else {
            assert_eq!(
                row_stride, 1,
                "rows or columns of a left matrix are contiguous"
            );
            strips::<L, ROWS, true>(self, column_stride);
        }
    }
}

/// All columns, two vectors at a time. `TURNED` says that the columns of the left matrix are
/// contiguous, and not its rows; `stride` is between those that are.
#[inline(always)]
fn strips<L: Lanes, const ROWS: usize, const TURNED: bool>(product: Product, stride: usize) {
    let Product {
        output,
        a,
        b,
        accumulate,
    } = product;
    for first in (0..b.columns).step_by(2 * L::COUNT) {
        let start = first / PANEL * b.panel_stride + first % PANEL;
        let strip = Strip {
            a: a.values().as_ptr(),
            a_stride: stride,
            rows: a.rows(),
            b: b.values[start..].as_ptr(),
            b_stride: b.row_stride,
            depth: b.rows,
            output: output[first..].as_mut_ptr(),
            output_stride: b.columns,
            columns: b.columns - first,
            accumulate,
        };
        // SAFETY: the tiles cover rows of `a` and of `output` and the strip's columns, whose
        // vectors lie in the panel.
        unsafe {
            if strip.columns > L::COUNT {
                strip.run::<L, ROWS, 2, TURNED>();
            } else {
                strip.run::<L, ROWS, 1, TURNED>();
            }
        }
    }
}

/// Columns of a product of at most two vectors.
#[derive(Clone, Copy)]
struct Strip {
    a: *const f32,
    a_stride: usize,
    rows: usize,
    b: *const f32,
    b_stride: usize,
    depth: usize,
    output: *mut f32,
    output_stride: usize,
    columns: usize,
    accumulate: bool,
}

impl Strip {
    #[inline(always)]
    unsafe fn run<L: Lanes, const ROWS: usize, const VECTORS: usize, const TURNED: bool>(self) {
        let mut row = 0;
        // SAFETY: the caller's matrices have all rows that are asked for.
        unsafe {
            while row + ROWS <= self.rows {
                self.tile::<L, ROWS, VECTORS, TURNED>(row);
                row += ROWS;
            }
            while row + 2 <= self.rows {
                self.tile::<L, 2, VECTORS, TURNED>(row);
                row += 2;
            }
            if row < self.rows {
                self.tile::<L, 1, VECTORS, TURNED>(row);
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<L: Lanes, const ROWS: usize, const VECTORS: usize, const TURNED: bool>(
        self,
        row: usize,
    ) {
        // SAFETY: the caller's matrices have these rows, and whole vectors of these columns.
        unsafe {
            let a = self.a.add(if TURNED { row } else { row * self.a_stride });
            let mut sums = [[L::splat(0.0); VECTORS]; ROWS];
            for k in 0..self.depth {
                let b = self.b.add(k * self.b_stride);
                let mut right = [L::splat(0.0); VECTORS];
                for (v, right) in right.iter_mut().enumerate() {
                    *right = L::load(b.add(v * L::COUNT));
                }
                for (i, sums) in sums.iter_mut().enumerate() {
                    let at = if TURNED {
                        k * self.a_stride + i
                    } else {
                        i * self.a_stride + k
                    };
                    let left = L::splat(*a.add(at));
                    for (sum, right) in sums.iter_mut().zip(&right) {
                        *sum = left.mul_add(*right, *sum);
                    }
                }
            }
            let output = self.output.add(row * self.output_stride);
            for (i, sums) in sums.iter().enumerate() {
                let output = output.add(i * self.output_stride);
                for (v, sum) in sums.iter().enumerate() {
                    let columns = self.columns - v * L::COUNT;
                    self.put(output.add(v * L::COUNT), columns, *sum);
                }
            }
        }
    }

    /// Puts the first `columns` of `sums`, at most, to `output` or adds them to what is there.
    #[inline(always)]
    unsafe fn put<L: Lanes>(self, output: *mut f32, columns: usize, sums: L) {
        // SAFETY: the caller's room for these columns; `VECTOR` is as long as any vector.
        unsafe {
            if columns >= L::COUNT {
                let sums = if self.accumulate {
                    sums.add(L::load(output))
                } else {
                    sums
                };
                return sums.store(output);
            }
            let mut lanes = [0.0; VECTOR];
            sums.store(lanes.as_mut_ptr());
            for (column, sum) in lanes.iter().take(columns).enumerate() {
                let output = output.add(column);
                *output = if self.accumulate { *output + sum } else { *sum };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::matrix::Matrix;
    use super::{product, with_packed, with_panels};

    /// Small whole numbers: their sums are exact in any order.
    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i * 7 + seed * 3) % 11) as f32 - 5.0)
            .collect()
    }

    #[test]
    fn product_agrees_with_its_definition() {
        for (m, n, k) in [
            (1, 1, 1),
            (1, 5, 4),
            (4, 8, 3),
            (7, 3, 5),
            (6, 13, 9),
            (9, 20, 1),
            (13, 48, 7),
            (19, 37, 6),
            (8, 64, 5),
        ] {
            let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
            for (a_transposed, b_transposed) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let view = |values, rows, columns, transposed| {
                    if transposed {
                        Matrix::row_major(values, rows).transposed()
                    } else {
                        Matrix::row_major(values, columns)
                    }
                };
                let a = view(&a, m, k, a_transposed);
                let right = view(&b, k, n, b_transposed);
                for accumulate in [false, true] {
                    let before = numbers(m * n, 3);
                    let mut output = before.clone();
                    if b_transposed {
                        with_packed(right, |b| product(&mut output, a, b, accumulate));
                    } else {
                        with_panels(&b, n, |b| product(&mut output, a, b, accumulate));
                    }
                    for (index, (output, before)) in output.iter().zip(before).enumerate() {
                        let (row, column) = (index / n, index % n);
                        let terms = (0..k).map(|i| a.value(row, i) * right.value(i, column));
                        let sum: f32 = terms.sum();
                        let expected = if accumulate { before + sum } else { sum };
                        assert_eq!(*output, expected, "{m} {n} {k} at {row}, {column}");
                    }
                }
            }
        }
    }
}

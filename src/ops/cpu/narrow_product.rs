//! Matrix products for WebAssembly's 128-bit vectors.
//!
//! gemm's kernel of 12 × 4 accumulators does not fit the 16 vector registers of an x86-64 browser,
//! where multiplication and addition are two instructions; 4 × 8 does and is a quarter faster. With
//! relaxed SIMD the two are one instruction where the processor has it.

use std::cell::Cell;

use super::matrix::{Lines, Matrix};

/// Rows of the output computed at a time.
const ROWS: usize = 4;
/// Columns of the output computed at a time: two vectors.
const COLUMNS: usize = 8;

thread_local! {
    /// Memory for a packed panel of the right matrix, kept between calls.
    static PANEL: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// `output` = `a` · `b`, row-major, or `output` += `a` · `b` if `accumulate`.
pub fn product(output: &mut [f32], a: Matrix, b: Matrix, accumulate: bool) {
    let mut panel = PANEL.take();
    for first in (0..b.columns()).step_by(COLUMNS) {
        let columns = COLUMNS.min(b.columns() - first);
        if columns <= COLUMNS / 2 {
            // Few channels, as in the last convolution: half the width, half the waste.
            pack::<{ COLUMNS / 2 }>(b, first, columns, &mut panel);
            panel_product::<{ COLUMNS / 2 }>(output, a, &panel, first..first + columns, accumulate);
        } else {
            pack::<COLUMNS>(b, first, columns, &mut panel);
            panel_product::<COLUMNS>(output, a, &panel, first..first + columns, accumulate);
        }
    }
    PANEL.set(panel);
}

/// Copies `columns` columns of `b` from `first` on to rows of `N` in `panel`, the rest zeros.
fn pack<const N: usize>(b: Matrix, first: usize, columns: usize, panel: &mut Vec<f32>) {
    panel.clear();
    panel.resize(b.rows() * N, 0.0);
    for (row, packed) in panel.chunks_exact_mut(N).enumerate() {
        for (column, packed) in packed[..columns].iter_mut().enumerate() {
            *packed = b.value(row, first + column);
        }
    }
}

/// The `columns` of `output` from `a` and the packed columns of the right matrix.
fn panel_product<const N: usize>(
    output: &mut [f32],
    a: Matrix,
    panel: &[f32],
    columns: std::ops::Range<usize>,
    accumulate: bool,
) {
    let (panel, _) = panel.as_chunks::<N>();
    let output_columns = output.len() / a.rows().max(1);
    let mut put = |row: usize, sums: &[f32; N]| {
        let output = &mut output[row * output_columns..][columns.clone()];
        for (output, sum) in output.iter_mut().zip(sums) {
            *output = if accumulate { *output + sum } else { *sum };
        }
    };
    let whole = a.rows() - a.rows() % ROWS;
    for row in (0..whole).step_by(ROWS) {
        let sums = block::<ROWS, N>(a, row, panel);
        for (i, sums) in sums.iter().enumerate() {
            put(row + i, sums);
        }
    }
    for row in whole..a.rows() {
        put(row, &block::<1, N>(a, row, panel)[0]);
    }
}

/// `R` rows of `a` from `first` on times `panel` `[k, N]`.
#[inline(always)]
fn block<const R: usize, const N: usize>(
    a: Matrix,
    first: usize,
    panel: &[[f32; N]],
) -> [[f32; N]; R] {
    match a.lines() {
        Lines::Rows(rows) => {
            let mut rows = rows.skip(first);
            // The caller asks for rows there are.
            rows_times_panel(
                std::array::from_fn(|_| rows.next().unwrap_or_default()),
                panel,
            )
        }
        Lines::Columns(columns) => columns_times_panel(columns, first, panel),
    }
}

/// `rows` `[R, k]` times `panel` `[k, N]`.
#[inline(never)]
fn rows_times_panel<const R: usize, const N: usize>(
    rows: [&[f32]; R],
    panel: &[[f32; N]],
) -> [[f32; N]; R] {
    let rows = rows.map(|row| &row[..panel.len()]);
    let mut sums = [[0.0; N]; R];
    for (k, right) in panel.iter().enumerate() {
        for i in 0..R {
            add_product(&mut sums[i], rows[i][k], right);
        }
    }
    sums
}

/// `R` rows from `first` of a matrix given by its columns, `[k, rows]`, times `panel` `[k, N]`.
#[inline(never)]
fn columns_times_panel<const R: usize, const N: usize>(
    columns: std::slice::ChunksExact<f32>,
    first: usize,
    panel: &[[f32; N]],
) -> [[f32; N]; R] {
    let mut sums = [[0.0; N]; R];
    for (column, right) in columns.zip(panel) {
        let column = &column[first..first + R];
        for i in 0..R {
            add_product(&mut sums[i], column[i], right);
        }
    }
    sums
}

/// `sum` += `left` · `right`.
#[inline(always)]
fn add_product<const N: usize>(sum: &mut [f32; N], left: f32, right: &[f32; N]) {
    #[cfg(target_feature = "relaxed-simd")]
    {
        use std::arch::wasm32::*;
        let vector = |x: &[f32; 4]| f32x4(x[0], x[1], x[2], x[3]);
        let ((sums, _), (rights, _)) = (sum.as_chunks_mut(), right.as_chunks());
        for (sum, right) in sums.iter_mut().zip(rights) {
            let total = f32x4_relaxed_madd(f32x4_splat(left), vector(right), vector(sum));
            *sum = [
                f32x4_extract_lane::<0>(total),
                f32x4_extract_lane::<1>(total),
                f32x4_extract_lane::<2>(total),
                f32x4_extract_lane::<3>(total),
            ];
        }
    }
    #[cfg(not(target_feature = "relaxed-simd"))]
    for (sum, right) in sum.iter_mut().zip(right) {
        *sum += left * right;
    }
}

#[cfg(test)]
mod tests {
    use super::super::matrix::Matrix;
    use super::product;

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
                let b = view(&b, k, n, b_transposed);
                for accumulate in [false, true] {
                    let before = numbers(m * n, 3);
                    let mut output = before.clone();
                    product(&mut output, a, b, accumulate);
                    for (index, (output, before)) in output.iter().zip(before).enumerate() {
                        let (row, column) = (index / n, index % n);
                        let terms = (0..k).map(|i| a.value(row, i) * b.value(i, column));
                        let sum: f32 = terms.sum();
                        let expected = if accumulate { before + sum } else { sum };
                        assert_eq!(*output, expected, "{m} {n} {k} at {row}, {column}");
                    }
                }
            }
        }
    }
}

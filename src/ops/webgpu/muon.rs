//! Muon's update (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks") of
//! all matrices of a network in three launches: their Gram matrices, the polynomials in them that
//! stand for the Newton–Schulz iteration (see `../cpu/muon.rs`), and the update itself.
//!
//! The polynomials of a matrix are one workgroup's work. They take as many products as 20 of the
//! matrix's shorter side, cubed, which does not grow with the images or the batch.

use crate::ops::{
    MuonStep, OptimizerStep,
    optimizer::{LEAST_NORM, NEWTON_SCHULZ, NEWTON_SCHULZ_STEPS},
};

use super::{
    launch::{Binding, DISPATCH_WIDTH, bind, dispatch},
    shader::Shader,
    state_layout::{FIELDS, Layout},
    table::table,
    tensor::{Primitive, allocate},
};

/// Threads of a workgroup that each make a tile of their own.
const THREADS: usize = 64;

/// Threads of the workgroup that has a matrix to itself.
const POLYNOMIAL_THREADS: usize = 256;

/// Side of a thread's tile.
const TILE: usize = 4;

/// Square matrices for each matrix.
const SQUARES: usize = 4;

/// The matrices that Muon moves.
#[derive(Debug, Default)]
pub(super) struct Matrices {
    count: usize,
    /// What the shaders read of each; see `muon_common.wgsl`.
    table: Vec<u32>,
    gram_workgroups: usize,
    update_workgroups: usize,
    /// Numbers of all square matrices.
    squares: usize,
}

impl Matrices {
    /// Adds those of parameter `index`, which lie side by side with so many `columns` each.
    pub(super) fn add(&mut self, layout: &Layout, index: usize, columns: &[usize]) {
        let stride: usize = columns.iter().sum();
        let rows = layout.shapes[index].num_elements() / stride;
        let mut start = layout.offsets[index];
        for &columns in columns {
            let quads = rows.min(columns).div_ceil(TILE);
            let entry = [
                self.gram_workgroups,
                self.update_workgroups,
                start,
                rows,
                columns,
                stride,
                self.squares / TILE,
            ];
            self.table.extend(entry.map(|number| number as u32));
            self.table.push(MuonStep::scale(rows, columns).to_bits());
            self.count += 1;
            self.gram_workgroups += (quads * quads).div_ceil(THREADS);
            let tiles = rows.div_ceil(TILE) * columns.div_ceil(TILE);
            self.update_workgroups += tiles.div_ceil(THREADS);
            self.squares += SQUARES * (TILE * quads).pow(2);
            start += columns;
        }
    }

    /// Moves the weights in `state`, whose exp_avg_sq says along what, and their average.
    pub(super) fn update(self, layout: &Layout, state: &Primitive, numbers: &Primitive) {
        if self.count == 0 {
            return;
        }
        let mut words = vec![layout.length as u32, 0, 0, 0];
        words.extend(&self.table);
        let count = words.len();
        let table = table(words, &state.device);
        let squares = allocate(state, [self.squares]);

        let bind_table = bind(&table, [count]);
        let bind_state = bind(state, [FIELDS * layout.length]);
        let bind_squares = bind(&squares, [self.squares]);
        let run = |shader: Shader, workgroups, bindings: &[Binding]| {
            let shader = shader
                .constant("MATRICES", self.count)
                .constant("DISPATCH_WIDTH", DISPATCH_WIDTH);
            dispatch(shader, workgroups, bindings);
        };
        let gram = concat!(
            include_str!("muon_common.wgsl"),
            include_str!("muon_gram.wgsl")
        );
        run(
            Shader::new("muon_gram", gram, THREADS),
            self.gram_workgroups,
            &[bind_table, bind_state, bind_squares],
        );
        let polynomial = concat!(
            include_str!("muon_common.wgsl"),
            include_str!("muon_polynomial.wgsl")
        );
        let [a, b, c] = NEWTON_SCHULZ;
        run(
            Shader::new("muon_polynomial", polynomial, POLYNOMIAL_THREADS)
                .constant("STEPS", NEWTON_SCHULZ_STEPS)
                .float("A", a)
                .float("B", b)
                .float("C", c)
                .float("LEAST_NORM", LEAST_NORM),
            self.count,
            &[bind_table, bind_squares],
        );
        let update = concat!(
            include_str!("optimizer_step.wgsl"),
            include_str!("muon_common.wgsl"),
            include_str!("muon_update.wgsl")
        );
        run(
            Shader::new("muon_update", update, THREADS),
            self.update_workgroups,
            &[
                bind_table,
                bind(numbers, [OptimizerStep::NUMBERS]),
                bind_squares,
                bind_state,
            ],
        );
    }
}

//! CPU kernels on plain slices, shared by the `flex` and `candle` backends.
//!
//! Convolutions are matrix products, most of them of transformed tiles; the rest are fused loops
//! that the compiler vectorises. Work is split into a fixed number of pieces that depends on the
//! shapes alone and partial sums are added in a fixed order, so results are the same bits for any
//! number of threads, and without threads.

pub mod backend;
pub mod conv;
pub mod exp;
pub mod group_norm;
mod kernel_places;
mod lanes;
mod maps;
mod matrix;
pub mod memory;
mod muon;
mod norm_loops;
pub mod optimizer;
mod parallel;
pub mod patches;
mod product;
mod tiles;
mod vectorised;
pub mod winograd;

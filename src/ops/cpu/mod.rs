//! CPU kernels on plain slices, shared by the `flex` and `candle` backends.
//!
//! Convolutions are matrix products, of the `gemm` crate natively and of our own kernel in
//! WebAssembly; the rest are fused loops that the compiler vectorises. Work is split into a fixed
//! number of pieces that depends on the shapes alone and partial sums are added in a fixed order,
//! so results are the same bits for any number of threads, and without threads.

pub mod adam;
pub mod backend;
pub mod conv;
pub mod exp;
pub mod group_norm;
mod matrix;
#[cfg(any(target_family = "wasm", test))]
mod narrow_product;
mod parallel;
pub mod patches;
mod product;
mod vectorised;

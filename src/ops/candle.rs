//! Kernels of the `candle` backend.

use crate::backend::Candle;

use super::Kernels;

impl Kernels for Candle {}
super::ops_from_kernels!(Candle);

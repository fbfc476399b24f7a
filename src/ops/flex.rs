//! Kernels of the `flex` backend.

use crate::backend::Flex;

use super::Kernels;

impl Kernels for Flex {}
super::ops_from_kernels!(Flex);

//! Kernels of the `webgpu` backend.

use crate::backend::WebGpu;

use super::Kernels;

impl Kernels for WebGpu {}
super::ops_from_kernels!(WebGpu);

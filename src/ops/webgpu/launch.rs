//! Allocation and launch, the same for every kernel.

use burn::tensor::{DType, Shape, TensorMetadata};
use burn_wgpu::{CubeTensor, SourceKernel, WgpuRuntime, into_contiguous};
use cubecl::{CubeCount, CubeDim, server::KernelArguments};

use super::shader::Shader;

pub(super) type Primitive = CubeTensor<WgpuRuntime>;

/// Workgroups along the first dimension of a dispatch; more continue in the second dimension,
/// since WebGPU allows 65,535 along each.
const DISPATCH_WIDTH: usize = 32_768;

/// The sizes of a primitive of known rank.
pub(super) fn dimensions<const D: usize>(tensor: &Primitive) -> [usize; D] {
    let shape = tensor.shape();
    std::array::from_fn(|axis| shape[axis])
}

/// `tensor` in row-major order, copied only if it is a strided view.
pub(super) fn contiguous(tensor: Primitive) -> Primitive {
    into_contiguous(tensor)
}

/// An uninitialised row-major f32 tensor on the device of `like`.
pub(super) fn allocate<const D: usize>(like: &Primitive, shape: [usize; D]) -> Primitive {
    let bytes = shape.iter().product::<usize>() * size_of::<f32>();
    CubeTensor::new_contiguous(
        like.client.clone(),
        like.device.clone(),
        Shape::from(shape),
        like.client.empty(bytes),
        DType::F32,
    )
}

/// `numbers` on the device of `like`.
pub(super) fn upload(like: &Primitive, numbers: &[f32]) -> Primitive {
    let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_ne_bytes()).collect();
    CubeTensor::new_contiguous(
        like.client.clone(),
        like.device.clone(),
        Shape::from([numbers.len()]),
        like.client.create_from_slice(&bytes),
        DType::F32,
    )
}

/// Runs `workgroups` workgroups of `shader`; buffers are bound in order from 0.
///
/// The shader finds its place by `workgroup_index`, and returns where that is not below
/// `WORKGROUPS`, as the last row of the dispatch may be partly filled.
pub(super) fn launch(shader: Shader, workgroups: usize, buffers: &[&Primitive]) {
    let Some(first) = buffers.first() else { return };
    if workgroups == 0 {
        return;
    }
    let width = workgroups.min(DISPATCH_WIDTH);
    let shader = shader
        .constant("WORKGROUPS", workgroups)
        .constant("DISPATCH_WIDTH", width);
    let dim = CubeDim::new_1d(shader.threads());
    let count = CubeCount::Static(width as u32, workgroups.div_ceil(width) as u32, 1);
    let bindings = buffers
        .iter()
        .map(|tensor| tensor.handle.clone().binding())
        .collect();
    // SAFETY: every shader of this module checks its indices against its shapes, and every loop
    // has a constant bound. The checked mode would only add a counter to each loop.
    unsafe {
        first.client.launch_unchecked(
            Box::new(SourceKernel::new(shader, dim)),
            count,
            KernelArguments::new().with_buffers(bindings),
        );
    }
}

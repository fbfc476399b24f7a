//! Allocation and launch, the same for every kernel.

use burn::tensor::{DType, Shape, TensorMetadata, ops::FloatTensorOps};
use burn_wgpu::{CubeTensor, SourceKernel, WgpuDevice, WgpuRuntime, into_contiguous};
use cubecl::{CubeCount, CubeDim, Runtime, server::KernelArguments};

use super::{half, shader::Shader};
use crate::backend::WebGpu;

pub(super) type Primitive = CubeTensor<WgpuRuntime>;

/// Workgroups along the first dimension of a dispatch; more continue in the second dimension,
/// since WebGPU allows 65,535 along each.
pub(super) const DISPATCH_WIDTH: usize = 32_768;

/// Part of a buffer that is bound alone must begin at a multiple of this many numbers, 256 bytes.
pub(super) const ALIGNMENT: usize = 64;

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
    allocate_as(DType::F32, like, shape)
}

/// An uninitialised feature map `[n, h, w, c]` on the device of `like`; see [`half::storage`].
pub(super) fn allocate_map(like: &Primitive, shape: [usize; 4]) -> Primitive {
    allocate_as(half::storage(shape), like, shape)
}

fn allocate_as<const D: usize>(dtype: DType, like: &Primitive, shape: [usize; D]) -> Primitive {
    let bytes = shape.iter().product::<usize>() * dtype.size();
    CubeTensor::new_contiguous(
        like.client.clone(),
        like.device.clone(),
        Shape::from(shape),
        like.client.empty(bytes),
        dtype,
    )
}

/// The same numbers, which are contiguous, under another shape.
pub(super) fn reshaped(tensor: Primitive, shape: Shape) -> Primitive {
    CubeTensor::new_contiguous(
        tensor.client,
        tensor.device,
        shape,
        tensor.handle,
        tensor.dtype,
    )
}

/// The numbers of `whole` from `start` on, a multiple of [`ALIGNMENT`], as a tensor of their own.
pub(super) fn part(whole: &Primitive, start: usize, shape: Shape) -> Primitive {
    let size = shape.num_elements().next_multiple_of(ALIGNMENT);
    let bytes = |numbers: usize| (numbers * size_of::<f32>()) as u64;
    let end = whole.handle.size() - bytes(start) - bytes(size);
    CubeTensor::new_contiguous(
        whole.client.clone(),
        whole.device.clone(),
        shape,
        (whole.handle.clone())
            .offset_start(bytes(start))
            .offset_end(end),
        DType::F32,
    )
}

/// A view of `tensor` with its axes in another order.
pub(super) fn permuted(tensor: Primitive, axes: [usize; 4]) -> Primitive {
    <WebGpu>::float_permute(tensor, &axes)
}

/// `words`, and zeros to the next multiple of [`ALIGNMENT`], where a [`part`] can end. Only a shader of ours
/// knows what they mean.
pub(super) fn upload(words: &[u32], device: &WgpuDevice) -> Primitive {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let count = words.len().next_multiple_of(ALIGNMENT);
    bytes.resize(count * size_of::<u32>(), 0);
    let client = WgpuRuntime::client(device);
    let handle = client.create_from_slice(&bytes);
    CubeTensor::new_contiguous(
        client,
        device.clone(),
        Shape::from([count]),
        handle,
        DType::U32,
    )
}

/// Runs `workgroups` workgroups of `shader`; buffers are bound in order from 0.
///
/// The shader finds its place by its workgroup's x and y and `DISPATCH_WIDTH`, and returns where it has
/// no work, as the last row of the dispatch may be partly filled; `WORKGROUPS` says how many are wanted.
pub(super) fn launch(shader: Shader, workgroups: usize, buffers: &[&Primitive]) {
    let shader = shader
        .constant("WORKGROUPS", workgroups)
        .constant("DISPATCH_WIDTH", workgroups.min(DISPATCH_WIDTH));
    dispatch(shader, workgroups, buffers);
}

/// [`launch`] for a shader that knows by itself which workgroups have work.
pub(super) fn dispatch(shader: Shader, workgroups: usize, buffers: &[&Primitive]) {
    let Some(first) = buffers.first() else { return };
    if workgroups == 0 {
        return;
    }
    let width = workgroups.min(DISPATCH_WIDTH);
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

//! Tensors as buffers of the GPU: sizes, allocation, views and upload.

use burn::tensor::{DType, Shape, TensorMetadata, ops::FloatTensorOps};
use burn_wgpu::{CubeTensor, WgpuDevice, WgpuRuntime, into_contiguous};
use cubecl::Runtime;

use super::half;
use crate::{
    backend::WebGpu,
    ops::{Capacity, MixedPrecision},
};

pub(super) type Primitive = CubeTensor<WgpuRuntime>;

/// Part of a buffer that is bound alone must begin at a multiple of this many numbers, 256 bytes.
pub(super) const ALIGNMENT: usize = 64;

/// See [`crate::ops::Kernels::capacity`]: every tensor is bound as a whole. How much there is of
/// everything, WebGPU does not tell.
pub(super) fn capacity(device: &WgpuDevice) -> Capacity {
    let client = WgpuRuntime::client(device);
    Capacity {
        tensor: Some(client.properties().memory.max_page_size),
        total: None,
    }
}

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
pub(super) fn allocate_map(
    like: &Primitive,
    shape: [usize; 4],
    mixed_precision: MixedPrecision,
) -> Primitive {
    allocate_as(half::storage(shape, mixed_precision), like, shape)
}

/// An uninitialised row-major tensor on the device of `like`.
pub(super) fn allocate_as<const D: usize>(
    dtype: DType,
    like: &Primitive,
    shape: [usize; D],
) -> Primitive {
    let bytes = shape.iter().product::<usize>() * dtype.size();
    CubeTensor::new_contiguous(
        like.client.clone(),
        like.device.clone(),
        Shape::from(shape),
        like.client.empty(bytes),
        dtype,
    )
}

/// The buffer that `tensor` may be only a part of, as a tensor of f32.
pub(super) fn whole(tensor: &Primitive) -> Primitive {
    let mut handle = tensor.handle.clone();
    (handle.offset_start, handle.offset_end) = (None, None);
    let count = handle.size() as usize / size_of::<f32>();
    CubeTensor::new_contiguous(
        tensor.client.clone(),
        tensor.device.clone(),
        Shape::from([count]),
        handle,
        DType::F32,
    )
}

/// The f32 numbers of `whole` from `start` on, a multiple of [`ALIGNMENT`], as a tensor of their
/// own. `whole` is as long as a multiple of [`ALIGNMENT`].
pub(super) fn part(whole: &Primitive, start: usize, shape: Shape) -> Primitive {
    part_as(DType::F32, whole, start, shape)
}

/// [`part`] of numbers of another kind; 256 bytes of them take the place of [`ALIGNMENT`].
pub(super) fn part_as(dtype: DType, whole: &Primitive, start: usize, shape: Shape) -> Primitive {
    let alignment = ALIGNMENT * size_of::<f32>() / dtype.size();
    let size = shape.num_elements().next_multiple_of(alignment);
    let bytes = |numbers: usize| (numbers * dtype.size()) as u64;
    let end = whole.handle.size_in_used() - bytes(start) - bytes(size);
    CubeTensor::new_contiguous(
        whole.client.clone(),
        whole.device.clone(),
        shape,
        (whole.handle.clone())
            .offset_start(bytes(start))
            .offset_end(end),
        dtype,
    )
}

/// A view of `tensor` with its axes in another order.
pub(super) fn permuted(tensor: Primitive, axes: [usize; 4]) -> Primitive {
    <WebGpu>::float_permute(tensor, &axes)
}

/// `words`, and zeros to the next multiple of [`ALIGNMENT`], where a [`part`] can end. Only a
/// shader of ours knows what they mean.
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

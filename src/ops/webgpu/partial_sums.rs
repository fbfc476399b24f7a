//! Memory for partial sums of parameters' gradients.
//!
//! Those of a step lie in few shared buffers: a shader may have 8 storage buffers everywhere, so that
//! the optimizer could otherwise read few of them in a launch.

use std::cell::RefCell;

use burn::tensor::Shape;
use burn_wgpu::WgpuDevice;

use super::tensor::{self, ALIGNMENT, Primitive, part};

/// Numbers in a shared buffer, 16 MiB: those of the default network at batch 16 are 70 MB, which is as
/// many buffers as the optimizer reads in a launch.
const LENGTH: usize = 1 << 22;

/// A buffer that tensors share. Handles of buffers cannot be compared, so each has a length of its
/// own to be known by, and its first [`ALIGNMENT`] numbers are nobody's, so that no part of it looks
/// like a tensor with a buffer to itself.
struct SharedBuffer {
    /// Its length is [`LENGTH`] and this many times [`ALIGNMENT`].
    index: usize,
    buffer: Primitive,
    /// How many of its numbers were taken since it was last unused.
    taken: usize,
}

thread_local! {
    static BUFFERS: RefCell<Vec<SharedBuffer>> = const { RefCell::new(Vec::new()) };
}

/// An uninitialised f32 tensor for partial sums of a gradient, on the device of `like`.
pub(super) fn allocate<const D: usize>(like: &Primitive, shape: [usize; D]) -> Primitive {
    let count = shape.iter().product::<usize>().next_multiple_of(ALIGNMENT);
    if count > LENGTH - ALIGNMENT {
        return tensor::allocate(like, shape);
    }
    BUFFERS.with_borrow_mut(|buffers| {
        let known = buffers
            .iter()
            .position(|shared| shared.has_room(like, count));
        let place = known.unwrap_or_else(|| {
            let free = |index: &usize| buffers.iter().all(|shared| shared.index != *index);
            let index = (0..).find(free).unwrap_or_default();
            buffers.push(SharedBuffer::new(like, index));
            buffers.len() - 1
        });
        buffers[place].take(count, Shape::from(shape))
    })
}

/// Which of the shared buffers `tensor` lies in, which has a buffer to itself or came from
/// [`allocate`].
pub(super) fn shared_buffer(tensor: &Primitive) -> Option<usize> {
    let start = tensor.handle.offset_start.unwrap_or(0);
    BUFFERS.with_borrow(|buffers| {
        let same = |shared: &&SharedBuffer| {
            tensor.handle.size() == shared.buffer.handle.size()
                && tensor.device == shared.buffer.device
        };
        (start > 0)
            .then(|| buffers.iter().find(same))?
            .map(|shared| shared.index)
    })
}

/// Ends a step on `device`, whose partial sums nobody needs any more.
pub(super) fn end_step(device: &WgpuDevice) {
    BUFFERS.with_borrow_mut(|buffers| {
        buffers.retain(|shared| shared.buffer.device != *device || !shared.is_unused());
    });
}

impl SharedBuffer {
    fn new(like: &Primitive, index: usize) -> Self {
        Self {
            index,
            buffer: tensor::allocate(like, [LENGTH + index * ALIGNMENT]),
            taken: ALIGNMENT,
        }
    }

    /// Whether nobody holds a part of it.
    fn is_unused(&self) -> bool {
        self.buffer.can_mut()
    }

    /// Where the next part begins.
    fn end(&self) -> usize {
        if self.is_unused() {
            ALIGNMENT
        } else {
            self.taken
        }
    }

    fn has_room(&self, like: &Primitive, count: usize) -> bool {
        self.buffer.device == like.device && self.end() + count <= LENGTH
    }

    fn take(&mut self, count: usize, shape: Shape) -> Primitive {
        let start = self.end();
        self.taken = start + count;
        part(&self.buffer, start, shape)
    }
}

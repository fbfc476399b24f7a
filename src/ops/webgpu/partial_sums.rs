//! Memory for partial sums of parameters' gradients.
//!
//! Those of a step lie in one buffer where that is possible: a shader may have 8 storage buffers
//! everywhere, so that the optimizer could otherwise read few of them in a launch.

use std::cell::RefCell;

use burn::tensor::Shape;
use burn_wgpu::WgpuDevice;

use super::tensor::{self, ALIGNMENT, Primitive, part};

/// Most numbers in the buffer: the 128 MiB that can be bound everywhere.
const MAX_NUMBERS: usize = 1 << 25;

/// The shared buffer, of which there is one at a time in a thread: as long as somebody holds a part
/// of it there is no other.
#[derive(Default)]
struct Arena {
    /// The buffer, and how many numbers of it are taken. The first [`ALIGNMENT`] are nobody's, so
    /// that a part is known by its offset.
    buffer: Option<(Primitive, usize)>,
    /// Numbers that were asked for since the last step ended.
    asked: usize,
    /// How long the next buffer is to be, and on which device: what the last step asked for.
    next: Option<(WgpuDevice, usize)>,
}

thread_local! {
    static ARENA: RefCell<Arena> = RefCell::default();
}

/// An uninitialised f32 tensor for partial sums of a gradient, on the device of `like`.
pub(super) fn allocate<const D: usize>(like: &Primitive, shape: [usize; D]) -> Primitive {
    let count = shape.iter().product::<usize>().next_multiple_of(ALIGNMENT);
    let buffer = ARENA.with_borrow_mut(|arena| arena.take(like, count));
    part(&buffer.0, buffer.1, Shape::from(shape))
}

/// Whether `tensor`, which has a buffer of its own or came from [`allocate`], lies in the shared
/// buffer.
pub(super) fn is_shared(tensor: &Primitive) -> bool {
    ARENA.with_borrow(|arena| {
        arena.buffer.as_ref().is_some_and(|(buffer, _)| {
            tensor.handle.size() == buffer.handle.size()
                && tensor.handle.offset_start.is_some_and(|start| start > 0)
                && tensor.device == buffer.device
        })
    })
}

/// Ends a step on `device`, whose partial sums nobody needs any more.
pub(super) fn end_step(device: &WgpuDevice) {
    ARENA.with_borrow_mut(|arena| {
        arena.next = Some((device.clone(), arena.asked + ALIGNMENT));
        arena.asked = 0;
        arena.buffer.take_if(|(buffer, _)| buffer.can_mut());
    });
}

impl Arena {
    /// A buffer with room for `count` numbers, and where they begin there.
    fn take(&mut self, like: &Primitive, count: usize) -> (Primitive, usize) {
        self.asked += count;
        if self.buffer.is_none() {
            self.buffer = self.make(like).map(|buffer| (buffer, ALIGNMENT));
        }
        let Some((buffer, taken)) = &mut self.buffer else {
            return (tensor::allocate(like, [count]), 0);
        };
        if *taken + count <= buffer.meta.num_elements() && buffer.device == like.device {
            *taken += count;
            return (buffer.clone(), *taken - count);
        }
        // Of another size than the shared buffer.
        let alone = tensor::allocate(like, [count]);
        let same_size = alone.handle.size() == buffer.handle.size();
        let longer = || tensor::allocate(like, [count + ALIGNMENT]);
        (if same_size { longer() } else { alone }, 0)
    }

    fn make(&self, like: &Primitive) -> Option<Primitive> {
        let (device, numbers) = self.next.as_ref()?;
        let numbers = [(*numbers).min(MAX_NUMBERS)];
        (*device == like.device && self.asked > 0).then(|| tensor::allocate(like, numbers))
    }
}

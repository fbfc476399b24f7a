//! Memory of feature maps, kept for the next map of the same size.
//!
//! A training step needs the same sizes every time, a hundred megabytes in all. What is freed and
//! allocated again the system takes away, hands out a page at a time and clears, which costs as
//! much as a tenth of the step, and threads wait for each other in it.

use std::cell::RefCell;
use std::collections::VecDeque;

/// Fewest numbers that are worth keeping.
const MIN_LENGTH: usize = 4096;

/// Numbers of room after those of a map, by which memory from here is known: what others have
/// allocated is not kept, since nobody would take it.
const SPARE: usize = 16;

/// Calls of [`take`] after which what nobody has asked for is freed: more than a training step
/// makes.
const PATIENCE: u64 = 1000;

#[derive(Debug, Default)]
struct Idle {
    /// With the number of the call before which it was given back, the latest last.
    values: VecDeque<(u64, Vec<f32>)>,
    calls: u64,
}

thread_local! {
    static IDLE: RefCell<Idle> = RefCell::default();
}

/// `length` numbers of unspecified value, all of which the caller writes.
pub fn take(length: usize) -> Vec<f32> {
    // WebAssembly keeps the pages it has once had, and its allocator joins what is free to other
    // sizes, which takes less memory than keeping them apart.
    if length < MIN_LENGTH || cfg!(target_family = "wasm") {
        return vec![0.0; length];
    }
    IDLE.with_borrow_mut(|idle| {
        idle.calls += 1;
        while let Some((call, _)) = idle.values.front()
            && call + PATIENCE < idle.calls
        {
            idle.values.pop_front();
        }
        let found = idle
            .values
            .iter()
            .rposition(|(_, values)| values.len() == length);
        if let Some((_, values)) = found.and_then(|index| idle.values.remove(index)) {
            return values;
        }
        let mut values = vec![0.0; length + SPARE];
        values.truncate(length);
        values
    })
}

/// Keeps `values` for [`take`], where they come from.
pub fn give_back(values: Vec<f32>) {
    if values.len() >= MIN_LENGTH && values.capacity() == values.len() + SPARE {
        IDLE.with_borrow_mut(|idle| idle.values.push_back((idle.calls, values)));
    }
}

#[cfg(test)]
mod tests {
    use super::{IDLE, PATIENCE, give_back, take};

    fn idle() -> Vec<usize> {
        IDLE.with_borrow(|idle| idle.values.iter().map(|(_, values)| values.len()).collect())
    }

    #[test]
    fn memory_is_used_again_or_freed() {
        let first = take(10_000);
        let address = first.as_ptr();
        give_back(first);
        let again = take(10_000);
        assert_eq!(again.as_ptr(), address);
        assert!(idle().is_empty());

        give_back(take(5_000));
        // What others have allocated is theirs.
        give_back(vec![0.0; 7_000]);
        assert_eq!(idle(), [5_000]);
        for _ in 0..=PATIENCE {
            drop(take(6_000));
        }
        assert!(idle().is_empty());
    }
}

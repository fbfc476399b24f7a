//! Threads where there are any: rayon's natively, none in a browser.
//!
//! How work is split is the caller's choice and must not depend on the number of threads.

use super::memory::{give_back, take};

/// Calls `run` once for every task, in no particular order.
pub fn for_each<T: Send>(tasks: Vec<T>, run: impl Fn(T) + Send + Sync) {
    #[cfg(not(target_family = "wasm"))]
    if tasks.len() > 1 {
        use rayon::prelude::*;
        // Tasks are few and large: let every one be stolen on its own.
        return tasks.into_par_iter().with_max_len(1).for_each(run);
    }
    tasks.into_iter().for_each(run);
}

/// The results of `run` for every task, in the order of the tasks.
pub fn map<T: Send, R: Send>(tasks: Vec<T>, run: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
    #[cfg(not(target_family = "wasm"))]
    if tasks.len() > 1 {
        use rayon::prelude::*;
        return tasks.into_par_iter().with_max_len(1).map(run).collect();
    }
    tasks.into_iter().map(run).collect()
}

/// Numbers of a sum that a thread adds up at a time.
const SUM_CHUNK: usize = 4096;

/// The sum, number by number and in the order of the tasks, of the `length` numbers that `run` adds
/// to zeros for each task.
pub fn sum<T: Send>(
    tasks: Vec<T>,
    length: usize,
    run: impl Fn(T, &mut [f32]) + Send + Sync,
) -> Vec<f32> {
    let part = |(task, part): (T, &mut Vec<f32>)| {
        part.fill(0.0);
        run(task, part);
    };
    let mut total = take(length);
    let mut tasks = tasks.into_iter();
    let Some(first) = tasks.next() else {
        total.fill(0.0);
        return total;
    };
    // Without threads one after the other, so that there are never more than two.
    if cfg!(target_family = "wasm") {
        part((first, &mut total));
        let mut other = take(length);
        for task in tasks {
            part((task, &mut other));
            add(&mut total, &other);
        }
        give_back(other);
        return total;
    }
    let mut others: Vec<_> = tasks.as_slice().iter().map(|_| take(length)).collect();
    let parts = std::iter::once(&mut total).chain(&mut others);
    for_each(
        std::iter::once(first).chain(tasks).zip(parts).collect(),
        part,
    );
    let chunks = total.chunks_mut(SUM_CHUNK).enumerate();
    for_each(chunks.collect(), |(index, total)| {
        for part in &others {
            add(total, &part[index * SUM_CHUNK..][..total.len()]);
        }
    });
    others.into_iter().for_each(give_back);
    total
}

fn add(total: &mut [f32], part: &[f32]) {
    for (total, part) in total.iter_mut().zip(part) {
        *total += part;
    }
}

//! Threads where there are any: rayon's natively, none in a browser.
//!
//! How work is split is the caller's choice and must not depend on the number of threads.

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

/// The sum, number by number and in the order of the tasks, of the `length` numbers that `run` adds
/// to zeros for each task.
pub fn sum<T: Send>(
    tasks: Vec<T>,
    length: usize,
    run: impl Fn(T, &mut [f32]) + Send + Sync,
) -> Vec<f32> {
    let part = |task| {
        let mut part = vec![0.0; length];
        run(task, &mut part);
        part
    };
    let add = |mut total: Vec<f32>, part: Vec<f32>| {
        for (total, part) in total.iter_mut().zip(part) {
            *total += part;
        }
        total
    };
    #[cfg(not(target_family = "wasm"))]
    let parts = map(tasks, part).into_iter();
    // One after the other, so that there are never more than two.
    #[cfg(target_family = "wasm")]
    let parts = tasks.into_iter().map(part);
    parts.reduce(add).unwrap_or_else(|| vec![0.0; length])
}

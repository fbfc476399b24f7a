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

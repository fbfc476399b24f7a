//! Tables that kernels read and that are the same in every step of a run: uploaded once.

use std::cell::RefCell;

use burn_wgpu::WgpuDevice;

use super::tensor::{Primitive, upload};

/// Tables that are kept.
const MAX_TABLES: usize = 64;

thread_local! {
    /// Tables on the device.
    static TABLES: RefCell<Vec<(Vec<u32>, Primitive)>> = const { RefCell::new(Vec::new()) };
}

/// `words` on `device`.
pub(super) fn table(words: Vec<u32>, device: &WgpuDevice) -> Primitive {
    TABLES.with_borrow_mut(|tables| {
        let known = tables
            .iter()
            .find(|(known, table)| *known == words && table.device == *device);
        if let Some((_, table)) = known {
            return table.clone();
        }
        if tables.len() == MAX_TABLES {
            tables.remove(0);
        }
        let table = upload(&words, device);
        tables.push((words, table.clone()));
        table
    })
}

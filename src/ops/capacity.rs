//! What a device has room for.

/// Bytes that a device has room for; `None` where that is not known, or far beyond what is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// For one tensor.
    pub tensor: Option<u64>,
    /// For everything together.
    pub total: Option<u64>,
}

impl Capacity {
    /// No limits.
    pub const UNLIMITED: Self = Self {
        tensor: None,
        total: None,
    };

    /// Of the memory of this program: WebAssembly addresses 4 GiB, and Rust half of it at a time.
    pub const HOST: Self = if cfg!(target_pointer_width = "32") {
        Self {
            tensor: Some(i32::MAX as u64),
            // The program and its images are there too.
            total: Some(7 << 29),
        }
    } else {
        Self::UNLIMITED
    };
}

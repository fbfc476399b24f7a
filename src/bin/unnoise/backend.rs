//! The choice of a backend.

use clap::ValueEnum;
use unnoise::ops::Kernels;

use crate::failure::Result;

/// What computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BackendKind {
    /// The GPU, through Vulkan, Metal or DirectX 12
    #[cfg(feature = "webgpu")]
    Webgpu,
    /// The CPU, through Hugging Face's candle
    #[cfg(feature = "candle")]
    Candle,
    /// The CPU, all cores
    Flex,
}

/// Work that any backend can do.
pub trait Job {
    fn run<B: Kernels>(self, device: B::Device) -> Result<()>;
}

impl BackendKind {
    /// Does `job` on this backend's default device.
    ///
    /// # Errors
    /// What `job` refuses, and [`unnoise::error::Error::NoWebGpu`] without a GPU.
    pub fn run(self, job: impl Job) -> Result<()> {
        match self {
            #[cfg(feature = "webgpu")]
            Self::Webgpu => {
                let gpu = unnoise::ops::webgpu::device::initialise_blocking()?;
                job.run::<unnoise::backend::WebGpu>(gpu.device)
            }
            #[cfg(feature = "candle")]
            Self::Candle => job.run::<unnoise::backend::Candle>(Default::default()),
            Self::Flex => job.run::<unnoise::backend::Flex>(Default::default()),
        }
    }
}

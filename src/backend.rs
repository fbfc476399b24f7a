//! The backend types, named here and nowhere else.

/// burn's pure-Rust CPU backend.
#[cfg(feature = "flex")]
pub use burn_flex::Flex;

/// Candle's CPU backend. burn 0.21 is the last stable release that has it and marks it deprecated.
#[cfg(feature = "candle")]
#[allow(deprecated)]
pub type Candle = burn_candle::Candle<f32, i64>;

/// WebGPU: the browser's own in a page, Vulkan, Metal or DirectX 12 natively.
#[cfg(feature = "webgpu")]
pub use burn_wgpu::WebGpu;

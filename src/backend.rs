//! The backend types, named here and nowhere else.

/// burn's pure-Rust CPU backend.
#[cfg(feature = "flex")]
pub use burn_flex::Flex;

/// Candle's CPU backend, which burn 0.21 marks as deprecated.
#[cfg(feature = "candle")]
#[allow(deprecated, reason = "burn 0.21 is the last release that has it")]
pub type Candle = burn_candle::Candle<f32, i64>;

/// WebGPU: the browser's own in a page, Vulkan, Metal or DirectX 12 natively.
#[cfg(feature = "webgpu")]
pub use burn_wgpu::WebGpu;

//! What JavaScript sees. Bindings only: each method converts its arguments, calls
//! [`crate::session`], and converts the result.

mod convert;
mod diagnostics;
mod editing;
mod engine;
#[cfg(feature = "flex")]
mod plane;
mod sampling;
#[cfg(feature = "webgpu")]
mod self_test;

pub use diagnostics::Measurement;
pub use engine::Engine;
#[cfg(feature = "flex")]
pub use plane::Plane;
pub use sampling::Sampling;

use wasm_bindgen::prelude::wasm_bindgen;

/// Makes a Rust panic readable in the browser's console.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}

/// JSON `{ version, simd, backends }` of this build.
#[wasm_bindgen(js_name = backendInfo)]
pub fn backend_info() -> String {
    let backends: Vec<&str> = [
        ("webgpu", cfg!(feature = "webgpu")),
        ("candle", cfg!(feature = "candle")),
        ("flex", cfg!(feature = "flex")),
    ]
    .into_iter()
    .filter_map(|(name, present)| present.then_some(name))
    .collect();
    serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "simd": cfg!(target_feature = "simd128"),
        "backends": backends,
    })
    .to_string()
}

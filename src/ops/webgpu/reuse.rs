//! Bind groups that are made once, in a browser: see `reuse.js`.

use js_sys::Function;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[wasm_bindgen(module = "/src/ops/webgpu/reuse.js")]
extern "C" {
    #[wasm_bindgen(js_name = reuseBindGroups)]
    fn reuse_bind_groups() -> Function;
}

/// Until it is dropped, devices that are requested reuse bind groups.
pub(super) struct Reuse(Function);

/// What wgpu requests from now on reuses bind groups.
pub(super) fn begin() -> Reuse {
    Reuse(reuse_bind_groups())
}

impl Drop for Reuse {
    fn drop(&mut self) {
        // It only puts a method back, which cannot fail.
        let _ = self.0.call0(&JsValue::UNDEFINED);
    }
}

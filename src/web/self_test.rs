//! The self-test of the GPU.

use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;
use web_time::Instant;

use super::convert::set;
use crate::{
    backend::WebGpu,
    error::{Error, Result},
    ops::{self_test, webgpu::device},
};

/// `{ passed, failed, milliseconds }`: whether the GPU computes what it should; if not, what it
/// computed wrong or what it said; and the time that this took, with compiling and without opening
/// the GPU.
#[wasm_bindgen(js_name = selfTest)]
pub async fn run() -> Result<JsValue> {
    let gpu = device::initialise().await?;
    let start = Instant::now();
    let failed = match self_test::run::<WebGpu>(&gpu.device).await {
        Ok(wrong) => wrong.into_iter().map(JsValue::from).collect(),
        // Such as that it cannot compile a kernel: just as much a result. What follows the first
        // line is the kernel.
        Err(Error::Device(reason)) => {
            let reason = reason.to_string();
            Array::of1(&reason.lines().next().unwrap_or_default().into())
        }
        Err(error) => return Err(error),
    };
    let object = Object::new();
    set(&object, "passed", failed.length() == 0);
    set(&object, "failed", failed);
    set(
        &object,
        "milliseconds",
        start.elapsed().as_secs_f64() * 1000.0,
    );
    Ok(object.into())
}

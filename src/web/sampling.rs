//! A sampling run, as JavaScript sees it.

use wasm_bindgen::prelude::*;

use super::convert;
use crate::{backend, error::Result, pipeline};

/// A sampling run on whichever backend the engine has.
pub(super) enum Run {
    #[cfg(feature = "webgpu")]
    WebGpu(pipeline::Sampling<backend::WebGpu>),
    #[cfg(feature = "candle")]
    Candle(pipeline::Sampling<backend::Candle>),
    #[cfg(feature = "flex")]
    Flex(pipeline::Sampling<backend::Flex>),
}

/// Calls the same code on whichever backend is inside.
macro_rules! on_run {
    ($run:expr, $sampling:ident => $body:expr) => {
        match $run {
            #[cfg(feature = "webgpu")]
            Run::WebGpu($sampling) => $body,
            #[cfg(feature = "candle")]
            Run::Candle($sampling) => $body,
            #[cfg(feature = "flex")]
            Run::Flex($sampling) => $body,
        }
    };
}

/// A sampling run: call `next` until it gives `undefined`.
#[wasm_bindgen]
pub struct Sampling(Run);

impl Sampling {
    pub(super) fn new(run: Run) -> Self {
        Self(run)
    }
}

#[wasm_bindgen]
impl Sampling {
    /// Number of steps from x_T to x_0.
    #[wasm_bindgen(getter)]
    pub fn total(&self) -> usize {
        on_run!(&self.0, sampling => sampling.total())
    }

    /// Number of images.
    #[wasm_bindgen(getter)]
    pub fn count(&self) -> usize {
        on_run!(&self.0, sampling => sampling.count())
    }

    /// Height of the images.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> usize {
        on_run!(&self.0, sampling => sampling.shape()[2])
    }

    /// Width of the images.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> usize {
        on_run!(&self.0, sampling => sampling.shape()[3])
    }

    /// The next frame `{ index, t, x_t, pred_x0 }`: x_T first, x_0 last, then `undefined`.
    pub async fn next(&mut self) -> Result<JsValue> {
        let picture = on_run!(&mut self.0, sampling => sampling.next().await)?;
        Ok(picture
            .as_ref()
            .map_or(JsValue::UNDEFINED, convert::picture))
    }
}

//! What the engine can find out about its model, as JavaScript sees it.

use std::{future::Future, pin::Pin};

use js_sys::Object;
use serde::Deserialize;
use wasm_bindgen::prelude::*;

use super::{
    convert::set,
    engine::{Engine, on_session},
};
use crate::{
    diagnostics::{OptimalLossEstimate, OptimalLossPart, Subject},
    error::{Error, Result},
    ops::Kernels,
    pipeline::DenoiserKind,
    vlb::{BoundEstimate, BoundPart},
};

/// What `Engine.elbo` takes, as JSON.
#[derive(Deserialize)]
struct ElboRequest {
    #[serde(default)]
    index: usize,
    timesteps: usize,
    #[serde(default)]
    weights: DenoiserKind,
}

#[wasm_bindgen]
impl Engine {
    /// Begins to estimate the variational bound of training image `index`, or of `image`, bytes of
    /// one of the model's size and channels. Options as JSON: `index`, `timesteps`, `weights`.
    pub fn elbo(&self, options: &str, image: Option<Vec<u8>>) -> Result<Measurement> {
        let request: ElboRequest = serde_json::from_str(options)
            .map_err(|source| Error::ConfigJson { part: "", source })?;
        let subject = match &image {
            Some(image) => Subject::HeldOut(image),
            None => Subject::Training(request.index),
        };
        on_session!(&self.0, s => {
            Ok(Measurement(Box::new(s.bound(subject, request.timesteps, request.weights)?)))
        })
    }

    /// Begins to estimate the least possible loss on the training images.
    pub fn floor(&self, timesteps: usize) -> Result<Measurement> {
        on_session!(&self.0, s => Ok(Measurement(Box::new(s.optimal_loss(timesteps)?))))
    }

    /// `{ index, mirrored, distance, ratio, copy }`: the training image nearest to a sample, bytes
    /// of an image of the model's size and channels. `ratio` is null where there is only one image.
    pub fn nearest(&self, sample: &[u8]) -> Result<JsValue> {
        let nearest = on_session!(&self.0, s => s.nearest(sample))?;
        let object = Object::new();
        set(&object, "index", nearest.index as u32);
        set(&object, "mirrored", nearest.mirrored);
        set(&object, "distance", nearest.distance);
        set(
            &object,
            "ratio",
            nearest.ratio.map_or(JsValue::NULL, JsValue::from),
        );
        set(&object, "copy", nearest.copy);
        Ok(object.into())
    }
}

type Part<'a> = Pin<Box<dyn Future<Output = Result<JsValue>> + 'a>>;

trait Steps {
    fn left(&self) -> usize;

    /// The next part as an object, or `undefined`.
    fn next(&mut self) -> Part<'_>;
}

/// A measurement in parts: call `next` until it gives `undefined`.
#[wasm_bindgen]
pub struct Measurement(Box<dyn Steps>);

#[wasm_bindgen]
impl Measurement {
    /// Number of parts still to come.
    #[wasm_bindgen(getter)]
    pub fn left(&self) -> usize {
        self.0.left()
    }

    /// The next part, with the sums so far.
    pub async fn next(&mut self) -> Result<JsValue> {
        self.0.next().await
    }
}

impl<B: Kernels> Steps for BoundEstimate<B> {
    fn left(&self) -> usize {
        BoundEstimate::left(self)
    }

    fn next(&mut self) -> Part<'_> {
        Box::pin(async {
            let part = BoundEstimate::next(self).await?;
            Ok(part.map_or(JsValue::UNDEFINED, bound_part))
        })
    }
}

impl<B: Kernels> Steps for OptimalLossEstimate<B> {
    fn left(&self) -> usize {
        OptimalLossEstimate::left(self)
    }

    fn next(&mut self) -> Part<'_> {
        Box::pin(async {
            let part = OptimalLossEstimate::next(self).await?;
            Ok(part.map_or(JsValue::UNDEFINED, optimal_loss_part))
        })
    }
}

fn bound_part(part: BoundPart) -> JsValue {
    let object = Object::new();
    set(&object, "t", part.terms.t as u32);
    set(&object, "width", part.width as u32);
    set(&object, "left", part.left as u32);
    set(&object, "vb", part.terms.vb);
    set(&object, "x0_mse", part.terms.x0_mse);
    set(&object, "eps_mse", part.terms.eps_mse);
    set(&object, "loss", part.loss);
    set(&object, "prior_bpd", part.prior_bpd);
    set(&object, "kl_bpd", part.kl_bpd);
    set(&object, "decoder_bpd", part.decoder_bpd);
    set(&object, "total_bpd", part.total_bpd());
    object.into()
}

fn optimal_loss_part(part: OptimalLossPart) -> JsValue {
    let object = Object::new();
    set(&object, "t", part.t as u32);
    set(&object, "width", part.width as u32);
    set(&object, "left", part.left as u32);
    set(&object, "floor", part.optimal_loss);
    set(&object, "mean", part.mean);
    object.into()
}

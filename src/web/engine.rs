//! The engine: one model in training on one backend.

use js_sys::{Float32Array, Object, Uint8Array};
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use web_time::Duration;

use super::{
    convert::{self, set},
    editing::EditRequest,
    sampling::{Run, Sampling},
};
use crate::{
    backend,
    error::{Error, Result},
    format::diffusers,
    ops::Kernels,
    pipeline::{self, DenoiserKind},
    sampler::{Edit, SamplingOptions},
    session::Session,
    train::{Config, Dataset, LargePicture},
};

pub(super) enum Inner {
    #[cfg(feature = "webgpu")]
    WebGpu(Session<backend::WebGpu>),
    #[cfg(feature = "candle")]
    Candle(Session<backend::Candle>),
    #[cfg(feature = "flex")]
    Flex(Session<backend::Flex>),
}

/// Calls the same code on whichever backend is inside.
macro_rules! on_session {
    ($inner:expr, $session:ident => $body:expr) => {
        match $inner {
            #[cfg(feature = "webgpu")]
            $crate::web::engine::Inner::WebGpu($session) => $body,
            #[cfg(feature = "candle")]
            $crate::web::engine::Inner::Candle($session) => $body,
            #[cfg(feature = "flex")]
            $crate::web::engine::Inner::Flex($session) => $body,
        }
    };
}

pub(super) use on_session;

/// A run from noise or, with an edit, from an image.
fn start<B: Kernels>(
    session: &Session<B>,
    options: &SamplingOptions,
    denoiser: DenoiserKind,
    edit: Option<&Edit>,
    with_eps: bool,
) -> Result<pipeline::Sampling<B>> {
    let mut sampling = session.pipeline(denoiser)?.sample(options)?;
    if with_eps {
        sampling = sampling.with_eps();
    }
    match edit {
        Some(edit) => sampling.edited(edit),
        None => Ok(sampling),
    }
}

/// What `Engine.sample` takes, as JSON.
#[derive(Deserialize)]
struct SampleRequest {
    #[serde(flatten)]
    options: SamplingOptions,
    #[serde(default)]
    weights: DenoiserKind,
    #[serde(default)]
    with_eps: bool,
    #[serde(flatten)]
    edit: EditRequest,
}

/// A model in training. Methods must not be called while an asynchronous one is pending.
#[wasm_bindgen]
pub struct Engine(pub(super) Inner);

#[wasm_bindgen]
impl Engine {
    /// An engine on `backend` (`webgpu`, `candle` or `flex`) with a configuration as JSON.
    pub async fn create(backend: String, config: String) -> Result<Engine> {
        let config = Config::from_json(&config)?;
        let inner = match backend.as_str() {
            #[cfg(feature = "webgpu")]
            "webgpu" => {
                let gpu = crate::ops::webgpu::device::initialise().await?;
                Inner::WebGpu(Session::new(config, gpu.device)?)
            }
            #[cfg(feature = "candle")]
            "candle" => Inner::Candle(Session::new(config, Default::default())?),
            #[cfg(feature = "flex")]
            "flex" => Inner::Flex(Session::new(config, Default::default())?),
            other => {
                return Err(Error::Config(format!(
                    "this build has no backend called {other}."
                )));
            }
        };
        Ok(Engine(inner))
    }

    /// The default configuration for a data set of `images` images of `size` × `size`, or for crops
    /// of that size, and, where given, a process of so many timesteps, as JSON.
    #[wasm_bindgen(js_name = defaultConfig)]
    pub fn default_config(
        size: usize,
        images: usize,
        num_train_timesteps: Option<usize>,
        random_crop: bool,
    ) -> String {
        // The recipe does not depend on the number of images yet.
        let _ = images;
        let mut config = if random_crop {
            Config::for_crops(size)
        } else {
            Config::for_size(size)
        };
        if let Some(count) = num_train_timesteps {
            config.scheduler.num_train_timesteps = count;
            config.scheduler = config.scheduler.scaled_to_steps();
        }
        serde_json::json!(config).to_string()
    }

    /// Bytes that training with a configuration, given as JSON, takes on the CPU beside the program.
    pub fn memory(config: &str) -> Result<f64> {
        Ok(Config::from_json(config)?.memory()? as f64)
    }

    /// The configuration in force, as JSON.
    pub fn config(&self) -> String {
        serde_json::json!(on_session!(&self.0, s => s.trainer().config())).to_string()
    }

    /// Number of values in all parameters.
    #[wasm_bindgen(js_name = parameterCount)]
    pub fn parameter_count(&self) -> usize {
        on_session!(&self.0, s => s.trainer().unet().parameter_count())
    }

    /// Optimizer steps taken.
    pub fn step(&self) -> f64 {
        on_session!(&self.0, s => s.trainer().state().step as f64)
    }

    /// Replaces the images: bytes of `count` images of `size` × `size`, as many a pixel as the model
    /// has channels, and for a model with labels the class of each, the number of classes standing
    /// for none.
    #[wasm_bindgen(js_name = setImages)]
    pub fn set_images(
        &mut self,
        bytes: &[u8],
        count: usize,
        size: usize,
        labels: Option<Vec<u32>>,
    ) -> Result<()> {
        let channels = on_session!(&self.0, s => s.trainer().config().channels());
        let mut dataset = Dataset::from_bytes(bytes, count, size, channels)?;
        if let Some(labels) = labels {
            dataset = dataset.with_labels(labels)?;
        }
        on_session!(&mut self.0, s => s.set_dataset(dataset))
    }

    /// Replaces the images by larger pictures, of which training shows random crops: their bytes one
    /// after the other, as many a pixel as the model has channels, and of each its height and width.
    #[wasm_bindgen(js_name = setPictures)]
    pub fn set_pictures(&mut self, bytes: &[u8], shapes: &[u32]) -> Result<()> {
        let (size, channels) = on_session!(&self.0, s => {
            let config = s.trainer().config();
            (config.size, config.channels())
        });
        let mut left = bytes;
        let pictures = shapes.chunks_exact(2).map(|shape| {
            let shape = [shape[0] as usize, shape[1] as usize];
            let length = shape[0].saturating_mul(shape[1]).saturating_mul(channels);
            let picture = left.split_off(..length.min(left.len())).unwrap_or_default();
            LargePicture::from_bytes(picture, shape, channels)
        });
        let dataset = Dataset::of_pictures(pictures.collect::<Result<_>>()?, size)?;
        on_session!(&mut self.0, s => s.set_dataset(dataset))
    }

    /// Number of training images.
    #[wasm_bindgen(js_name = imageCount)]
    pub fn image_count(&self) -> usize {
        on_session!(&self.0, s => s.dataset().len())
    }

    /// The schedule's curves, each a `Float64Array`.
    pub fn schedule(&self) -> JsValue {
        convert::schedule(on_session!(&self.0, s => s.trainer().schedule()))
    }

    /// `{ x_t, eps, x_0 }`: an image noised in closed form.
    pub fn noisy(&self, index: usize, t: usize, seed: u32) -> Result<JsValue> {
        let noisy = on_session!(&self.0, s => s.noisy(index, t, seed.into()))?;
        let object = Object::new();
        set(&object, "x_t", convert::bytes(&noisy.x_t));
        set(&object, "eps", convert::bytes(&noisy.eps));
        set(&object, "x_0", convert::bytes(&noisy.x_0));
        Ok(object.into())
    }

    /// An image noised by walking the Markov chain to `t`.
    pub fn chain(&self, index: usize, t: usize, seed: u32) -> Result<Uint8Array> {
        let x_t = on_session!(&self.0, s => s.chain(index, t, seed.into()))?;
        Ok(convert::bytes(&x_t))
    }

    /// Trains for about `milliseconds`, at least one step and at most `max_steps`:
    /// `{ step, losses, milliseconds }`.
    pub async fn train(&mut self, milliseconds: f64, max_steps: usize) -> Result<JsValue> {
        let duration = Duration::from_secs_f64(milliseconds.clamp(0.0, 60_000.0) / 1000.0);
        let report = on_session!(&mut self.0, s => s.train(duration, max_steps).await)?;
        let object = Object::new();
        set(&object, "step", report.step as f64);
        set(
            &object,
            "losses",
            Float32Array::from(report.losses.as_slice()),
        );
        set(
            &object,
            "milliseconds",
            report.elapsed.as_secs_f64() * 1000.0,
        );
        Ok(object.into())
    }

    /// `{ loss, grads }`: what `count` items of the next batch, from `first` on, contribute to its
    /// mean loss and to the gradients, a `Float32Array`.
    pub async fn gradients(&self, first: usize, count: usize) -> Result<JsValue> {
        let shard = first..first.saturating_add(count);
        let (loss, grads) = on_session!(&self.0, s => s.gradients(shard).await)?;
        let object = Object::new();
        set(&object, "loss", loss);
        set(&object, "grads", Float32Array::from(grads.as_slice()));
        Ok(object.into())
    }

    /// Takes the next step with the sum of what its shards contributed.
    pub fn apply(&mut self, grads: &[f32]) -> Result<()> {
        on_session!(&mut self.0, s => s.apply(grads))
    }

    /// Compiles every GPU pipeline that training needs.
    #[wasm_bindgen(js_name = warmUp)]
    pub async fn warm_up(&self) -> Result<()> {
        on_session!(&self.0, s => s.warm_up().await)
    }

    /// Fresh weights from the configuration's seed.
    #[wasm_bindgen(js_name = resetTraining)]
    pub async fn reset_training(&mut self) -> Result<()> {
        on_session!(&mut self.0, s => s.reset())
    }

    /// Starts a sampling run with the weights of this moment. Options as JSON:
    /// [`SamplingOptions`], what to denoise with, `weights`: `ema`, `raw` or `ideal`, whether frames
    /// have ε, `with_eps`, and to change the image `init` (its bytes) either `strength` or
    /// `jump_length` and `jump_n_sample`, which go with `mask` (a byte a pixel, 0 where it is kept)
    /// and with `extend`: `height` and `width` of the picture `init`, and `top` and `left` of its
    /// place.
    pub fn sample(
        &self,
        options: &str,
        init: Option<Vec<u8>>,
        mask: Option<Vec<u8>>,
    ) -> Result<Sampling> {
        let SampleRequest {
            options,
            weights,
            with_eps,
            edit,
        } = serde_json::from_str(options)
            .map_err(|source| Error::ConfigJson { part: "", source })?;
        let (shape, channels) = on_session!(&self.0, s => {
            let config = s.trainer().config();
            (options.shape(config.size, &config.unet)?, config.channels())
        });
        let edit = edit.edit(init.as_deref(), mask.as_deref(), shape, channels)?;
        Ok(Sampling::new(match &self.0 {
            #[cfg(feature = "webgpu")]
            Inner::WebGpu(s) => Run::WebGpu(start(s, &options, weights, edit.as_ref(), with_eps)?),
            #[cfg(feature = "candle")]
            Inner::Candle(s) => Run::Candle(start(s, &options, weights, edit.as_ref(), with_eps)?),
            #[cfg(feature = "flex")]
            Inner::Flex(s) => Run::Flex(start(s, &options, weights, edit.as_ref(), with_eps)?),
        }))
    }

    /// A checkpoint file: everything needed to go on, or with `half` only what sampling needs.
    pub async fn save(&self, half: bool) -> Result<Uint8Array> {
        let checkpoint = on_session!(&self.0, s => s.checkpoint().await)?;
        let bytes = if half {
            checkpoint.to_shared_bytes()?
        } else {
            checkpoint.to_bytes()?
        };
        Ok(convert::bytes(&bytes))
    }

    /// The folder of a diffusers pipeline with the averaged weights, and with the state of training if
    /// `training_state`: an object of `Uint8Array`s by path.
    #[wasm_bindgen(js_name = exportDiffusers)]
    pub async fn export_diffusers(&self, training_state: bool) -> Result<Object> {
        let checkpoint = on_session!(&self.0, s => s.checkpoint().await)?;
        let files = if training_state {
            diffusers::write_with_training_state(&checkpoint)?
        } else {
            diffusers::write(&checkpoint)?
        };
        let object = Object::new();
        for (path, bytes) in files {
            set(&object, &path, convert::bytes(&bytes));
        }
        Ok(object)
    }

    /// A checkpoint file of the model in the folder of a diffusers pipeline, given as
    /// `exportDiffusers` gives it.
    #[wasm_bindgen(js_name = importDiffusers)]
    pub fn import_diffusers(files: &Object) -> Result<Uint8Array> {
        let files = convert::files(files)?;
        Ok(convert::bytes(&diffusers::read(&files)?.to_bytes()?))
    }

    /// Goes on from a checkpoint file. On an error nothing changes.
    pub async fn load(&mut self, bytes: Vec<u8>) -> Result<()> {
        on_session!(&mut self.0, s => s.load(&bytes))
    }
}

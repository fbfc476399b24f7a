//! The plane, as JavaScript sees it.

use js_sys::{Float32Array, Float64Array, Object};
use serde::{Deserialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;
use web_time::{Duration, Instant};

use super::convert::set;
use crate::{
    diffusion::NoiseLevel,
    error::{Error, Result},
    plane::{self, FieldKind, PlaneDenoiser, Point},
};

/// What `Plane.claim2` takes, as JSON.
#[derive(Deserialize)]
struct Claim2Request {
    /// Δt is 1 / steps.
    steps: usize,
    /// At most.
    frames: usize,
    /// As of [`FieldRequest`].
    side: usize,
    extent: f32,
}

/// What `Plane.claim4` takes, as JSON.
#[derive(Deserialize)]
struct Claim4Request {
    steps: usize,
    count: usize,
    seed: u64,
}

/// What `Plane.field` takes, as JSON.
#[derive(Deserialize)]
struct FieldRequest {
    denoiser: PlaneDenoiser,
    field: FieldKind,
    /// From 0 to 1.
    times: Vec<f64>,
    /// Points of the grid along a side.
    side: usize,
    /// The grid covers [-extent, extent]².
    extent: f32,
}

fn parse<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|source| Error::ConfigJson { part: "", source })
}

/// Points on a grid over [-extent, extent]², rows from below, each from the left.
fn grid(side: usize, extent: f32) -> Vec<Point> {
    let side = side.clamp(2, 100);
    let place = |k: usize| extent * (2.0 * k as f32 / (side - 1) as f32 - 1.0);
    (0..side * side)
        .map(|i| [place(i % side), place(i / side)])
        .collect()
}

fn numbers(values: &[f64]) -> Float64Array {
    Float64Array::from(values)
}

fn flat(clouds: &[Vec<Point>]) -> Float32Array {
    let values: Vec<f32> = clouds.iter().flatten().flatten().copied().collect();
    Float32Array::from(values.as_slice())
}

/// A distribution in the plane with its ideal denoiser and a small network.
#[wasm_bindgen]
pub struct Plane(plane::Plane);

#[wasm_bindgen]
impl Plane {
    /// A plane whose network has learnt nothing. Config as JSON: `distribution`, `points`,
    /// `process`, `base`, `target`, `seed`.
    pub fn create(config: &str) -> Result<Plane> {
        Ok(Self(plane::Plane::new(parse(config)?)?))
    }

    /// x and y of each point that the network learns from.
    #[wasm_bindgen(js_name = trainingSet)]
    pub fn training_set(&self) -> Float32Array {
        let values: Vec<f32> = self.0.training_set().iter().flatten().copied().collect();
        Float32Array::from(values.as_slice())
    }

    /// The cloud of `count` points at each of `times`, x and y of each point in turn.
    pub fn forward(&self, count: usize, times: Vec<f64>, seed: u32) -> Result<Float32Array> {
        Ok(flat(&self.0.forward(count, &times, seed as u64)?))
    }

    /// `{ points, times, signals, noises, nearest, discretisation, training }`: a run of a sampler.
    /// `points` has x and y of each point in each frame in turn, one more than there are steps; the
    /// others have an entry a frame. Of errors, null is what there is none of. Options as JSON:
    /// those of the sampler, `steps`, `count`, `seed`, `denoiser`, `karras`.
    pub fn run(&self, options: &str) -> Result<JsValue> {
        let options: plane::PlaneRunOptions = parse(options)?;
        let run = self.0.run(&options)?;
        let errors = self.0.errors(&options, &run)?;
        let object = Object::new();
        set(&object, "points", flat(&run.frames));
        let process = self.0.process();
        let levels = run.levels.iter().copied();
        let levels: Vec<_> = levels.chain([process.level(0.0)]).collect();
        let each = |of: &dyn Fn(&NoiseLevel) -> f64| {
            let values: Vec<f64> = levels.iter().map(of).collect();
            Float64Array::from(values.as_slice())
        };
        set(&object, "times", each(&|level| process.time(*level)));
        set(&object, "signals", each(&|level| level.signal));
        set(&object, "noises", each(&|level| level.noise));
        set(&object, "nearest", errors.nearest);
        let optional = |value: Option<f64>| value.map_or(JsValue::NULL, JsValue::from);
        set(&object, "discretisation", optional(errors.discretisation));
        set(&object, "training", optional(errors.training));
        Ok(object.into())
    }

    /// The arrows on a grid at each of some times: x and y of each in turn, rows from below, each
    /// from the left. Options as JSON: `denoiser`, `field`, `times`, `side`, `extent`.
    pub fn field(&self, options: &str) -> Result<Float32Array> {
        let request: FieldRequest = parse(options)?;
        let grid = grid(request.side, request.extent);
        let fields: Vec<Vec<Point>> = request
            .times
            .iter()
            .map(|time| {
                let level = self.0.process().level(*time);
                self.0.field(request.denoiser, request.field, &grid, level)
            })
            .collect();
        Ok(flat(&fields))
    }

    /// `{ times, measured, claimed, differences }`, claim 2 in each of some frames: arrows as of
    /// `field`, and how far the two kinds differ. Options as JSON: `steps`, `frames`, `side`, `extent`.
    pub fn claim2(&self, options: &str) -> Result<JsValue> {
        let request: Claim2Request = parse(options)?;
        let places = grid(request.side, request.extent);
        let claim = (self.0).claim_2(
            request.steps,
            request.frames,
            &places,
            request.extent.into(),
        )?;
        let object = Object::new();
        set(&object, "times", numbers(&claim.times));
        set(&object, "measured", flat(&claim.measured));
        set(&object, "claimed", flat(&claim.claimed));
        set(&object, "differences", numbers(&claim.differences));
        Ok(object.into())
    }

    /// `{ times, ddim, flow, gaps }`, claim 4 in each frame: points as of `run`, and the mean distance
    /// between the two kinds. Options as JSON: `steps`, `count`, `seed`.
    pub fn claim4(&self, options: &str) -> Result<JsValue> {
        let request: Claim4Request = parse(options)?;
        let claim = (self.0).claim_4(request.steps, request.count, request.seed)?;
        let object = Object::new();
        set(&object, "times", numbers(&claim.times));
        set(&object, "ddim", flat(&claim.ddim));
        set(&object, "flow", flat(&claim.flow));
        set(&object, "gaps", numbers(&claim.gaps));
        Ok(object.into())
    }

    /// `{ step, losses, milliseconds }`: trains the network for about `milliseconds`, at most
    /// `max_steps`.
    pub fn train(&mut self, milliseconds: f64, max_steps: usize) -> JsValue {
        let start = Instant::now();
        let time = Duration::from_secs_f64((milliseconds / 1000.0).clamp(0.0, 60.0));
        let losses = self.0.train(time, max_steps);
        let object = Object::new();
        set(&object, "step", self.0.mlp().step() as f64);
        set(&object, "losses", Float32Array::from(losses.as_slice()));
        set(
            &object,
            "milliseconds",
            start.elapsed().as_secs_f64() * 1000.0,
        );
        object.into()
    }

    /// The mean squared error of the network beyond that of the ideal denoiser at each of `times`.
    pub fn excess(&self, count: usize, times: Vec<f64>) -> Result<Float64Array> {
        let excess = self.0.excess(count, &times)?;
        Ok(Float64Array::from(excess.as_slice()))
    }

    /// x and y of `count` points on the dark pixels of a picture, RGB bytes.
    #[wasm_bindgen(js_name = darkPixels)]
    pub fn dark_pixels(
        rgb: &[u8],
        width: usize,
        height: usize,
        count: usize,
    ) -> Result<Float32Array> {
        Ok(flat(&[plane::dark_pixels(rgb, [width, height], count, 0)?]))
    }
}

//! Rust values as JavaScript ones.

use js_sys::{Float64Array, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use crate::{
    diffusion::Schedule,
    error::{Error, Result},
    format::diffusers::Files,
    pipeline::Picture,
};

impl From<Error> for JsValue {
    /// An `Error` with the sentence as its message and a stable `code`.
    fn from(error: Error) -> Self {
        let object = js_sys::Error::new(&error.message());
        set(&object, "code", error.code());
        object.into()
    }
}

/// Sets a property of a fresh plain object, which cannot fail.
pub(super) fn set(object: &JsValue, name: &str, value: impl Into<JsValue>) {
    let _ = Reflect::set(object, &name.into(), &value.into());
}

pub(super) fn bytes(bytes: &[u8]) -> Uint8Array {
    Uint8Array::from(bytes)
}

/// Files from an object of `Uint8Array`s by path.
///
/// # Errors
/// [`Error::Checkpoint`] for anything else in it.
pub(super) fn files(object: &Object) -> Result<Files> {
    let file = |entry: JsValue| {
        let (path, bytes) = (Reflect::get_u32(&entry, 0), Reflect::get_u32(&entry, 1));
        let bytes = bytes.ok()?.dyn_into::<Uint8Array>().ok()?;
        Some((path.ok()?.as_string()?, bytes.to_vec()))
    };
    let files: Option<Files> = Object::entries(object).iter().map(file).collect();
    files.ok_or_else(|| Error::Checkpoint("its files must be given as Uint8Arrays.".into()))
}

pub(super) fn picture(picture: &Picture) -> JsValue {
    let object = Object::new();
    set(&object, "index", picture.index as u32);
    set(
        &object,
        "t",
        picture.t.map_or(JsValue::NULL, |t| (t as u32).into()),
    );
    set(&object, "x_t", bytes(&picture.x_t));
    for (name, pixels) in [("pred_x0", &picture.pred_x0), ("eps", &picture.eps)] {
        let pixels = pixels.as_deref();
        set(
            &object,
            name,
            pixels.map_or(JsValue::NULL, |pixels| bytes(pixels).into()),
        );
    }
    object.into()
}

/// The schedule's curves, one `Float64Array` each.
pub(super) fn schedule(schedule: &Schedule) -> JsValue {
    let object = Object::new();
    let timesteps = 0..schedule.num_train_timesteps();
    let curve = |name: &str, value: &dyn Fn(usize) -> f64| {
        let values: Vec<f64> = timesteps.clone().map(value).collect();
        set(&object, name, Float64Array::from(values.as_slice()));
    };
    curve("betas", &|t| schedule.betas[t]);
    curve("alphas_cumprod", &|t| schedule.alphas_cumprod[t]);
    curve("sqrt_alphas_cumprod", &|t| schedule.level(Some(t)).signal);
    curve("sqrt_one_minus_alphas_cumprod", &|t| {
        schedule.level(Some(t)).noise
    });
    curve("posterior_variance", &|t| schedule.posterior(t).variance);
    curve("snr", &|t| schedule.snr(t));
    object.into()
}

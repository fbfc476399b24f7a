//! Agreement with Hugging Face diffusers, number by number. The values under `tests/golden/` are
//! made by `scripts/golden/make`.

mod golden;
mod sampler;
mod schedule;
mod unet;

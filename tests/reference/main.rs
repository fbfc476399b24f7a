//! Agreement with Hugging Face diffusers, number by number. The values under `tests/golden/` are
//! made by `scripts/golden/make`.

mod analytic;
mod edits;
mod elbo;
mod golden;
mod muon;
mod pipeline;
mod sampler;
mod schedule;
mod solver;
mod unet;

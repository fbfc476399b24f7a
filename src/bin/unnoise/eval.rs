//! `unnoise eval`.

use std::path::PathBuf;

use pollster::block_on;
use unnoise::{
    error::Error, format::Checkpoint, ops::Kernels, pipeline::DenoiserKind, train::Dataset,
    vlb::EvaluationNoise,
};

use crate::{
    backend::{BackendKind, Job},
    failure::{Failure, Result},
    input::{floats, open_noise, read_images, read_model},
    labels,
    output::{self, Progress},
};

/// Measure how well a model fits images: the variational bound, as JSON
///
/// The object has the names and meaning of improved-diffusion's calc_bpd_loop, means over the
/// images: total_bpd and prior_bpd in bits per dimension, and the lists vb, x0_mse and eps_mse with
/// one number per timestep, that of t = 0 first.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  unnoise eval --model model.safetensors --data pictures/ > bound.json")]
pub struct Args {
    /// A model file, or the folder of a small unconditional diffusers model
    #[arg(long, value_name = "MODEL.safetensors|DIFFUSERS_DIR")]
    model: PathBuf,
    /// Image files, or folders that are searched for images to any depth
    #[arg(long, value_name = "DIR|FILES", num_args = 1.., required = true)]
    data: Vec<PathBuf>,
    /// Tell the model what each image is, by the names of the sub-folders of --data, for a model
    /// trained with labels
    #[arg(long)]
    labels: bool,
    /// Seed of the noise, 0 to 2^64 - 1
    #[arg(long, value_name = "S", default_value_t = 0, conflicts_with = "noise")]
    seed: u64,
    /// Noise to use in place of a seed: eps [num_train_timesteps, images, 3, size, size], row t for
    /// timestep t
    #[arg(long, value_name = "NOISE.safetensors")]
    noise: Option<PathBuf>,
    /// Which weights to use
    #[arg(long, value_enum, default_value = "ema")]
    weights: DenoiserKind,
    /// What computes
    #[arg(long, value_enum, default_value = "flex")]
    backend: BackendKind,
}

pub fn run(args: Args) -> Result<()> {
    let model = read_model(&args.model)?;
    let size = model.config.size;
    let images = read_images(&args.data, size)?;
    let mut dataset = Dataset::from_rgb(&images.rgb, images.count(), size)?;
    if args.labels {
        dataset = labels::for_model(dataset, &args.data, &images, &model.config)?;
    }
    let noise = match &args.noise {
        None => EvaluationNoise::Seeded(args.seed),
        Some(path) => {
            let count = model.config.scheduler.num_train_timesteps;
            let needed = [count, dataset.len(), 3, size, size];
            let wrong = |reason: String| Failure::reading(path, &Error::Noise(reason));
            let eps = open_noise(path, |file| floats::<5>(file, "eps"))?;
            match eps {
                Some((values, shape)) if shape == needed => EvaluationNoise::Given(values),
                Some((_, shape)) => {
                    return Err(wrong(format!(
                        "eps has the shape {shape:?}, but this model and these images need \
                         {needed:?}."
                    )));
                }
                None => return Err(wrong("it has no tensor eps; name one so.".into())),
            }
        }
    };
    args.backend.run(Measuring {
        model,
        dataset,
        noise,
        args: &args,
    })
}

struct Measuring<'a> {
    model: Checkpoint,
    dataset: Dataset,
    noise: EvaluationNoise,
    args: &'a Args,
}

impl Job for Measuring<'_> {
    fn run<B: Kernels>(self, device: B::Device) -> Result<()> {
        let pipeline = (self.model)
            .pipeline::<B>(self.args.weights, device)
            .map_err(|error| Failure::reading(&self.args.model, &error))?;
        let evaluation = pipeline.evaluate(self.dataset, self.noise)?;
        let mut progress = Progress::new();
        let elbo = block_on(
            evaluation.finish(|terms| progress.show(|| format!("{} timesteps left", terms.t))),
        )?;
        drop(progress);
        let json = serde_json::to_string(&elbo)
            .map_err(|error| Failure::Work(format!("the result is no JSON ({error}).")))?;
        output::print(&json)
    }
}

//! `unnoise eval`.

use std::path::PathBuf;

use pollster::block_on;
use serde_json::json;
use unnoise::{
    error::Error,
    format::Checkpoint,
    ops::Kernels,
    pipeline::DenoiserKind,
    train::Dataset,
    vlb::{Evaluation, EvaluationNoise, TimestepTerms},
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
Examples:
  unnoise eval --model model.safetensors --data pictures/ > bound.json
  unnoise eval --model model.safetensors --data pictures/ --timesteps 100,500,900")]
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
    /// Print in place of the bound the mean squared errors at these timesteps of the estimates of
    /// x_0, eps and v that belong to what the model predicts, whichever that is, without limiting
    /// x_0: t, x0_mse, eps_mse and v_mse with one number per timestep
    #[arg(long, value_name = "T,T,...", value_delimiter = ',')]
    timesteps: Vec<usize>,
    /// Seed of the noise, 0 to 2^64 - 1
    #[arg(long, value_name = "S", default_value_t = 0, conflicts_with = "noise")]
    seed: u64,
    /// Noise to use in place of a seed: eps [num_train_timesteps, images, channels, size, size], row
    /// t for timestep t
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
    let mut model = read_model(&args.model)?;
    let size = model.config.size;
    let scheduler = &mut model.config.scheduler;
    let count = scheduler.num_train_timesteps;
    if let Some(t) = args.timesteps.iter().find(|t| **t >= count) {
        return Err(Failure::Use(format!(
            "--timesteps: there is no timestep {t}; this model has 0 to {}.",
            count - 1
        )));
    }
    if !args.timesteps.is_empty() {
        scheduler.clip_sample = false;
        scheduler.thresholding = false;
    }
    let channels = model.config.channels();
    let images = read_images(&args.data, size, Some(channels))?;
    let mut dataset = Dataset::from_bytes(&images.bytes, images.count(), size, channels)?;
    if args.labels {
        dataset = labels::for_model(dataset, &args.data, &images, &model.config)?;
    }
    let noise = match &args.noise {
        None => EvaluationNoise::Seeded(args.seed),
        Some(path) => {
            let needed = [count, dataset.len(), channels, size, size];
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
        if !self.args.timesteps.is_empty() {
            return print_errors(&evaluation, &self.args.timesteps);
        }
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

fn print_errors<B: Kernels>(evaluation: &Evaluation<B>, timesteps: &[usize]) -> Result<()> {
    let terms = timesteps.iter().map(|t| block_on(evaluation.terms(*t)));
    let terms = terms.collect::<unnoise::error::Result<Vec<_>>>()?;
    let list = |field: fn(&TimestepTerms) -> f64| terms.iter().map(field).collect::<Vec<_>>();
    let errors = json!({
        "t": timesteps,
        "x0_mse": list(|terms| terms.x0_mse),
        "eps_mse": list(|terms| terms.eps_mse),
        // Of v = signal · ε - noise · x_0 where signal² + noise² = 1: its error is that of x_0
        // divided by the noise, so that its square is 1 + SNR times as large. A flow's v_mse is that
        // of the level with the same SNR.
        "v_mse": list(|terms| terms.x0_mse + terms.eps_mse),
    });
    output::print(&errors.to_string())
}

//! `unnoise bench`.

use std::{collections::HashMap, path::PathBuf, time::Instant};

use clap::value_parser;
use pollster::block_on;
use serde_json::{Value, json};
use unnoise::{
    format::{
        Checkpoint,
        tensors::{self, NamedTensor, Precision},
    },
    ops::Kernels,
    pipeline::DenoiserKind,
    sampler::SamplingOptions,
    session::Session,
    train::{Config, batch::Batch},
};

use crate::{
    backend::{BackendKind, Job},
    failure::Result,
    input::read_checkpoint,
    output::{self, Output},
};

/// Time training and denoising steps
///
/// Trains the default model, or the given one, on made-up images and samples from it with DDIM.
/// Prints medians; the first step of each kind, which also allocates and compiles, apart.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  unnoise bench
  RAYON_NUM_THREADS=1 unnoise bench --steps 20 --json > bench.json")]
pub struct Args {
    /// What computes
    #[arg(long, value_enum, default_value = "flex")]
    backend: BackendKind,
    /// Start from this model and its configuration [default: a fresh one of the default
    /// configuration]
    #[arg(long, value_name = "MODEL.safetensors")]
    model: Option<PathBuf>,
    /// Steps of each kind to time after the first, 1 or more
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u32).range(1..))]
    steps: u32,
    /// Print JSON: every time in milliseconds, their medians, and the losses
    #[arg(long)]
    json: bool,
    /// Also write what the first three steps are trained on (x_t.I, target.I, timesteps.I for I =
    /// 0, 1, 2), so that another implementation can take the same steps
    #[arg(long, value_name = "BATCHES.safetensors")]
    batches: Option<PathBuf>,
}

pub fn run(args: Args) -> Result<()> {
    let checkpoint = args.model.as_deref().map(read_checkpoint).transpose()?;
    let batches = args.batches.as_deref().map(Output::new).transpose()?;
    args.backend.run(Bench {
        checkpoint,
        batches,
        args: &args,
    })
}

struct Bench<'a> {
    checkpoint: Option<Checkpoint>,
    batches: Option<Output>,
    args: &'a Args,
}

impl Job for Bench<'_> {
    fn run<B: Kernels>(self, device: B::Device) -> Result<()> {
        let mut session = match self.checkpoint {
            Some(checkpoint) => Session::<B>::resume(checkpoint, device)?,
            None => Session::new(Config::default(), device)?,
        };
        let size = session.trainer().config().size;
        session.set_images(&made_up_images(size), IMAGES, size)?;
        if let Some(output) = &self.batches {
            output.write(&batches(&session)?)?;
        }

        let steps = self.args.steps as usize;
        let mut losses = Vec::with_capacity(steps + 1);
        let training = times(steps, || {
            losses.extend(block_on(session.train(Default::default(), 1))?.losses);
            Ok(())
        })?;
        let options = SamplingOptions {
            steps: session.trainer().schedule().num_train_timesteps(),
            count: session.trainer().config().training.batch_size,
            ..Default::default()
        };
        let mut sampling = session.pipeline(DenoiserKind::Ema)?.sample(&options)?;
        // x_T is a frame, but no step.
        block_on(sampling.next())?;
        let denoising = times(steps.min(sampling.total() - 1), || {
            block_on(sampling.next())?;
            Ok(())
        })?;

        let config = session.trainer().config();
        let backend = clap::ValueEnum::to_possible_value(&self.args.backend);
        let backend = backend.map_or_else(String::new, |value| value.get_name().to_owned());
        let report = json!({
            "backend": backend,
            "size": config.size,
            "batch_size": config.training.batch_size,
            "parameters": session.trainer().unet().parameter_count(),
            "losses": losses,
            "training": training.json(),
            "denoising": denoising.json(),
        });
        if self.args.json {
            return output::print(&report.to_string());
        }
        output::print(&format!(
            "{backend}, {size} × {size} pixels, {} images a step, {} weights\n\
             training step   {}\n\
             denoising step  {}",
            report["batch_size"], report["parameters"], training, denoising
        ))
    }
}

/// Number of made-up images.
const IMAGES: usize = 16;

/// RGB bytes in which no two pixels nearby are alike.
fn made_up_images(size: usize) -> Vec<u8> {
    (0..IMAGES * size * size * 3)
        .map(|i| (i * 37) as u8)
        .collect()
}

/// Wall-clock milliseconds of the first run and of those after it.
struct Times {
    first: f64,
    rest: Vec<f64>,
}

/// Times `count` runs after a first one.
fn times(count: usize, mut run: impl FnMut() -> Result<()>) -> Result<Times> {
    let mut timed = || {
        let start = Instant::now();
        run()?;
        Ok(start.elapsed().as_secs_f64() * 1000.0)
    };
    Ok(Times {
        first: timed()?,
        rest: (0..count).map(|_| timed()).collect::<Result<_>>()?,
    })
}

impl Times {
    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.rest.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted
    }

    fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        }
    }

    fn json(&self) -> Value {
        json!({ "first_ms": self.first, "ms": self.rest, "median_ms": self.median() })
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let sorted = self.sorted();
        write!(
            f,
            "{:.1} ms (median of {}; {:.1} to {:.1}; the first {:.1})",
            self.median(),
            sorted.len(),
            sorted[0],
            sorted[sorted.len() - 1],
            self.first
        )
    }
}

/// A safetensors file of what the next three steps are trained on.
fn batches<B: Kernels>(session: &Session<B>) -> Result<Vec<u8>> {
    let trainer = session.trainer();
    let config = trainer.config();
    let count = config.training.batch_size;
    let images = vec![count, config.unet.in_channels, config.size, config.size];
    let named: Vec<NamedTensor> = (0..3)
        .flat_map(|i| {
            let step = trainer.state().step + i;
            let batch = Batch::at(step, 0..count, session.dataset(), config);
            let [x_t, target] = trainer.step_inputs(&batch).noised_on_host();
            let timesteps = batch.timesteps.iter().map(|t| *t as f32).collect();
            [
                ("x_t", images.clone(), x_t),
                ("target", images.clone(), target),
                ("timesteps", vec![count], timesteps),
            ]
            .map(|(name, shape, values)| NamedTensor {
                name: format!("{name}.{i}"),
                shape,
                values,
            })
        })
        .collect();
    Ok(tensors::write(&named, HashMap::new(), Precision::Full)?)
}

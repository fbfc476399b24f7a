//! `unnoise bench`.

#[cfg(feature = "webgpu")]
mod gpu;
#[cfg(feature = "webgpu")]
mod launches;
mod queued;

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

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
    failure::{Failure, Result},
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
    /// A configuration for the fresh model, as for `unnoise train`
    #[arg(long, value_name = "CONFIG.json", conflicts_with = "model")]
    config: Option<PathBuf>,
    /// Side of the images of the fresh model in pixels [default: the configuration's, or 32]
    #[arg(long, value_name = "PIXELS", conflicts_with = "model")]
    size: Option<usize>,
    /// Images per step, 1 to 1024 [default: the configuration's, or 16]
    #[arg(long, value_name = "B")]
    batch_size: Option<usize>,
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
    /// Also time steps that are queued without reading between them, and how long queueing one
    /// takes
    #[arg(long)]
    queued: bool,
    #[cfg(feature = "webgpu")]
    #[command(flatten)]
    gpu: gpu::GpuArgs,
}

pub fn run(args: Args) -> Result<()> {
    let mut start = match &args.model {
        Some(path) => Start::Checkpoint(Box::new(read_checkpoint(path)?)),
        None => Start::Fresh(Box::new(read_config(&args)?)),
    };
    start.config().training.batch_size =
        (args.batch_size).unwrap_or(start.config().training.batch_size);
    start.config().validate()?;
    let batches = args.batches.as_deref().map(Output::new).transpose()?;
    #[cfg(feature = "webgpu")]
    if args.backend == BackendKind::Webgpu {
        let gpu = gpu::Gpu::open(&args.gpu)?;
        let device = gpu.device.clone();
        return Bench {
            start,
            batches,
            args: &args,
            gpu: Some(gpu),
        }
        .run::<unnoise::backend::WebGpu>(device);
    }
    #[cfg(feature = "webgpu")]
    if args.gpu.are_given() {
        let options = "--kernels, --profile and --as-gpu are for --backend webgpu.";
        return Err(Failure::Use(options.into()));
    }
    args.backend.run(Bench {
        start,
        batches,
        args: &args,
        #[cfg(feature = "webgpu")]
        gpu: None,
    })
}

fn read_config(args: &Args) -> Result<Config> {
    let Some(path) = &args.config else {
        return Ok(args.size.map_or_else(Config::default, Config::for_size));
    };
    let json = fs::read_to_string(path).map_err(|error| Failure::cannot_read(path, &error))?;
    Config::parse_json(&json, args.size).map_err(|error| Failure::reading(path, &error))
}

/// The model that is timed.
enum Start {
    Fresh(Box<Config>),
    Checkpoint(Box<Checkpoint>),
}

impl Start {
    fn config(&mut self) -> &mut Config {
        match self {
            Self::Fresh(config) => config,
            Self::Checkpoint(checkpoint) => &mut checkpoint.config,
        }
    }

    fn session<B: Kernels>(self, device: B::Device) -> Result<Session<B>> {
        Ok(match self {
            Self::Fresh(config) => Session::new(*config, device)?,
            Self::Checkpoint(checkpoint) => Session::resume(*checkpoint, device)?,
        })
    }
}

struct Bench<'a> {
    start: Start,
    batches: Option<Output>,
    args: &'a Args,
    #[cfg(feature = "webgpu")]
    gpu: Option<gpu::Gpu>,
}

impl Job for Bench<'_> {
    fn run<B: Kernels>(self, device: B::Device) -> Result<()> {
        let mut session = self.start.session::<B>(device)?;
        let size = session.trainer().config().size;
        let channels = session.trainer().config().channels();
        session.set_images(&made_up_images(size, channels), IMAGES, size)?;
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
        // As long as it holds weights, training works on copies of them.
        drop(sampling);

        let config = session.trainer().config().clone();
        let backend = clap::ValueEnum::to_possible_value(&self.args.backend);
        let backend = backend.map_or_else(String::new, |value| value.get_name().to_owned());
        let mut report = json!({
            "backend": backend,
            "size": config.size,
            "batch_size": config.training.batch_size,
            "mixed_precision": config.training.mixed_precision,
            "parameters": session.trainer().unet().parameter_count(),
            "losses": losses,
            "training": training.json(),
            "denoising": denoising.json(),
        });
        let mut text = format!(
            "{backend}, {size} × {size} pixels, {} images a step, {} weights\n\
             training step   {training}\n\
             denoising step  {denoising}",
            report["batch_size"], report["parameters"]
        );
        if self.args.queued {
            // Hands what is queued to the device, without waiting for it.
            let flush = || {
                #[cfg(feature = "webgpu")]
                if let Some(gpu) = &self.gpu {
                    gpu.flush()?;
                }
                Ok(())
            };
            for (kind, queued) in [
                ("training", queued::training(&session, steps, flush)?),
                (
                    "denoising",
                    queued::denoising(&session, &options, steps, flush)?,
                ),
            ] {
                report[kind]["queued_ms"] = json!(queued.step);
                report[kind]["queueing_ms"] = json!(queued.host);
                text += &format!("\n{kind} queued  {queued}");
            }
        }
        #[cfg(feature = "webgpu")]
        if let Some(gpu) = &self.gpu {
            report["adapter"] = json!(gpu.adapter);
        }
        #[cfg(feature = "webgpu")]
        if let Some(gpu) = self.gpu
            && self.args.gpu.inspect()
        {
            text += &gpu::inspect(&mut session, &options, &self.args.gpu, gpu, &mut report)?;
        }
        if self.args.json {
            text = report.to_string();
        }
        output::print(&text)
    }
}

/// Number of made-up images.
const IMAGES: usize = 16;

/// Bytes of images in which no two pixels nearby are alike.
fn made_up_images(size: usize, channels: usize) -> Vec<u8> {
    (0..IMAGES * size * size * channels)
        .map(|i| (i * 37) as u8)
        .collect()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
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
        Ok(milliseconds(start.elapsed()))
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

//! `unnoise sample`.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use pollster::block_on;
use unnoise::{
    diffusion::{TimestepSpacing, VarianceType},
    format::{
        Checkpoint,
        picture::Grid,
        tensors::{self, NamedTensor, Precision},
    },
    ops::Kernels,
    pipeline::{self, DenoiserKind},
    sampler::{Edit, Frame, SamplerConfig, SamplingOptions},
    train::{dataset::bytes_from_pixels, read},
};

use crate::{
    backend::{BackendKind, Job},
    edit::EditArgs,
    failure::{Failure, Result},
    given_noise::GivenValues,
    input::read_model,
    output::{self, Output, Progress},
};

/// Draw new images from a model
///
/// The same model, options and seed give the same images; with another --count, those that both
/// have are the same up to rounding.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  unnoise sample --model model.safetensors --count 25 --out samples.png
  unnoise sample --model model.safetensors --sampler ddpm --seed 7 --out denoising.gif
  unnoise sample --model model.safetensors --seed 1 --interpolate 2 --count 9 --out between.png
  unnoise sample --model model.safetensors --init sketch.png --strength 0.5 --out redrawn.png
  unnoise sample --model model.safetensors --sampler ddpm --steps 100 --inpaint face.png --mask mouth.png --out filled.png
  unnoise sample --model pets.safetensors --label cat --label dog --guidance 3 --out pets.png
  unnoise sample --model bark.safetensors --width 256 --height 128 --count 1 --out wide.png
  unnoise sample --model bark.safetensors --extend bark.jpg --width 256 --count 1 --out extended.png

A .png file is a grid of the images, grey or with alpha where those of the model are; a .gif file
shows the grid being denoised, and of an alpha only whether it is a half or more. A .safetensors file
holds x_0 [count, channels, height, width], pixels around [-1, 1], neither clipped nor rounded, and with
--trajectory also trajectory [steps + 1, count, channels, height, width], from x_T to x_0: with
--init fewer steps, with --inpaint and --extend those of the jumps too.")]
pub struct Args {
    /// A model file, or the folder of a small unconditional diffusers model
    #[arg(long, value_name = "MODEL.safetensors|DIFFUSERS_DIR")]
    model: PathBuf,
    /// How to get from noise to images [default: dpmpp2m, or ddim with --inpaint and --extend]
    #[arg(long, value_enum)]
    sampler: Option<SamplerConfig>,
    /// Denoising steps, 1 to the model's number of timesteps [default: all for ddpm, 20 for dpmpp2m,
    /// 50 for the others]
    #[arg(long, value_name = "K")]
    steps: Option<usize>,
    /// Noise added by ddim, 0 (none, the default) to 1 (as much as ddpm)
    #[arg(long, value_name = "E")]
    eta: Option<f64>,
    /// Number of images, 1 to 1024 [default: 16, or what --noise holds]
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Height of the images in pixels, a multiple of 2 to the number of levels less one, up to 256:
    /// for models that were trained with --crops [default: the model's size]
    #[arg(long, value_name = "PIXELS")]
    height: Option<usize>,
    /// Width of the images in pixels; see --height
    #[arg(long, value_name = "PIXELS")]
    width: Option<usize>,
    /// Seed of all noise, 0 to 2^64 - 1
    #[arg(long, value_name = "S", default_value_t = 0, conflicts_with = "noise")]
    seed: u64,
    /// Noise to use in place of a seed: x_T [count, channels, height, width] and, where the sampler
    /// adds noise, z [steps, count, channels, height, width], row i for step i, those that --init
    /// leaves out and those of the jumps of --inpaint and --extend counted
    #[arg(long, value_name = "NOISE.safetensors")]
    noise: Option<PathBuf>,
    /// Which weights to use
    #[arg(long, value_enum, default_value = "ema")]
    weights: DenoiserKind,
    /// Variance of ddpm's steps [default: the model's]
    #[arg(long, value_enum)]
    variance: Option<VarianceType>,
    /// Leave the estimates of x_0 as they are, where the model would clamp them to [-1, 1]
    #[arg(long)]
    no_clip: bool,
    /// Clamp the estimates of x_0 to [-1, 1] where the model would leave them as they are
    #[arg(long, conflicts_with = "no_clip")]
    clip: bool,
    /// Limit the estimates of x_0 to [-s, s] and divide by s, the quantile Q of an image's absolute
    /// values or 1 (Imagen has 0.995)
    #[arg(long, value_name = "Q", conflicts_with_all = ["no_clip", "clip"])]
    dynamic_threshold: Option<f64>,
    /// Space noise levels as Karras et al. 2022 do (heun and dpmpp2m) [default: true for heun,
    /// false for dpmpp2m]
    #[arg(long, value_name = "BOOL")]
    use_karras_sigmas: Option<bool>,
    /// Which of its timesteps the model is asked at [default: the model's]
    #[arg(long, value_enum)]
    timestep_spacing: Option<TimestepSpacing>,
    /// Derive the noise anew from a clamped estimate of x_0 (ddim only), as improved-diffusion does
    #[arg(long, conflicts_with = "no_clip")]
    use_clipped_model_output: bool,
    /// What to draw, for a model trained with labels: the name of a label or its number, counted
    /// from 0; give it several times to take turns [default: anything]
    #[arg(long = "label", value_name = "NAME|INDEX")]
    labels: Vec<String>,
    /// How far to go in the direction of the label, 0 to 100: 1 is the label alone, more
    /// exaggerates it and asks the network twice as much (diffusers' guidance_scale)
    #[arg(long, value_name = "W", requires = "labels", default_value_t = 1.0)]
    guidance: f64,
    /// Write every x_t too (.safetensors only)
    #[arg(long)]
    trajectory: bool,
    /// Enlarge pixels by this whole number, 1 to 32 (.png and .gif only) [default: 4]
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u8).range(1..=32))]
    scale: Option<u8>,
    /// What computes
    #[arg(long, value_enum, default_value = "flex")]
    backend: BackendKind,
    /// The file to write, of the kind its name ends in
    #[arg(long, value_name = "X.png|X.gif|X.safetensors")]
    out: PathBuf,
    #[command(flatten)]
    edit: EditArgs,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Png,
    Gif,
    Safetensors,
}

pub fn run(args: Args) -> Result<()> {
    let kind = args.kind()?;
    args.check(kind)?;
    let model = read_model(&args.model)?;
    let noise = args.noise.as_deref().map(GivenValues::read).transpose()?;
    let options = args.options(&model, noise.as_ref())?;
    if let Some(noise) = &noise {
        let path = args.noise.as_deref().unwrap_or(Path::new(""));
        noise
            .check(&options, &model)
            .map_err(|error| Failure::reading(path, &error))?;
    }
    let shape = options.shape(model.config.size, &model.config.unet)?;
    let edit = args.edit.read(&model.config, shape)?;
    let scale = args.scale.unwrap_or(4).into();
    let grid = match kind {
        Kind::Safetensors => None,
        _ => Some(
            Grid::new(options.count, shape, model.config.channels(), scale).map_err(|error| {
                Failure::Use(format!("{error} Ask for a smaller --scale or --count."))
            })?,
        ),
    };
    let out = Output::new(&args.out)?;
    args.backend.run(Sampling {
        kind,
        model,
        noise,
        edit,
        options,
        grid,
        out,
        args: &args,
    })
}

impl Args {
    fn kind(&self) -> Result<Kind> {
        let extension = self.out.extension().and_then(|name| name.to_str());
        match extension.map(str::to_lowercase).as_deref() {
            Some("png") => Ok(Kind::Png),
            Some("gif") => Ok(Kind::Gif),
            Some("safetensors") => Ok(Kind::Safetensors),
            _ => Err(Failure::Use(format!(
                "{}: the name of --out must end in .png, .gif or .safetensors.",
                self.out.display()
            ))),
        }
    }

    /// Refuses options that would have no effect on this kind of file.
    fn check(&self, kind: Kind) -> Result<()> {
        if self.trajectory && kind != Kind::Safetensors {
            return Err(Failure::Use(
                "--trajectory needs an --out that ends in .safetensors; a .gif shows every step \
                 without it."
                    .into(),
            ));
        }
        if self.scale.is_some() && kind == Kind::Safetensors {
            return Err(Failure::Use(
                "--scale is only for .png and .gif; leave it out.".into(),
            ));
        }
        Ok(())
    }

    /// The sampler with the options that were given for it.
    fn sampler(&self) -> Result<SamplerConfig> {
        let (mut eta, mut variance) = (self.eta, self.variance);
        let mut rederive = self.use_clipped_model_output;
        let mut karras = self.use_karras_sigmas;
        let asked = self.sampler.unwrap_or(self.edit.usual_sampler());
        let sampler = match asked {
            SamplerConfig::Ddpm { .. } => SamplerConfig::Ddpm {
                variance: variance.take(),
            },
            SamplerConfig::Ddim { .. } => SamplerConfig::Ddim {
                eta: eta.take().unwrap_or(0.0),
                use_clipped_model_output: std::mem::take(&mut rederive),
            },
            SamplerConfig::Heun { .. } => SamplerConfig::Heun {
                use_karras_sigmas: karras.take(),
            },
            SamplerConfig::DpmPp2M { .. } => SamplerConfig::DpmPp2M {
                use_karras_sigmas: karras.take(),
            },
            SamplerConfig::EulerFlow => SamplerConfig::EulerFlow,
        };
        // What the sampler did not take is of others.
        let left = [
            (eta.is_some(), "--eta"),
            (variance.is_some(), "--variance"),
            (rederive, "--use-clipped-model-output"),
            (karras.is_some(), "--use-karras-sigmas"),
        ];
        match left.into_iter().find(|(given, _)| *given) {
            Some((_, option)) => Err(Failure::Use(format!(
                "{option} is no option of --sampler {}; leave it out.",
                sampler.name()
            ))),
            None => Ok(sampler),
        }
    }

    fn options(&self, model: &Checkpoint, noise: Option<&GivenValues>) -> Result<SamplingOptions> {
        let longest = model.config.scheduler.num_train_timesteps;
        let given = noise.map(|noise| noise.x_t_shape[0]);
        if let (Some(given), Some(count)) = (given, self.count)
            && given != count
        {
            return Err(Failure::Use(format!(
                "--count is {count}, but --noise is for {given} images; leave --count out."
            )));
        }
        let sampler = self.sampler()?;
        Ok(SamplingOptions {
            sampler,
            steps: self.steps.unwrap_or(match sampler {
                SamplerConfig::Ddpm { .. } => longest,
                SamplerConfig::DpmPp2M { .. } => longest.min(20),
                _ => longest.min(50),
            }),
            seed: self.seed,
            first: 0,
            count: given.or(self.count).unwrap_or(16),
            height: self.height,
            width: self.width,
            clip: (self.clip || self.no_clip).then_some(self.clip),
            dynamic_threshold: self.dynamic_threshold,
            timestep_spacing: self.timestep_spacing,
            labels: self
                .labels
                .iter()
                .map(|label| model.config.label_index(label).map(Some))
                .collect::<unnoise::error::Result<_>>()?,
            guidance: self.guidance,
            interpolate: self.edit.interpolation(),
            mixtures: Vec::new(),
        })
    }
}

struct Sampling<'a> {
    kind: Kind,
    model: Checkpoint,
    noise: Option<GivenValues>,
    edit: Option<Edit>,
    options: SamplingOptions,
    /// Absent where no picture is drawn.
    grid: Option<Grid>,
    out: Output,
    args: &'a Args,
}

impl Job for Sampling<'_> {
    fn run<B: Kernels>(self, device: B::Device) -> Result<()> {
        let pipeline = (self.model)
            .pipeline::<B>(self.args.weights, device.clone())
            .map_err(|error| Failure::reading(&self.args.model, &error))?;
        let mut sampling = match self.noise {
            Some(noise) => pipeline.sample_from(Box::new(noise.upload(&device)), &self.options)?,
            None => pipeline.sample(&self.options)?,
        };
        if let Some(edit) = &self.edit {
            sampling = sampling.edited(edit)?;
        }
        let (total, shape) = (sampling.total(), sampling.shape());
        let [_, channels, height, width] = shape;
        let bytes = |pixels: Vec<f32>| bytes_from_pixels(&pixels, height * width, channels);
        let frames = frames(sampling);
        let file = match (self.kind, self.grid) {
            (Kind::Gif, Some(grid)) => {
                let pictures = frames.map(|frame| Ok(bytes(values(frame?)?)));
                grid.gif(total + 1, pictures)?
            }
            (_, Some(grid)) => grid.png(&bytes(last(frames)?))?,
            (_, None) if self.args.trajectory => {
                let mut all = Vec::new();
                for frame in frames {
                    all.extend(values(frame?)?);
                }
                let [n, c, h, w] = shape;
                let x_0 = all[total * n * c * h * w..].to_vec();
                safetensors_file(&[
                    named("x_0", &shape, x_0),
                    named("trajectory", &[total + 1, n, c, h, w], all),
                ])?
            }
            (_, None) => safetensors_file(&[named("x_0", &shape, last(frames)?)])?,
        };
        self.out.write(&file)?;
        output::note(&format!("saved {}", self.args.out.display()));
        Ok(())
    }
}

/// The frames of a run, showing how far it is.
fn frames<B: Kernels>(
    mut sampling: pipeline::Sampling<B>,
) -> impl Iterator<Item = unnoise::error::Result<Frame<B>>> {
    let mut progress = Progress::new();
    std::iter::from_fn(move || {
        let frame = sampling.advance().transpose()?;
        if let Ok(frame) = &frame {
            progress.show(|| format!("step {} of {}", frame.index, sampling.total()));
        }
        Some(frame)
    })
}

/// The values of x_0. Frames before it are not read, which a GPU would be waited for.
fn last<B: Kernels>(
    frames: impl Iterator<Item = unnoise::error::Result<Frame<B>>>,
) -> unnoise::error::Result<Vec<f32>> {
    let mut x_0 = None;
    for frame in frames {
        x_0 = Some(frame?);
    }
    x_0.map_or_else(|| Ok(Vec::new()), values)
}

fn values<B: Kernels>(frame: Frame<B>) -> unnoise::error::Result<Vec<f32>> {
    block_on(read(frame.x_t))
}

fn named(name: &str, shape: &[usize], values: Vec<f32>) -> NamedTensor {
    NamedTensor {
        name: name.into(),
        shape: shape.into(),
        values,
    }
}

fn safetensors_file(tensors: &[NamedTensor]) -> unnoise::error::Result<Vec<u8>> {
    tensors::write(tensors, HashMap::new(), Precision::Full)
}

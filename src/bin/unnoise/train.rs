//! `unnoise train`.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::value_parser;
use pollster::block_on;
use serde_json::{Value, json};
use unnoise::{
    format::{Checkpoint, folders::FolderLabels, picture::Images},
    ops::Kernels,
    session::Session,
    train::{Config, Dataset},
};

use crate::{
    backend::{BackendKind, Job},
    failure::{Failure, Result},
    input::{read_checkpoint, read_images, read_pictures},
    labels,
    output::{self, Output, Progress},
};

/// How long training goes on between two looks at the clock.
const SLICE: Duration = Duration::from_millis(200);

/// Longest side of a picture that crops are taken of, where --crops does not say.
const CROPPED_SIDE: u16 = 128;

/// Train a model on images
///
/// Images of every common format and size are turned upright, cropped to their middle square and
/// scaled. Where any is transparent, the model has four channels and learns the alpha too; where all
/// are grey, it has one. On the CPU backends the same images, configuration and seed
/// give the same file bit for bit, also when a run is taken in several calls with --resume.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  unnoise train --data pictures/ --out model.safetensors --size 32 --steps 2000
  unnoise train --data pets/ --labels --out pets.safetensors    (pets/cat/*.png, pets/dog/*.png)
  unnoise train --data bark.jpg --crops --size 64 --out bark.safetensors    (a texture, from crops)
  unnoise train --data pictures/ --resume model.safetensors --out model.safetensors --steps 500

A configuration file holds any of the fields of this, the rest takes its defaults:
  { \"size\": 32, \"seed\": 0,
    \"unet\": { \"block_out_channels\": [32, 64, 64], \"layers_per_block\": 1, \"norm_num_groups\": 8 },
    \"scheduler\": { \"num_train_timesteps\": 1000, \"beta_schedule\": \"squaredcos_cap_v2\" },
    \"training\": { \"batch_size\": 16, \"learning_rate\": 0.001 } }")]
pub struct Args {
    /// Image files, or folders that are searched for images to any depth
    #[arg(long, value_name = "DIR|FILES", num_args = 1.., required = true)]
    data: Vec<PathBuf>,
    /// The model file to write; it is replaced only once complete
    #[arg(long, value_name = "MODEL.safetensors")]
    out: PathBuf,
    /// Configuration: size, seed, and the parts unet, scheduler and training (see below)
    #[arg(long, value_name = "CONFIG.json")]
    config: Option<PathBuf>,
    /// Steps to take in this call, on top of those a resumed model has behind it; 1 or more
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1000,
        value_parser = value_parser!(u32).range(1..)
    )]
    steps: u32,
    /// Images per step, 1 to 1024 [default: the configuration's, or 16]
    #[arg(long, value_name = "B")]
    batch_size: Option<usize>,
    /// Side of the images in pixels, 4 to 256, a multiple of 2 to the number of levels less one
    /// [default: the configuration's, or 32]
    #[arg(long, value_name = "PIXELS")]
    size: Option<usize>,
    /// Learn from random crops of --size × --size of one picture, or a few, which are scaled down
    /// until the longer side is at most so many pixels, 4 to 4096: textures that `unnoise sample`
    /// draws at any --width and --height. A resumed model that learns from crops needs no telling
    #[arg(
        long,
        value_name = "PIXELS",
        num_args = 0..=1,
        default_missing_value = "128",
        value_parser = value_parser!(u16).range(4..=4096)
    )]
    crops: Option<u16>,
    /// Channels of the images: 1 (grey), 3 (RGB, transparency on white) or 4 (RGB and alpha)
    /// [default: the configuration's unet.in_channels, or what the images need]
    #[arg(long, value_name = "1|3|4")]
    channels: Option<usize>,
    /// Seed of initial weights, order, timesteps and noise, 0 to 2^64 - 1 [default: the
    /// configuration's, or 0]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Multiply beta_start and beta_end by 1000 / num_train_timesteps, as improved-diffusion does
    #[arg(long)]
    scale_betas: bool,
    /// What computes
    #[arg(long, value_enum, default_value = "flex")]
    backend: BackendKind,
    /// Learn what is in which sub-folder of --data: each is a label that `unnoise sample --label`
    /// can ask for. A resumed model with labels needs no telling
    #[arg(long)]
    labels: bool,
    /// Go on from this model, with the configuration and seed it was made with
    #[arg(
        long,
        value_name = "MODEL.safetensors",
        conflicts_with_all = ["config", "batch_size", "size", "channels", "seed", "scale_betas"]
    )]
    resume: Option<PathBuf>,
    /// Write progress as JSON lines: step, loss (mean since the last line), seconds,
    /// steps_per_second; a resumed run adds to the file
    #[arg(long, value_name = "LOG.jsonl")]
    log: Option<PathBuf>,
    /// Steps between lines of the log, 1 or more
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        value_parser = value_parser!(u32).range(1..)
    )]
    log_every: u32,
    /// Also write the model every N steps, 1 or more [default: only at the end]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    save_every: Option<u32>,
    /// Write the averaged weights alone in half precision: an eighth of the size, enough to sample,
    /// but a run resumed from it starts the optimizer afresh
    #[arg(long)]
    half: bool,
}

pub fn run(args: Args) -> Result<()> {
    let mut start = match &args.resume {
        Some(path) => Start::Checkpoint(Box::new(read_checkpoint(path)?)),
        None => {
            let (config, channels_are_given) = read_config(&args)?;
            Start::Fresh {
                config: Box::new(config),
                channels_are_given,
            }
        }
    };
    let is_cropped = start.config().training.random_crop;
    if args.crops.is_some() && !is_cropped {
        return Err(Failure::Use(
            "--crops: this model is trained on whole images; leave it out.".into(),
        ));
    }
    let (dataset, described) = if is_cropped {
        start.crops(&args)?
    } else {
        let images = read_images(&args.data, start.config().size, start.channels())?;
        let described = described(images.count(), images.channels, images.skipped, "image");
        (start.dataset(&images, &args)?, described)
    };
    let out = Output::new(&args.out)?;
    let log = match &args.log {
        Some(path) => Some(Log::new(path, args.resume.is_some())?),
        None => None,
    };
    args.backend.run(Training {
        start,
        dataset,
        described,
        out,
        log,
        args: &args,
    })
}

/// What a run begins with.
enum Start {
    Fresh {
        config: Box<Config>,
        /// Whether the images are to have its channels: otherwise it gets theirs.
        channels_are_given: bool,
    },
    Checkpoint(Box<Checkpoint>),
}

impl Start {
    fn config(&self) -> &Config {
        match self {
            Self::Fresh { config, .. } => config,
            Self::Checkpoint(checkpoint) => &checkpoint.config,
        }
    }

    /// What the images are to have, if that does not depend on them.
    fn channels(&self) -> Option<usize> {
        match self {
            Self::Fresh {
                channels_are_given: false,
                ..
            } => None,
            _ => Some(self.config().channels()),
        }
    }

    /// The pictures to take crops of, and what they are in words.
    fn crops(&mut self, args: &Args) -> Result<(Dataset, String)> {
        if args.labels || self.config().unet.null_class().is_some() {
            return Err(Failure::Use(
                "crops have no labels; leave out either --labels or --crops.".into(),
            ));
        }
        let size = self.config().size;
        let longest = args.crops.unwrap_or(CROPPED_SIDE).into();
        let read = read_pictures(&args.data, longest, size, self.channels())?;
        self.adopt_channels(read.channels);
        let described = described(read.paths.len(), read.channels, read.skipped, "picture");
        Ok((read.into_dataset(size)?, format!("crops of {described}")))
    }

    /// A fresh model has as many channels as its images.
    fn adopt_channels(&mut self, channels: usize) {
        if let Self::Fresh { config, .. } = self
            && config.channels() != channels
        {
            **config = std::mem::take(&mut **config).with_channels(channels);
        }
    }

    /// The images with their labels, if there are to be any; a fresh model learns to know these.
    fn dataset(&mut self, images: &Images, args: &Args) -> Result<Dataset> {
        self.adopt_channels(images.channels);
        let Config { size, unet, .. } = self.config();
        let dataset = Dataset::from_bytes(&images.bytes, images.count(), *size, unet.in_channels)?;
        let knows_labels = self.config().unet.null_class().is_some();
        match self {
            Self::Fresh { config, .. } if args.labels => {
                let FolderLabels { names, labels } = labels::of_folders(&args.data, images)?;
                **config = std::mem::take(&mut **config).with_labels(names);
                config.validate()?;
                Ok(dataset.with_labels(labels)?)
            }
            Self::Checkpoint(checkpoint) if args.labels || knows_labels => {
                labels::for_model(dataset, &args.data, images, &checkpoint.config)
            }
            _ => Ok(dataset),
        }
    }
}

struct Training<'a> {
    start: Start,
    dataset: Dataset,
    /// The images in words.
    described: String,
    out: Output,
    log: Option<Log>,
    args: &'a Args,
}

impl Job for Training<'_> {
    fn run<B: Kernels>(mut self, device: B::Device) -> Result<()> {
        let mut session = match self.start {
            Start::Fresh { config, .. } => Session::<B>::new(*config, device)?,
            Start::Checkpoint(checkpoint) => Session::resume(*checkpoint, device)?,
        };
        let size = session.trainer().config().size;
        session.set_dataset(self.dataset)?;
        output::note(&format!(
            "{}{} at {size} × {size} pixels, {} weights",
            self.described,
            match session.trainer().config().labels.len() {
                0 => String::new(),
                count => format!(" of {count} labels"),
            },
            session.trainer().unet().parameter_count()
        ));

        let mut progress = Progress::new();
        let started = Instant::now();
        let mut window = Window::new();
        let mut taken = 0;
        let mut mean = f64::NAN;
        while taken < self.args.steps {
            let until = [Some(self.args.log_every), self.args.save_every]
                .into_iter()
                .flatten()
                .map(|every| taken.saturating_add(every - taken % every))
                .fold(self.args.steps, u32::min);
            let report = block_on(session.train(SLICE, (until - taken) as usize))?;
            taken += report.losses.len() as u32;
            window.add(&report.losses);
            if taken.is_multiple_of(self.args.log_every) || taken == self.args.steps {
                mean = window.mean();
                if let Some(log) = &mut self.log {
                    log.write(report.step, started.elapsed(), &window)?;
                }
                window = Window::new();
            }
            if !report.losses.iter().all(|loss| loss.is_finite()) {
                return Err(Failure::Work(format!(
                    "training diverged at step {}: the loss is no longer a number. Lower \
                     training.learning_rate in the configuration; {} was not overwritten with it.",
                    report.step,
                    self.args.out.display()
                )));
            }
            progress.show(|| {
                let rate = taken as f64 / started.elapsed().as_secs_f64();
                let shown = if mean.is_nan() { window.mean() } else { mean };
                format!(
                    "step {} ({taken} of {})  loss {shown:.4}  {rate:.2} steps/s  {} left",
                    report.step,
                    self.args.steps,
                    output::duration((self.args.steps - taken) as f64 / rate)
                )
            });
            let due = |every: u32| taken.is_multiple_of(every) && taken < self.args.steps;
            if self.args.save_every.is_some_and(due) {
                self.out.write(&encode(&session, self.args.half)?)?;
            }
        }
        self.out.write(&encode(&session, self.args.half)?)?;
        drop(progress);
        output::note(&format!(
            "step {}  loss {mean:.4}  {taken} steps in {}  saved {}",
            session.trainer().state().step,
            output::duration(started.elapsed().as_secs_f64()),
            self.args.out.display()
        ));
        Ok(())
    }
}

fn encode<B: Kernels>(session: &Session<B>, half: bool) -> Result<Vec<u8>> {
    let checkpoint = block_on(session.checkpoint())?;
    Ok(if half {
        checkpoint.to_shared_bytes()?
    } else {
        checkpoint.to_bytes()?
    })
}

/// The configuration of a fresh run, and whether it says how many channels the images have.
fn read_config(args: &Args) -> Result<(Config, bool)> {
    let mut channels_are_given = args.channels.is_some();
    let mut config = match &args.config {
        Some(path) => {
            let mut json =
                fs::read_to_string(path).map_err(|error| Failure::cannot_read(path, &error))?;
            let mut given: Value = serde_json::from_str(&json).unwrap_or_default();
            let training = &given["training"];
            if args.crops.is_some() && (training.is_null() || training.is_object()) {
                given["training"]["random_crop"] = true.into();
                json = given.to_string();
            }
            let config = Config::parse_json(&json, args.size)
                .map_err(|error| Failure::reading(path, &error))?;
            let unet = &given["unet"];
            channels_are_given |= !unet["in_channels"].is_null() || !unet["out_channels"].is_null();
            config
        }
        None => {
            let size = args.size.unwrap_or(Config::default().size);
            match args.crops {
                Some(_) => Config::for_crops(size),
                None => Config::for_size(size),
            }
        }
    };
    if let Some(channels) = args.channels {
        config = config.with_channels(channels);
    }
    config.seed = args.seed.unwrap_or(config.seed);
    if args.scale_betas {
        config.scheduler = config.scheduler.scaled_to_steps();
    }
    config.training.batch_size = args.batch_size.unwrap_or(config.training.batch_size);
    if !args.labels && config.unet.null_class().is_some() {
        return Err(Failure::Use(
            "the configuration has labels; add --labels, which takes them from sub-folders.".into(),
        ));
    }
    config.validate()?;
    Ok((config, channels_are_given))
}

fn described(count: usize, channels: usize, skipped: usize, noun: &str) -> String {
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let kind = match channels {
        1 => "grey ",
        4 => "transparent ",
        _ => "",
    };
    let mut text = format!("{count} {kind}{noun}{}", plural(count));
    if skipped > 0 {
        text += &format!(" ({skipped} other file{} skipped)", plural(skipped));
    }
    text
}

/// Losses since the last line of the log.
struct Window {
    started: Instant,
    sum: f64,
    count: u32,
}

impl Window {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            sum: 0.0,
            count: 0,
        }
    }

    fn add(&mut self, losses: &[f32]) {
        self.sum += losses.iter().map(|loss| *loss as f64).sum::<f64>();
        self.count += losses.len() as u32;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }
}

/// The JSON lines of `--log`, each on disk as soon as it is known.
struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    fn new(path: &Path, append: bool) -> Result<Self> {
        let file = File::options()
            .create(true)
            .write(true)
            .append(append)
            .truncate(!append)
            .open(path)
            .map_err(|error| {
                Failure::Use(format!(
                    "{}: the log cannot be written there ({error}); choose another place.",
                    path.display()
                ))
            })?;
        Ok(Self {
            path: path.into(),
            file,
        })
    }

    fn write(&mut self, step: u64, elapsed: Duration, window: &Window) -> Result<()> {
        let line = json!({
            "step": step,
            "loss": window.mean(),
            "seconds": elapsed.as_secs_f64(),
            "steps_per_second": window.count as f64 / window.started.elapsed().as_secs_f64(),
        });
        writeln!(self.file, "{line}").map_err(|error| {
            Failure::Work(format!(
                "{}: writing failed ({error}).",
                self.path.display()
            ))
        })
    }
}

//! A visitor's session: images, a model in training, and samples of it, on one backend.
//!
//! What the page drives through `src/web/`, without knowing about pages.

use std::ops::Range;

use burn::tensor::{Tensor, TensorData};
use web_time::{Duration, Instant};

use crate::{
    denoiser::{Denoiser, Guidance, IdealDenoiser, NetworkDenoiser},
    diffusion::{
        Schedule, VarianceType,
        forward::{q_sample, q_step},
    },
    error::{Error, Result},
    format::Checkpoint,
    ops::Kernels,
    random::{Random, Stream},
    sampler::{Edit, SamplerConfig, SamplingOptions, Trajectory},
    train::{Config, Dataset, Gradients, Trainer, dataset::rgb_from_pixels, read, read_losses},
};

/// Which weights to sample with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightsKind {
    /// Averaged over training.
    #[default]
    Ema,
    /// As the optimizer left them.
    Raw,
}

/// What to denoise with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DenoiserKind {
    /// The network with its averaged weights.
    #[default]
    Ema,
    /// The network with the weights as the optimizer left them.
    Raw,
    /// No network: [`IdealDenoiser`] of the training images, mirrored ones too where training
    /// mirrors.
    Ideal,
}

/// How much work may be queued before the device is waited for: enough to keep it busy, little
/// enough that a pause takes effect at once.
const QUEUE_TIME: Duration = Duration::from_millis(100);

/// What a stretch of training did.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Optimizer steps taken since the start of the run.
    pub step: u64,
    /// Loss of each step of this stretch.
    pub losses: Vec<f32>,
    /// Wall-clock time it took.
    pub elapsed: Duration,
}

/// Images and a model in training.
pub struct Session<B: Kernels> {
    trainer: Trainer<B>,
    dataset: Dataset,
    /// Steps to queue between reads, learnt from how long they take.
    steps_per_read: usize,
}

impl<B: Kernels> Session<B> {
    /// # Errors
    /// [`Error::Config`] when the configuration cannot work.
    pub fn new(config: Config, device: B::Device) -> Result<Self> {
        // What an earlier model has left is of other sizes.
        B::memory_cleanup(&device);
        Ok(Self {
            trainer: Trainer::new(config, device)?,
            dataset: Dataset::default(),
            steps_per_read: 1,
        })
    }

    /// A session that goes on from a checkpoint, without images yet.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration cannot work.
    pub fn resume(checkpoint: Checkpoint, device: B::Device) -> Result<Self> {
        Ok(Self {
            trainer: checkpoint.into_trainer(device)?,
            dataset: Dataset::default(),
            steps_per_read: 1,
        })
    }

    /// The model in training.
    pub fn trainer(&self) -> &Trainer<B> {
        &self.trainer
    }

    /// The images.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Replaces the images: RGB bytes, rows of pixels, one image after the other.
    ///
    /// # Errors
    /// [`Error::Image`] or [`Error::NoImages`] when they do not fit; the old ones then stay.
    pub fn set_images(&mut self, bytes: &[u8], count: usize, size: usize) -> Result<()> {
        self.set_dataset(Dataset::from_rgb(bytes, count, size)?)
    }

    /// Replaces the images, and their labels if they have some.
    ///
    /// # Errors
    /// [`Error::Image`] when they are not of the model's size; the old ones then stay.
    pub fn set_dataset(&mut self, dataset: Dataset) -> Result<()> {
        if dataset.size() != self.trainer.config().size {
            return Err(Error::Image(format!(
                "they are {0} × {0}, but the model is for {1} × {1}.",
                dataset.size(),
                self.trainer.config().size
            )));
        }
        self.dataset = dataset;
        Ok(())
    }

    /// Starts training afresh with the same configuration and images.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration cannot work.
    pub fn reset(&mut self) -> Result<()> {
        let config = self.trainer.config().clone();
        self.trainer = Trainer::new(config, self.trainer.device().clone())?;
        Ok(())
    }

    /// Takes whole training steps until `duration` is over or `max_steps` are taken, at least one.
    ///
    /// # Errors
    /// [`Error::NoImages`], or [`Error::Device`] when the device was lost.
    pub async fn train(&mut self, duration: Duration, max_steps: usize) -> Result<Report> {
        let start = Instant::now();
        let mut losses = Vec::new();
        while losses.is_empty() || (start.elapsed() < duration && losses.len() < max_steps) {
            let queued_at = Instant::now();
            let count = self.steps_per_read.min(max_steps - losses.len()).max(1);
            let queued = (0..count)
                .map(|_| self.trainer.step(&self.dataset))
                .collect::<Result<Vec<_>>>()?;
            losses.extend(read_losses(queued).await?);
            B::check_device()?;
            let per_step = queued_at.elapsed().as_secs_f64() / count as f64;
            let fitting = (QUEUE_TIME.as_secs_f64() / per_step.max(1e-6)) as usize;
            self.steps_per_read = fitting.clamp(1, 2 * self.steps_per_read).min(64);
        }
        Ok(Report {
            step: self.trainer.state().step,
            losses,
            elapsed: start.elapsed(),
        })
    }

    /// What items `shard` of the next batch contribute to its mean loss and to the gradients, these
    /// in one list: the contributions of shards that make up the batch add up to those of the batch.
    ///
    /// # Errors
    /// What [`Trainer::gradients`] refuses, or [`Error::Device`] when the device was lost.
    pub async fn gradients(&self, shard: Range<usize>) -> Result<(f32, Vec<f32>)> {
        let share = shard.len() as f32 / self.trainer.config().training.batch_size as f32;
        let (loss, grads) = self.trainer.gradients(&self.dataset, shard)?;
        let mut grads = grads.into_flat().await?;
        for grad in &mut grads {
            *grad *= share;
        }
        let loss = read_losses(vec![loss]).await?.iter().sum::<f32>();
        Ok((share * loss, grads))
    }

    /// Takes the next step with the sum of what its shards contributed.
    ///
    /// # Errors
    /// [`Error::Config`] when that is not one number for each of the model's.
    pub fn apply(&mut self, grads: &[f32]) -> Result<()> {
        let grads = Gradients::from_flat(grads, self.trainer.unet(), self.trainer.device())?;
        self.trainer.apply(grads);
        Ok(())
    }

    /// Runs one training step on made-up images and forgets it, so that every GPU pipeline is
    /// compiled before the first real one.
    ///
    /// # Errors
    /// [`Error::Device`] when the device was lost.
    pub async fn warm_up(&self) -> Result<()> {
        let config = self.trainer.config().clone();
        let size = config.size;
        let grey = Dataset::from_rgb(&vec![128; size * size * 3], 1, size)?;
        let mut trainer = Trainer::<B>::new(config, self.trainer.device().clone())?;
        let loss = trainer.step(&grey)?;
        read_losses(vec![loss]).await?;
        B::check_device()
    }

    /// Everything needed to go on later.
    ///
    /// # Errors
    /// [`Error::Device`] when the device was lost.
    pub async fn checkpoint(&self) -> Result<Checkpoint> {
        Checkpoint::of(&self.trainer).await
    }

    /// Goes on from a checkpoint file. Images of another size than the model's are dropped, and so
    /// are their labels where the model knows others.
    ///
    /// # Errors
    /// What [`Checkpoint::from_bytes`] refuses; nothing is changed then.
    pub fn load(&mut self, bytes: &[u8]) -> Result<()> {
        let checkpoint = Checkpoint::from_bytes(bytes)?;
        let trainer = checkpoint.into_trainer(self.trainer.device().clone())?;
        if trainer.config().labels != self.trainer.config().labels {
            self.dataset = std::mem::take(&mut self.dataset).without_labels();
        }
        self.trainer = trainer;
        if self.dataset.size() != self.trainer.config().size {
            self.dataset = Dataset::default();
        }
        B::memory_cleanup(self.trainer.device());
        Ok(())
    }

    /// Image `index` noised to timestep `t` in closed form, with the noise that did it.
    ///
    /// # Errors
    /// [`Error::NoImages`] or [`Error::NoSuchImage`] when there is no such image, [`Error::Config`]
    /// when there is no such timestep.
    pub fn noisy(&self, index: usize, t: usize, seed: u64) -> Result<Noisy> {
        let (x_0, schedule) = self.image_and_schedule(index, t)?;
        let eps = Random::new(seed).normals(Stream::ForwardNoise, 0, 0, x_0.len());
        let x_t: Vec<f32> = q_sample(schedule, x_0, &eps, t).collect();
        let size = self.dataset.size();
        // Noise is drawn at half its size, so that its tails show as shades and not as clipping.
        let shaded: Vec<f32> = eps.iter().map(|value| value / 2.0).collect();
        Ok(Noisy {
            x_0: rgb_from_pixels(x_0, size),
            x_t: rgb_from_pixels(&x_t, size),
            eps: rgb_from_pixels(&shaded, size),
        })
    }

    /// Image `index` noised to timestep `t` by walking the Markov chain, fresh noise every step.
    ///
    /// # Errors
    /// [`Error::NoImages`] or [`Error::NoSuchImage`] when there is no such image, [`Error::Config`]
    /// when there is no such timestep.
    pub fn chain(&self, index: usize, t: usize, seed: u64) -> Result<Vec<u8>> {
        let (x_0, schedule) = self.image_and_schedule(index, t)?;
        let random = Random::new(seed);
        let mut x = x_0.to_vec();
        for step in 0..=t {
            let eps = random.normals(Stream::ForwardNoise, step as u32 + 1, 0, x.len());
            q_step(schedule, &mut x, &eps, step);
        }
        Ok(rgb_from_pixels(&x, self.dataset.size()))
    }

    fn image_and_schedule(&self, index: usize, t: usize) -> Result<(&[f32], &Schedule)> {
        let schedule = self.trainer.schedule();
        let x_0 = self.dataset.get(index)?;
        if t >= schedule.num_train_timesteps() {
            return Err(Error::Config(format!(
                "timestep {t} is beyond the last, {}.",
                schedule.num_train_timesteps() - 1
            )));
        }
        Ok((x_0, schedule))
    }

    /// A denoiser with the weights of this moment; training may go on beside it. Only a network knows
    /// what to do with `guidance`.
    ///
    /// # Errors
    /// [`Error::NoImages`] for the ideal one of no images.
    pub fn denoiser(
        &self,
        kind: DenoiserKind,
        guidance: Option<Guidance>,
    ) -> Result<Box<dyn Denoiser<B>>> {
        let state = self.trainer.state();
        let weights = match kind {
            DenoiserKind::Ema => state.ema_weights(),
            DenoiserKind::Raw => state.raw_weights(),
            DenoiserKind::Ideal => return Ok(Box::new(self.ideal()?)),
        };
        let network = NetworkDenoiser {
            unet: self.trainer.unet().clone(),
            weights,
            prediction_type: self.trainer.config().scheduler.prediction_type,
        };
        Ok(network.guided(guidance))
    }

    /// The ideal denoiser of everything that training shows, whatever it is labelled.
    ///
    /// # Errors
    /// [`Error::NoImages`].
    pub fn ideal(&self) -> Result<IdealDenoiser<B>> {
        if self.dataset.is_empty() {
            return Err(Error::NoImages);
        }
        Ok(self.ideal_of(&self.dataset))
    }

    /// The ideal denoiser of some of the images.
    pub(crate) fn ideal_of(&self, images: &Dataset) -> IdealDenoiser<B> {
        let size = images.size();
        let pixels = images.variants(self.trainer.config().training.random_flip);
        let shape = [pixels.len() / (3 * size * size), 3, size, size];
        IdealDenoiser::new(Tensor::from_data(
            TensorData::new(pixels, shape),
            self.trainer.device(),
        ))
    }

    /// Starts a sampling run; see [`Session::denoiser`]. The ideal denoiser predicts no variance:
    /// where the model's is learned, the smallest takes its place.
    ///
    /// # Errors
    /// [`Error::Config`] when the options are out of range, and [`Error::NoImages`].
    pub fn sample(&self, options: &SamplingOptions, kind: DenoiserKind) -> Result<Sampling<B>> {
        let config = self.trainer.config();
        let mut options = options.clone();
        if let SamplerConfig::Ddpm { variance } = &mut options.sampler
            && kind == DenoiserKind::Ideal
            && variance.unwrap_or(config.scheduler.variance_type) == VarianceType::LearnedRange
        {
            *variance = Some(VarianceType::FixedSmall);
        }
        let sampler = options.sampler::<B>(&config.scheduler)?;
        let denoiser = self.denoiser(kind, options.guidance(&config.unet)?)?;
        let image = [config.unet.in_channels, config.size, config.size];
        let noise = options.noise(image, self.trainer.device().clone())?;
        Ok(Sampling {
            trajectory: Trajectory::new(sampler, denoiser, noise),
            count: options.count,
            size: config.size,
        })
    }

    /// Starts a run that makes `edit`, as [`Session::sample`] starts one from noise.
    ///
    /// # Errors
    /// What [`Session::sample`] and [`Edit::apply`] refuse.
    pub fn edit(
        &self,
        edit: &Edit,
        options: &SamplingOptions,
        kind: DenoiserKind,
    ) -> Result<Sampling<B>> {
        let run = self.sample(options, kind)?;
        let channels = self.trainer.config().unet.in_channels;
        let shape = [run.count, channels, run.size, run.size];
        let device = self.trainer.device();
        Ok(Sampling {
            trajectory: edit.apply(run.trajectory, options, shape, device)?,
            ..run
        })
    }
}

/// An image on its way into noise, as RGB bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noisy {
    /// The image.
    pub x_0: Vec<u8>,
    /// The noisy image.
    pub x_t: Vec<u8>,
    /// The noise, at half its size, so that its tails show as shades.
    pub eps: Vec<u8>,
}

/// A sampling run whose frames are pictures.
pub struct Sampling<B: Kernels> {
    trajectory: Trajectory<B>,
    /// Number of images.
    pub count: usize,
    /// Side of the images.
    pub size: usize,
}

/// One frame of a [`Sampling`]: RGB bytes of `count` images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Steps taken so far: 0 for x_T.
    pub index: usize,
    /// The timestep the frame is at, or the nearest; `None` once it is x_0.
    pub t: Option<usize>,
    /// The noisy images.
    pub x_t: Vec<u8>,
    /// The estimates of the clean images; `None` for x_T.
    pub pred_x0: Option<Vec<u8>>,
}

impl<B: Kernels> Sampling<B> {
    /// Number of steps from x_T to x_0.
    pub fn total(&self) -> usize {
        self.trajectory.total()
    }

    /// The next frame; `None` after x_0.
    ///
    /// # Errors
    /// [`Error::Device`] when the device was lost.
    pub async fn next(&mut self) -> Result<Option<Picture>> {
        let Some(frame) = self.trajectory.advance()? else {
            return Ok(None);
        };
        let size = self.size;
        // One read for both, since each read waits for the device.
        let (x_t, pred_x0) = match frame.pred_x0 {
            None => (read(frame.x_t).await?, None),
            Some(pred_x0) => {
                let mut both = read(Tensor::cat(vec![frame.x_t, pred_x0], 0)).await?;
                let pred_x0 = both.split_off(both.len() / 2);
                (both, Some(pred_x0))
            }
        };
        B::check_device()?;
        Ok(Some(Picture {
            index: frame.index,
            t: frame.t.map(|t| t.round() as usize),
            x_t: rgb_from_pixels(&x_t, size),
            pred_x0: pred_x0.map(|pixels| rgb_from_pixels(&pixels, size)),
        }))
    }
}

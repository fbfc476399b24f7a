//! A session: a data set and a model that trains on it, on one backend, and the pipelines that it
//! lends of them.

use std::ops::Range;

use burn::tensor::{Tensor, TensorData};
use web_time::{Duration, Instant};

use crate::{
    denoiser::IdealDenoiser,
    diffusion::{
        Schedule,
        forward::{q_sample, q_step},
    },
    error::{Error, Result},
    format::Checkpoint,
    ops::Kernels,
    pipeline::{DenoiserKind, Pipeline},
    random::{Random, Stream},
    train::{Config, Dataset, Gradients, Trainer, dataset::bytes_from_pixels, read_losses},
};

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

    /// Replaces the images: bytes, as many a pixel as the model has channels, rows of pixels, one
    /// image after the other.
    ///
    /// # Errors
    /// [`Error::Image`] or [`Error::NoImages`] when they do not fit; the old ones then stay.
    pub fn set_images(&mut self, bytes: &[u8], count: usize, size: usize) -> Result<()> {
        let channels = self.trainer.config().channels();
        self.set_dataset(Dataset::from_bytes(bytes, count, size, channels)?)
    }

    /// Replaces the images, and their labels if they have some.
    ///
    /// # Errors
    /// [`Error::Image`] when they are not of the model's size and channels; the old ones then stay.
    pub fn set_dataset(&mut self, dataset: Dataset) -> Result<()> {
        dataset.check_fits(self.trainer.config())?;
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
    /// in one list: the contributions of shards that make up the batch add up to those of the
    /// batch.
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
        let (size, channels) = (config.size, config.channels());
        let grey = vec![128; size * size * channels];
        let grey = Dataset::from_bytes(&grey, 1, size, channels)?;
        let mut trainer = Trainer::<B>::new(config, self.trainer.device().clone())?;
        let loss = trainer.step(&grey)?;
        read_losses(vec![loss]).await?;
        Ok(())
    }

    /// Everything needed to go on later.
    ///
    /// # Errors
    /// [`Error::Device`] when the device was lost.
    pub async fn checkpoint(&self) -> Result<Checkpoint> {
        Checkpoint::of(&self.trainer).await
    }

    /// Goes on from a checkpoint file. Images of another size or number of channels than the
    /// model's are dropped, as are pictures to be cropped by one that is not trained so, and so are their labels where the model knows others.
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
        let config = self.trainer.config();
        if self.dataset.check_fits(config).is_err() {
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
        let (area, channels) = (self.dataset.size().pow(2), self.dataset.channels());
        let bytes = |pixels: &[f32]| bytes_from_pixels(pixels, area, channels);
        // Noise is drawn at half its size, so that its tails show as shades and not as clipping.
        let shaded: Vec<f32> = eps.iter().map(|value| value / 2.0).collect();
        Ok(Noisy {
            x_0: bytes(x_0),
            x_t: bytes(&x_t),
            eps: bytes(&shaded),
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
        let (area, channels) = (self.dataset.size().pow(2), self.dataset.channels());
        Ok(bytes_from_pixels(&x, area, channels))
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

    /// The model with the weights of this moment; training may go on beside it.
    ///
    /// # Errors
    /// As for [`Session::ideal`], where that is asked for.
    pub fn pipeline(&self, kind: DenoiserKind) -> Result<Pipeline<B>> {
        let (trainer, state) = (&self.trainer, self.trainer.state());
        let (config, device) = (trainer.config().clone(), trainer.device().clone());
        let weights = match kind {
            DenoiserKind::Ema => state.ema_weights(),
            DenoiserKind::Raw => state.raw_weights(),
            DenoiserKind::Ideal => return Ok(Pipeline::ideal(config, self.ideal()?, device)),
        };
        Ok(Pipeline::new(
            config,
            trainer.unet().clone(),
            weights,
            device,
        ))
    }

    /// The ideal denoiser of everything that training shows, whatever it is labelled.
    ///
    /// # Errors
    /// What [`Session::whole_images`] refuses.
    pub fn ideal(&self) -> Result<IdealDenoiser<B>> {
        self.whole_images()?;
        Ok(self.ideal_of(&self.dataset))
    }

    /// The images, where all that training shows is one of them.
    ///
    /// # Errors
    /// [`Error::NoImages`], and [`Error::Config`] where training shows crops: there are tens of
    /// thousands of them, most alike but for a shift.
    pub(crate) fn whole_images(&self) -> Result<&Dataset> {
        if self.dataset.is_empty() {
            return Err(Error::NoImages);
        }
        if self.dataset.is_cropped() {
            return Err(Error::Config(
                "this is measured against whole training images, but training shows crops of a \
                 larger picture."
                    .into(),
            ));
        }
        Ok(&self.dataset)
    }

    /// The ideal denoiser of some of the images.
    pub(crate) fn ideal_of(&self, images: &Dataset) -> IdealDenoiser<B> {
        let (size, channels) = (images.size(), images.channels());
        let pixels = images.variants(self.trainer.config().training.random_flip);
        let count = pixels.len() / (channels * size * size);
        let shape = [count, channels, size, size];
        IdealDenoiser::new(Tensor::from_data(
            TensorData::new(pixels, shape),
            self.trainer.device(),
        ))
    }
}

/// An image on its way into noise, as bytes, as many a pixel as there are channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noisy {
    /// The image.
    pub x_0: Vec<u8>,
    /// The noisy image.
    pub x_t: Vec<u8>,
    /// The noise, at half its size, so that its tails show as shades.
    pub eps: Vec<u8>,
}

//! What can be found out about a model in training besides its samples, a little at a time, so that
//! training goes on in between.

use burn::tensor::{Tensor, backend::Backend};

use crate::{
    denoiser::IdealDenoiser,
    diffusion::Objective,
    error::{Error, Result},
    memorisation::Nearest,
    ops::Kernels,
    random::Random,
    session::{DenoiserKind, Session},
    train::{Dataset, read},
    vlb::{Bound, BoundEstimate, Evaluation, EvaluationNoise, Stratum, strata},
};

/// x_t drawn at each timestep for the floor of the loss.
const FLOOR_SAMPLES: usize = 64;

/// An image to measure a model with.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A training image, by its position.
    Training(usize),
    /// Any other, RGB bytes in rows of pixels.
    HeldOut(&'a [u8]),
}

/// The least loss at one timestep, and the mean so far: an estimate of the mean over all timesteps
/// once `left` is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FloorPart {
    pub t: usize,
    /// Timesteps that this one stands for.
    pub width: usize,
    pub floor: f64,
    /// Parts still to come.
    pub left: usize,
    pub mean: f64,
}

/// The floor of the loss as a stepper; see [`Session::floor`].
pub struct FloorEstimate<B: Kernels> {
    /// How often training asks for what each of them knows, and the ideal denoiser of that.
    ideals: Vec<(f64, IdealDenoiser<B>)>,
    objective: Objective,
    strata: Vec<Stratum>,
    seed: u64,
    sum: f64,
    seen: usize,
}

/// An estimate of the least expected loss at `t` that any network can have on the images of `ideal`:
/// what its error costs by `objective`, from `samples` x_t. With a learned variance this is the
/// optimum of the simple part.
pub fn optimal_loss<B: Backend>(
    ideal: &IdealDenoiser<B>,
    objective: &Objective,
    t: usize,
    samples: usize,
    seed: u64,
) -> Tensor<B, 1> {
    let level = objective.schedule.level(Some(t));
    let x0_mse = ideal.x0_mse(level, samples, &Random::new(seed), t as u32);
    x0_mse * objective.loss_per_x0_mse(t)
}

impl<B: Kernels> FloorEstimate<B> {
    /// Parts still to come.
    pub fn left(&self) -> usize {
        self.strata.len()
    }

    /// The next part, of the least noise left; `None` after the last timestep.
    ///
    /// # Errors
    /// [`Error::Device`] when the device was lost.
    pub async fn next(&mut self) -> Result<Option<FloorPart>> {
        let Some(&Stratum { t, width }) = self.strata.first() else {
            return Ok(None);
        };
        let mut floor = 0.0;
        for (share, ideal) in &self.ideals {
            let loss = optimal_loss(ideal, &self.objective, t, FLOOR_SAMPLES, self.seed);
            floor += share * f64::from(read(loss).await?.iter().sum::<f32>());
        }
        B::check_device()?;
        self.strata.remove(0);
        self.sum += width as f64 * floor;
        self.seen += width;
        Ok(Some(FloorPart {
            t,
            width,
            floor,
            left: self.strata.len(),
            mean: self.sum / self.seen as f64,
        }))
    }
}

impl<B: Kernels> Session<B> {
    /// Begins to estimate the variational bound of an image from t = 0 and `timesteps` - 1 of the
    /// others, closer together where there is little noise, which costs the most bits.
    ///
    /// Timesteps and noise depend on the configuration's seed alone, so that differences between
    /// estimates are differences of models.
    ///
    /// # Errors
    /// [`Error::NoImages`], [`Error::NoSuchImage`] or [`Error::Image`] for such a subject, [`Error::Config`] for
    /// fewer than two timesteps and for an ideal denoiser where the variance is learned.
    pub fn bound(
        &self,
        subject: Subject,
        timesteps: usize,
        kind: DenoiserKind,
    ) -> Result<BoundEstimate<B>> {
        let config = self.trainer().config();
        let evaluation = Evaluation::new(
            Bound::new(&config.scheduler)?,
            self.denoiser(kind, None)?,
            self.subject(subject)?,
            EvaluationNoise::Seeded(config.seed),
            self.trainer().device().clone(),
        )?;
        BoundEstimate::new(evaluation, config.objective()?, timesteps, config.seed)
    }

    fn subject(&self, subject: Subject) -> Result<Dataset> {
        match subject {
            Subject::Training(index) => self.dataset().only(index),
            Subject::HeldOut(rgb) => Dataset::from_rgb(rgb, 1, self.trainer().config().size),
        }
    }

    /// Begins to estimate, from `timesteps` of them, the least loss that any network can have on the
    /// training images; see [`optimal_loss`].
    ///
    /// # Errors
    /// [`Error::NoImages`], and [`Error::Config`] for no timesteps.
    pub fn floor(&self, timesteps: usize) -> Result<FloorEstimate<B>> {
        if timesteps == 0 {
            return Err(Error::Config(
                "the floor needs at least one timestep.".into(),
            ));
        }
        let config = self.trainer().config();
        let objective = config.objective()?;
        let count = objective.schedule.num_train_timesteps();
        Ok(FloorEstimate {
            ideals: self.ideals()?,
            strata: strata(0..count, timesteps, 1, &Random::new(config.seed)),
            objective,
            seed: config.seed,
            sum: 0.0,
            seen: 0,
        })
    }

    /// What the best network would be for everything that training asks of one: one that is told the
    /// class of an image need only know the images of that class. Images without a class are taken to
    /// be no more frequent among those of any class than the others.
    fn ideals(&self) -> Result<Vec<(f64, IdealDenoiser<B>)>> {
        let any = self.ideal()?;
        let config = self.trainer().config();
        let (Some(null), Some(labels)) = (config.unet.null_class(), self.dataset().labels()) else {
            return Ok(vec![(1.0, any)]);
        };
        let told = (1.0 - config.training.class_dropout_prob) / labels.len() as f64;
        let of_class = |class| {
            let images = self.dataset().of_class(class);
            (!images.is_empty()).then(|| (told * images.len() as f64, self.ideal_of(&images)))
        };
        let mut ideals: Vec<_> = (0..null as u32).filter_map(of_class).collect();
        let shares: f64 = ideals.iter().map(|(share, _)| share).sum();
        ideals.push((1.0 - shares, any));
        Ok(ideals)
    }

    /// The training image nearest to a sample, RGB bytes in rows of pixels.
    ///
    /// # Errors
    /// [`Error::NoImages`], or [`Error::Image`] for a sample of the wrong size.
    pub fn nearest(&self, rgb: &[u8]) -> Result<Nearest> {
        let config = self.trainer().config();
        if self.dataset().is_empty() {
            return Err(Error::NoImages);
        }
        let sample = Dataset::from_rgb(rgb, 1, self.dataset().size())?;
        Nearest::of(sample.image(0), self.dataset(), config.training.random_flip)
            .ok_or(Error::NoImages)
    }
}

//! Diagnostics of a model in training: its variational bound, how far its loss is from the optimal
//! one, and whether its samples are copies. All of them a little at a time, so that training goes
//! on in between.

mod nearest;
mod optimal_loss;

pub use nearest::{COPY_RATIO, Nearest};
pub use optimal_loss::{OptimalLossEstimate, OptimalLossPart, optimal_loss};

use crate::{
    denoiser::IdealDenoiser,
    error::{Error, Result},
    ops::Kernels,
    pipeline::DenoiserKind,
    session::Session,
    train::Dataset,
    vlb::{BoundEstimate, EvaluationNoise},
};

/// An image to measure a model with.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A training image, by its position.
    Training(usize),
    /// Any other, bytes in rows of pixels, as many a pixel as the model has channels.
    HeldOut(&'a [u8]),
}

impl<B: Kernels> Session<B> {
    /// Begins to estimate the variational bound of an image from t = 0 and `timesteps` - 1 of the
    /// others, closer together where there is little noise, which costs the most bits.
    ///
    /// Timesteps and noise depend on the configuration's seed alone, so that differences between
    /// estimates are differences of models.
    ///
    /// # Errors
    /// [`Error::NoImages`], [`Error::NoSuchImage`] or [`Error::Image`] for such a subject,
    /// [`Error::Config`] for fewer than two timesteps and for an ideal denoiser where the variance
    /// is learned.
    pub fn bound(
        &self,
        subject: Subject,
        timesteps: usize,
        kind: DenoiserKind,
    ) -> Result<BoundEstimate<B>> {
        let config = self.trainer().config();
        let noise = EvaluationNoise::Seeded(config.seed);
        let evaluation = (self.pipeline(kind)?).evaluate(self.subject(subject)?, noise)?;
        BoundEstimate::new(evaluation, config.objective()?, timesteps, config.seed)
    }

    fn subject(&self, subject: Subject) -> Result<Dataset> {
        match subject {
            Subject::Training(index) => self.dataset().only(index),
            Subject::HeldOut(bytes) => {
                let config = self.trainer().config();
                Dataset::from_bytes(bytes, 1, config.size, config.channels())
            }
        }
    }

    /// Begins to estimate, from `timesteps` of them, the least loss that any network can have on
    /// the training images; see [`optimal_loss`].
    ///
    /// # Errors
    /// What [`Session::whole_images`] refuses, and [`Error::Config`] for no timesteps.
    pub fn optimal_loss(&self, timesteps: usize) -> Result<OptimalLossEstimate<B>> {
        let config = self.trainer().config();
        let objective = config.objective()?;
        OptimalLossEstimate::new(self.ideals()?, objective, timesteps, config.seed)
    }

    /// The ideal denoisers of conditional and unconditional training, and the share of training
    /// that each has: given the class of an image, the best network need only know the images of
    /// that class. Images without a class are taken to be no more frequent among those of any class
    /// than the others.
    fn ideals(&self) -> Result<Vec<(f64, IdealDenoiser<B>)>> {
        let any = self.ideal()?;
        let config = self.trainer().config();
        let (Some(null), Some(labels)) = (config.unet.null_class(), self.dataset().labels()) else {
            return Ok(vec![(1.0, any)]);
        };
        let conditional = (1.0 - config.training.class_dropout_prob) / labels.len() as f64;
        let of_class = |class| {
            let images = self.dataset().of_class(class);
            (!images.is_empty())
                .then(|| (conditional * images.len() as f64, self.ideal_of(&images)))
        };
        let mut ideals: Vec<_> = (0..null as u32).filter_map(of_class).collect();
        let shares: f64 = ideals.iter().map(|(share, _)| share).sum();
        ideals.push((1.0 - shares, any));
        Ok(ideals)
    }

    /// The training image nearest to a sample, bytes in rows of pixels, as many a pixel as the
    /// images have channels.
    ///
    /// # Errors
    /// What [`Session::whole_images`] refuses, or [`Error::Image`] for a sample of the wrong size.
    pub fn nearest(&self, sample: &[u8]) -> Result<Nearest> {
        let config = self.trainer().config();
        let images = self.whole_images()?;
        let sample = Dataset::from_bytes(sample, 1, images.size(), images.channels())?;
        Nearest::of(sample.image(0), images, config.training.random_flip).ok_or(Error::NoImages)
    }
}

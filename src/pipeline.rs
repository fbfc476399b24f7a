//! A model ready to use: a configuration, a network and its weights, which sample, edit and
//! evaluate.

use std::sync::Arc;

use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use crate::{
    denoiser::{Denoiser, Guidance, IdealDenoiser, NetworkDenoiser},
    diffusion::VarianceType,
    error::{Error, Result},
    model::{UNet, Weights},
    ops::{Kernels, MixedPrecision, into_primitive},
    sampler::{Edit, Frame, Noise, SamplerConfig, SamplingOptions, Trajectory},
    train::{Config, Dataset, capacity::Room, dataset::bytes_from_pixels, read_all},
    vlb::{Bound, Evaluation, EvaluationNoise},
};

/// What to denoise with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum DenoiserKind {
    /// The network with its weights averaged over training.
    #[default]
    Ema,
    /// The network with its weights as the optimizer left them.
    Raw,
    /// No network: [`IdealDenoiser`] of the training images, mirrored ones too where training
    /// mirrors.
    #[cfg_attr(feature = "cli", value(skip))]
    Ideal,
}

#[derive(Clone)]
enum Model<B: Backend> {
    Network(NetworkDenoiser<B>),
    Ideal(IdealDenoiser<B>),
}

/// A model and the process that it was trained for. It keeps the weights that it was made with:
/// training may go on beside it.
#[derive(Clone)]
pub struct Pipeline<B: Backend> {
    config: Config,
    model: Model<B>,
    device: B::Device,
}

impl<B: Kernels> Pipeline<B> {
    /// The model of `config` with its network and weights, which are on `device`.
    pub fn new(config: Config, unet: Arc<UNet>, weights: Weights<B>, device: B::Device) -> Self {
        let network = NetworkDenoiser {
            unet,
            weights,
            prediction_type: config.scheduler.prediction_type,
        };
        Self {
            config,
            model: Model::Network(network),
            device,
        }
    }

    /// The process of `config` with the ideal denoiser in place of a network. It knows no classes
    /// and predicts no variance: where that is learned, the smallest takes its place.
    pub fn ideal(config: Config, ideal: IdealDenoiser<B>, device: B::Device) -> Self {
        Self {
            config,
            model: Model::Ideal(ideal),
            device,
        }
    }

    /// What the model was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The model as a denoiser of what `guidance` asks for, or of images of any class.
    pub fn denoiser(&self, guidance: Option<Guidance>) -> Box<dyn Denoiser<B>> {
        match &self.model {
            Model::Network(network) => network.clone().guided(guidance),
            Model::Ideal(ideal) => Box::new(ideal.clone()),
        }
    }

    /// Starts a sampling run.
    ///
    /// # Errors
    /// [`Error::Config`] when the options are out of range, or ask the ideal denoiser for another
    /// shape than that of its images; [`Error::TooLarge`] when the device has no room for so many
    /// images at once.
    pub fn sample(&self, options: &SamplingOptions) -> Result<Sampling<B>> {
        self.start(options, None)
    }

    /// Starts a sampling run from `noise` in place of that of the options' seed.
    ///
    /// # Errors
    /// As for [`Pipeline::sample`].
    pub fn sample_from(
        &self,
        noise: Box<dyn Noise<B>>,
        options: &SamplingOptions,
    ) -> Result<Sampling<B>> {
        self.start(options, Some(noise))
    }

    fn start(
        &self,
        options: &SamplingOptions,
        noise: Option<Box<dyn Noise<B>>>,
    ) -> Result<Sampling<B>> {
        let Config {
            size,
            unet,
            scheduler,
            ..
        } = &self.config;
        let mut options = options.clone();
        if let (Model::Ideal(_), SamplerConfig::Ddpm { variance }) =
            (&self.model, &mut options.sampler)
            && variance.unwrap_or(scheduler.variance_type) == VarianceType::LearnedRange
        {
            *variance = Some(VarianceType::FixedSmall);
        }
        let sampler = options.sampler::<B>(scheduler)?;
        let [height, width] = options.shape(*size, unet)?;
        match &self.model {
            Model::Network(network) => {
                let room = Room::new::<B>(&network.unet, *size, MixedPrecision::No, &self.device);
                let room = room.of_shape([height, width]);
                room.check_images(options.count, "count")?;
            }
            Model::Ideal(_) if [height, width] != [*size; 2] => {
                return Err(Error::Config(format!(
                    "the ideal denoiser draws its own images alone, which are {size} × {size}; \
                     leave out width and height."
                )));
            }
            Model::Ideal(_) => {}
        }
        let denoiser = self.denoiser(options.guidance(unet)?);
        let image = [unet.in_channels, height, width];
        let noise = match noise {
            Some(noise) => noise,
            None => options.noise(image, self.device.clone())?,
        };
        Ok(Sampling {
            trajectory: Trajectory::new(sampler, denoiser, noise),
            shape: [options.count, image[0], image[1], image[2]],
            options,
            device: self.device.clone(),
        })
    }

    /// Starts to measure how well the model fits `images`: the variational bound.
    ///
    /// # Errors
    /// What [`Dataset::check_fits`], [`Bound::new`] and [`Evaluation::new`] refuse.
    pub fn evaluate(&self, images: Dataset, noise: EvaluationNoise) -> Result<Evaluation<B>> {
        if !images.is_empty() {
            images.check_fits(&self.config)?;
        }
        let bound = Bound::new(&self.config.scheduler)?;
        Evaluation::new(
            bound,
            self.denoiser(None),
            images,
            noise,
            self.device.clone(),
        )
    }
}

/// A sampling run.
pub struct Sampling<B: Backend> {
    trajectory: Trajectory<B>,
    options: SamplingOptions,
    /// Of a batch, `[count, channels, height, width]`.
    shape: [usize; 4],
    device: B::Device,
}

/// One frame of a [`Sampling`]: bytes, as many a pixel as the model has channels, rows of pixels,
/// one image after the other.
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
    /// ε of the frame before; where it was asked for.
    pub eps: Option<Vec<u8>>,
}

impl<B: Kernels> Sampling<B> {
    /// This run, of which no step has been taken, as one that makes `edit`.
    ///
    /// # Errors
    /// What [`Edit::apply`] refuses.
    pub fn edited(mut self, edit: &Edit) -> Result<Self> {
        self.trajectory = edit.apply(self.trajectory, &self.options, self.shape, &self.device)?;
        Ok(self)
    }

    /// This run, with ε in its pictures.
    pub fn with_eps(self) -> Self {
        Self {
            trajectory: self.trajectory.with_eps(),
            ..self
        }
    }

    /// Number of steps from x_T to x_0.
    pub fn total(&self) -> usize {
        self.trajectory.total()
    }

    /// Number of images.
    pub fn count(&self) -> usize {
        self.shape[0]
    }

    /// Shape of a batch, `[count, channels, height, width]`.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// The next frame, still on the device; `None` after x_0.
    ///
    /// # Errors
    /// What the noise source refuses.
    pub fn advance(&mut self) -> Result<Option<Frame<B>>> {
        self.trajectory.advance()
    }

    /// The next frame as a picture; `None` after x_0.
    ///
    /// # Errors
    /// As for [`Sampling::advance`], and [`Error::Device`] when the device was lost.
    pub async fn next(&mut self) -> Result<Option<Picture>> {
        let Some(frame) = self.advance()? else {
            return Ok(None);
        };
        let has_pred_x0 = frame.pred_x0.is_some();
        let tensors = std::iter::once(frame.x_t)
            .chain(frame.pred_x0)
            .chain(frame.eps);
        let read = read_all::<B>(tensors.map(into_primitive).collect()).await?;
        let [_, channels, height, width] = self.shape;
        let mut bytes =
            (read.iter()).map(|pixels| bytes_from_pixels(pixels, height * width, channels));
        let x_t = bytes.next().unwrap_or_default();
        let pred_x0 = has_pred_x0.then(|| bytes.next()).flatten();
        Ok(Some(Picture {
            index: frame.index,
            t: frame.t.map(|t| t.round() as usize),
            x_t,
            pred_x0,
            eps: bytes.next(),
        }))
    }
}

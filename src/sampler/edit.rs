//! Image editing: image-to-image (SDEdit) and inpainting (RePaint).

use burn::tensor::{Tensor, TensorData, backend::Backend};

use super::{Resampling, SamplerConfig, SamplingOptions, Trajectory};
use crate::error::{Error, Result};

/// What is done to an image, the same for each of a batch. Images are `[channels, height, width]`
/// in model range.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// Noised in part and sampled from there; see [`super::Img2ImgStart`].
    Img2Img {
        /// What is changed.
        image: Vec<f32>,
        /// The share of the steps that is taken, above 0 and at most 1.
        strength: f64,
    },
    /// Filled in where `fill`, `[height, width]`, is true; see [`super::RePaint`].
    Inpaint {
        /// What is kept where `fill` is false.
        image: Vec<f32>,
        /// What is filled in.
        fill: Vec<bool>,
        /// How often steps are taken again.
        resampling: Resampling,
    },
}

impl Edit {
    /// `run`, a run of `options` from pure noise, as one that makes this edit. `shape` is that of a
    /// batch, `[batch, channels, height, width]`.
    ///
    /// # Errors
    /// [`Error::Config`] when a number is out of range or the sampler cannot do it,
    /// [`Error::Image`] when image or mask have another size or there is nothing to fill in.
    pub fn apply<B: Backend>(
        &self,
        run: Trajectory<B>,
        options: &SamplingOptions,
        shape: [usize; 4],
        device: &B::Device,
    ) -> Result<Trajectory<B>> {
        if options.interpolate.is_some() {
            return Err(Error::Config(
                "between two seeds images come from noise alone; leave out either the second seed \
                 or the image."
                    .into(),
            ));
        }
        match self {
            Self::Img2Img { image, strength } => {
                run.img2img(batch(image, shape, device)?, *strength)
            }
            Self::Inpaint {
                image,
                fill,
                resampling,
            } => {
                let (SamplerConfig::Ddpm { .. } | SamplerConfig::Ddim { .. }) = options.sampler
                else {
                    return Err(Error::Config(
                        "only the samplers ddpm and ddim can fill in an image; choose one of them."
                            .into(),
                    ));
                };
                if !fill.contains(&true) {
                    return Err(Error::Image(
                        "the mask leaves nothing to fill in; mark a part of the image.".into(),
                    ));
                }
                let known_mask: Vec<f32> = fill.iter().map(|fill| f32::from(!fill)).collect();
                let known_mask = batch(&known_mask.repeat(shape[1]), shape, device)?;
                run.inpaint(batch(image, shape, device)?, known_mask, *resampling)
            }
        }
    }
}

/// As many copies of an image as `shape` has.
fn batch<B: Backend>(image: &[f32], shape: [usize; 4], device: &B::Device) -> Result<Tensor<B, 4>> {
    let [count, channels, height, width] = shape;
    if image.len() != channels * height * width {
        return Err(Error::Image(format!(
            "the image and its mask must be {width} × {height}, the size of the model's images."
        )));
    }
    let data = TensorData::new(image.to_vec(), [1, channels, height, width]);
    Ok(Tensor::<B, 4>::from_data(data, device).repeat_dim(0, count))
}

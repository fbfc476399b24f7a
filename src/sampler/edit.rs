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
    /// The edit that keeps a picture in its place and fills in everything around it.
    ///
    /// `picture` is `[channels, height, width]` with the height and width of `shape`; `place` is the
    /// row and the column that its upper left corner gets in images of `[height, width]` `canvas`.
    ///
    /// # Errors
    /// [`Error::Image`] when the picture does not lie within, or leaves nothing to fill in.
    pub fn extend(
        picture: &[f32],
        shape: [usize; 2],
        place: [usize; 2],
        canvas: [usize; 2],
        resampling: Resampling,
    ) -> Result<Self> {
        let [height, width] = shape;
        let ends = [0, 1].map(|side| place[side].checked_add(shape[side]));
        if ends[0].is_none_or(|end| end > canvas[0]) || ends[1].is_none_or(|end| end > canvas[1]) {
            return Err(Error::Image(format!(
                "a picture of {width} × {height} pixels does not fit into one of {} × {} at column \
                 {} and row {}.",
                canvas[1], canvas[0], place[1], place[0]
            )));
        }
        if shape == canvas {
            return Err(Error::Image(format!(
                "the picture is {width} × {height} pixels, as large as what it is to be extended \
                 to; ask for a larger width or height."
            )));
        }
        let area = canvas[0] * canvas[1];
        let channels = picture.len() / (height * width).max(1);
        let mut image = vec![0.0; channels * area];
        let mut fill = vec![true; area];
        for row in 0..height {
            let start = (place[0] + row) * canvas[1] + place[1];
            fill[start..start + width].fill(false);
            for channel in 0..channels {
                let from = (channel * height + row) * width;
                image[channel * area + start..][..width]
                    .copy_from_slice(&picture[from..from + width]);
            }
        }
        Ok(Self::Inpaint {
            image,
            fill,
            resampling,
        })
    }

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
            "the image and its mask must be {width} × {height}, the size of what is drawn."
        )));
    }
    let data = TensorData::new(image.to_vec(), [1, channels, height, width]);
    Ok(Tensor::<B, 4>::from_data(data, device).repeat_dim(0, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extended_picture_lies_in_its_place() {
        // Two channels of 2 × 3.
        let picture: Vec<f32> = (1..=12).map(|value| value as f32).collect();
        let edit = Edit::extend(&picture, [2, 3], [1, 1], [4, 4], Resampling::default());
        let Ok(Edit::Inpaint { image, fill, .. }) = edit else {
            panic!("{edit:?}")
        };
        for (channel, plane) in image.chunks_exact(16).enumerate() {
            for row in 0..2 {
                let start = (1 + row) * 4 + 1;
                let from = (channel * 2 + row) * 3;
                assert_eq!(plane[start..start + 3], picture[from..from + 3]);
                assert!(fill[start..start + 3].iter().all(|fill| !fill));
            }
        }
        assert_eq!(fill.iter().filter(|fill| !**fill).count(), 6);
    }

    #[test]
    fn a_picture_that_does_not_fit_is_refused() {
        for (place, canvas) in [
            ([0, 2], [4, 4]),
            ([3, 0], [4, 4]),
            ([usize::MAX, 0], [4, 4]),
            ([0, 0], [2, 3]),
            ([0, 0], [1, 9]),
        ] {
            let edit = Edit::extend(&[0.0; 6], [2, 3], place, canvas, Resampling::default());
            assert!(matches!(edit, Err(Error::Image(_))), "{place:?} {canvas:?}");
        }
    }
}

//! The options of `unnoise sample` that change an image, or lead from one seed to another.

use std::path::{Path, PathBuf};

use unnoise::{
    sampler::{Edit, Interpolation, Resampling},
    train::{Config, Dataset},
};

use crate::{
    failure::{Failure, Result},
    input::read_images,
};

/// What of a mask is at least this bright is filled in.
const WHITE: u8 = 128;

#[derive(clap::Args)]
#[command(next_help_heading = "More from one model")]
pub struct EditArgs {
    /// Go from the first image of --seed to that of SEED_B in --count images, 2 or more, by
    /// spherical interpolation of all noise: most evenly with samplers that add none
    #[arg(long, value_name = "SEED_B", conflicts_with_all = ["noise", "init", "inpaint"])]
    interpolate: Option<u64>,
    /// Redraw an image (SDEdit, Meng et al. 2022): noise it as far as --strength says and sample
    /// from there
    #[arg(long, value_name = "IMAGE", conflicts_with = "inpaint")]
    init: Option<PathBuf>,
    /// How much of the steps --init takes, above 0 (hardly a change) to 1 (hardly anything left)
    /// [default: 0.6]
    #[arg(long, value_name = "S", requires = "init")]
    strength: Option<f64>,
    /// Fill in the part of an image that --mask marks (RePaint, Lugmayr et al. 2022); for ddpm and
    /// ddim
    #[arg(long, value_name = "IMAGE", requires = "mask")]
    inpaint: Option<PathBuf>,
    /// What to fill in: white, where black is kept; cropped and scaled as the image
    #[arg(long, value_name = "MASK.png", requires = "inpaint")]
    mask: Option<PathBuf>,
    /// Steps that --inpaint jumps back into noise, 1 or more, and the distance between its jumps
    /// [default: 10]
    #[arg(long, value_name = "J", requires = "inpaint")]
    jump_length: Option<usize>,
    /// How many times --inpaint samples each stretch, 1 (no jumps) to 100; more agrees better with
    /// what is kept, and takes as many times longer [default: 3]
    #[arg(long, value_name = "R", requires = "inpaint")]
    jump_n_sample: Option<usize>,
}

impl EditArgs {
    pub fn interpolation(&self) -> Option<Interpolation> {
        let to = self.interpolate?;
        Some(Interpolation { to, total: None })
    }

    /// Reads the image to change, if there is one, as one of the model's.
    pub fn read(&self, config: &Config) -> Result<Option<Edit>> {
        if let Some(path) = &self.init {
            return Ok(Some(Edit::Img2Img {
                image: pixels(path, config)?,
                strength: self.strength.unwrap_or(0.6),
            }));
        }
        let (Some(image), Some(mask)) = (&self.inpaint, &self.mask) else {
            return Ok(None);
        };
        let default = Resampling::default();
        Ok(Some(Edit::Inpaint {
            image: pixels(image, config)?,
            fill: read_one(mask, config.size, 3)?
                .chunks_exact(3)
                .map(|rgb| rgb.iter().all(|value| *value >= WHITE))
                .collect(),
            resampling: Resampling {
                jump_length: self.jump_length.unwrap_or(default.jump_length),
                jump_n_sample: self.jump_n_sample.unwrap_or(default.jump_n_sample),
            },
        }))
    }
}

/// An image in model range, `[channels, size, size]`.
fn pixels(path: &Path, config: &Config) -> Result<Vec<f32>> {
    let (size, channels) = (config.size, config.channels());
    let bytes = read_one(path, size, channels)?;
    let image = Dataset::from_bytes(&bytes, 1, size, channels)?;
    Ok(image.image(0).to_vec())
}

/// The bytes of one image, `channels` a pixel.
fn read_one(path: &Path, size: usize, channels: usize) -> Result<Vec<u8>> {
    let images = read_images(&[path.into()], size, Some(channels))?;
    match images.count() {
        1 => Ok(images.bytes),
        count => Err(Failure::Use(format!(
            "{}: there are {count} images in this folder, but one is needed; name a file.",
            path.display()
        ))),
    }
}

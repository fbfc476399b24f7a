//! The options of `unnoise sample` that change an image, or lead from one seed to another.

use std::path::{Path, PathBuf};

use unnoise::{
    sampler::{Edit, Interpolation, Resampling, SamplerConfig},
    train::{Config, Dataset},
};

use crate::{
    failure::{Failure, Result},
    input::{read_images, read_pictures},
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
    /// Keep a picture and draw what is around it, up to --width and --height: for a model that was
    /// trained with --crops, and the samplers ddpm and ddim
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["init", "inpaint"])]
    extend: Option<PathBuf>,
    /// Scale the picture of --extend down until its longer side is at most so many pixels, 4 to 256;
    /// take what --crops had [default: 128]
    #[arg(long, value_name = "PIXELS", requires = "extend", value_parser = clap::value_parser!(u16).range(4..=256))]
    extend_size: Option<u16>,
    /// Column and row of the upper left corner of the picture of --extend [default: in the middle]
    #[arg(long, value_name = "X,Y", requires = "extend", value_parser = place)]
    extend_at: Option<[usize; 2]>,
    /// Steps that --inpaint and --extend jump back into noise, 1 or more, and the distance between
    /// the jumps [default: 10]
    #[arg(long, value_name = "J")]
    jump_length: Option<usize>,
    /// How many times --inpaint and --extend sample each stretch, 1 (no jumps) to 100; more agrees
    /// better with what is kept, and takes as many times longer [default: 3]
    #[arg(long, value_name = "R")]
    jump_n_sample: Option<usize>,
}

impl EditArgs {
    /// The sampler where none is asked for: one of the two that keep pixels, where any are kept.
    pub fn usual_sampler(&self) -> SamplerConfig {
        if self.keeps_pixels() {
            SamplerConfig::Ddim {
                eta: 0.0,
                use_clipped_model_output: false,
            }
        } else {
            SamplerConfig::default()
        }
    }

    fn keeps_pixels(&self) -> bool {
        self.inpaint.is_some() || self.extend.is_some()
    }

    pub fn interpolation(&self) -> Option<Interpolation> {
        let to = self.interpolate?;
        Some(Interpolation { to, total: None })
    }

    /// Reads the image to change, if there is one, for images of `shape`, height and width.
    pub fn read(&self, config: &Config, shape: [usize; 2]) -> Result<Option<Edit>> {
        if !self.keeps_pixels() {
            let jumps = [
                (self.jump_length.is_some(), "--jump-length"),
                (self.jump_n_sample.is_some(), "--jump-n-sample"),
            ];
            if let Some((_, option)) = jumps.into_iter().find(|(given, _)| *given) {
                return Err(Failure::Use(format!(
                    "{option} is about --inpaint and --extend; leave it out."
                )));
            }
        }
        if let Some(path) = &self.extend {
            return self.read_extension(path, config, shape).map(Some);
        }
        let has_image = self.init.is_some() || self.inpaint.is_some();
        if has_image && shape != [config.size; 2] {
            return Err(Failure::Use(format!(
                "--init and --inpaint are at the size of the model's images, {0} × {0}; leave \
                 --width and --height out.",
                config.size
            )));
        }
        if let Some(path) = &self.init {
            return Ok(Some(Edit::Img2Img {
                image: pixels(path, config)?,
                strength: self.strength.unwrap_or(0.6),
            }));
        }
        let (Some(image), Some(mask)) = (&self.inpaint, &self.mask) else {
            return Ok(None);
        };
        Ok(Some(Edit::Inpaint {
            image: pixels(image, config)?,
            fill: read_one(mask, config.size, 3)?
                .chunks_exact(3)
                .map(|rgb| rgb.iter().all(|value| *value >= WHITE))
                .collect(),
            resampling: self.resampling(),
        }))
    }

    fn read_extension(&self, path: &Path, config: &Config, canvas: [usize; 2]) -> Result<Edit> {
        let longest = self.extend_size.unwrap_or(EXTEND_SIZE).into();
        let read = read_pictures(&[path.into()], longest, 1, Some(config.channels()))?;
        let [picture] = read.pictures.as_slice() else {
            return Err(several(path, read.pictures.len()));
        };
        let shape = picture.shape();
        let place = match self.extend_at {
            Some([column, row]) => [row, column],
            None => [0, 1].map(|side| canvas[side].saturating_sub(shape[side]) / 2),
        };
        let resampling = self.resampling();
        Ok(Edit::extend(
            picture.pixels(),
            shape,
            place,
            canvas,
            resampling,
        )?)
    }

    fn resampling(&self) -> Resampling {
        let default = Resampling::default();
        Resampling {
            jump_length: self.jump_length.unwrap_or(default.jump_length),
            jump_n_sample: self.jump_n_sample.unwrap_or(default.jump_n_sample),
        }
    }
}

/// Longest side of a picture that is extended, as of one that `--crops` takes.
const EXTEND_SIZE: u16 = 128;

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
        count => Err(several(path, count)),
    }
}

/// Column and row.
fn place(text: &str) -> std::result::Result<[usize; 2], String> {
    let numbers = text.split_once(',').and_then(|(column, row)| {
        let number = |part: &str| part.trim().parse().ok();
        Some([number(column)?, number(row)?])
    });
    numbers.ok_or_else(|| "two whole numbers with a comma between them are needed".into())
}

fn several(path: &Path, count: usize) -> Failure {
    Failure::Use(format!(
        "{}: there are {count} images in this folder, but one is needed; name a file.",
        path.display()
    ))
}

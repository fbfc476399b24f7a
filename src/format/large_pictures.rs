//! Pictures on disk that training takes crops of.

use std::path::PathBuf;

use image::DynamicImage;
use rayon::prelude::*;

use super::picture::{Fitted, channels_of, image_files, open, resized};
use crate::{
    error::Result,
    train::{Dataset, LargePicture},
};

/// Pictures, each of its own shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Pictures {
    /// The pictures.
    pub pictures: Vec<LargePicture>,
    /// Values of a pixel: 1 of grey pictures, 3 of RGB, 4 of RGB and alpha.
    pub channels: usize,
    /// Where each came from.
    pub paths: Vec<PathBuf>,
    /// Files in folders that are not images and were left out.
    pub skipped: usize,
}

impl Pictures {
    /// The data set whose images are crops of `size` × `size`.
    ///
    /// # Errors
    /// As for [`Dataset::of_pictures`].
    pub fn into_dataset(self, size: usize) -> Result<Dataset> {
        Dataset::of_pictures(self.pictures, size)
    }
}

/// Reads image files and folders of them whole, turned upright and scaled down until the longer side
/// is at most `longest`, but the shorter side not below `shortest`: crops of that size are taken.
/// None is enlarged. Files and `channels` are as [`super::picture::read_images`] has them.
///
/// # Errors
/// As for [`super::picture::read_images`].
pub fn read_pictures(
    paths: &[PathBuf],
    longest: usize,
    shortest: usize,
    channels: Option<usize>,
) -> Result<Pictures> {
    let (files, skipped) = image_files(paths)?;
    let fitted = files.par_iter().map(|path| {
        let image = open(path)?;
        Ok(scaled_down(image, longest, shortest))
    });
    let fitted = fitted.collect::<Result<Vec<Fitted>>>()?;
    let channels = channels.unwrap_or_else(|| channels_of(&fitted));
    let pictures = fitted.iter().map(|image| {
        let mut bytes = Vec::new();
        image.append_to(&mut bytes, channels);
        let shape = [image.opaque.height(), image.opaque.width()];
        LargePicture::from_bytes(&bytes, shape.map(|side| side as usize), channels)
    });
    Ok(Pictures {
        pictures: pictures.collect::<Result<_>>()?,
        channels,
        paths: files,
        skipped,
    })
}

fn scaled_down(image: DynamicImage, longest: usize, shortest: usize) -> Fitted {
    let sides = [image.width() as f64, image.height() as f64];
    let [long, short] = [sides[0].max(sides[1]), sides[0].min(sides[1])];
    let scale = (longest as f64 / long)
        .max(shortest as f64 / short)
        .min(1.0);
    let [width, height] = sides.map(|side| (side * scale).round().max(1.0) as u32);
    resized(image, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_shape_and_are_not_enlarged() {
        let image = |width, height| DynamicImage::new_rgb8(width, height);
        for (from, longest, shortest, to) in [
            ((400, 200), 100, 32, (100, 50)),
            ((200, 400), 100, 32, (50, 100)),
            ((80, 60), 100, 32, (80, 60)),
            // The shorter side has room for a crop.
            ((1000, 100), 100, 32, (320, 32)),
            ((1000, 20), 100, 32, (1000, 20)),
        ] {
            let fitted = scaled_down(image(from.0, from.1), longest, shortest);
            assert_eq!(fitted.opaque.dimensions(), to, "{from:?}");
        }
    }
}

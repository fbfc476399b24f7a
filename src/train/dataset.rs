//! The training images.

use std::borrow::Cow;

use super::{Config, LargePicture};
use crate::error::{Error, Result};

/// Images `[n, channels, size, size]` in [-1, 1], with or without labels.
///
/// Channels are grey (1), RGB (3), or RGB and alpha (4). Colours are straight, not multiplied by
/// alpha: so are those of PNG files and of the pictures that diffusers makes of four channels, and
/// what a model draws needs no division by an alpha near 0, which would enlarge its errors.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    channels: usize,
    size: usize,
    count: usize,
    pixels: Vec<f32>,
    labels: Option<Vec<u32>>,
    /// Where the images are the middles of larger pictures, of which training shows random crops:
    /// these, one for each.
    pictures: Option<Vec<LargePicture>>,
}

impl Dataset {
    /// From RGB bytes, rows of pixels, one image after the other.
    ///
    /// # Errors
    /// As for [`Dataset::from_bytes`].
    pub fn from_rgb(bytes: &[u8], count: usize, size: usize) -> Result<Self> {
        Self::from_bytes(bytes, count, size, 3)
    }

    /// From bytes, `channels` a pixel, rows of pixels, one image after the other.
    ///
    /// The colour of a pixel whose alpha is 0 shows nowhere, and files have anything there. It is
    /// made black, so that a network does not learn what cannot be seen.
    ///
    /// # Errors
    /// [`Error::NoImages`] for none; [`Error::Image`] when the number of bytes does not fit.
    pub fn from_bytes(bytes: &[u8], count: usize, size: usize, channels: usize) -> Result<Self> {
        if count == 0 {
            return Err(Error::NoImages);
        }
        let needed = [size, size, channels]
            .iter()
            .try_fold(count, |n, side| n.checked_mul(*side));
        if size == 0 || channels == 0 || needed != Some(bytes.len()) {
            return Err(Error::Image(format!(
                "{count} images of {size} × {size} pixels with {channels} channels do not take {} \
                 bytes.",
                bytes.len()
            )));
        }
        Ok(Self {
            channels,
            size,
            count,
            pixels: pixels_from_bytes(bytes, size * size, channels),
            labels: None,
            pictures: None,
        })
    }

    /// Pictures of any shape, of which training shows random crops of `size` × `size`. Where one
    /// image is asked for, it is the middle of a picture.
    ///
    /// # Errors
    /// [`Error::NoImages`] for none; [`Error::Image`] when one is smaller than a crop or has other
    /// channels than the first.
    pub fn of_pictures(pictures: Vec<LargePicture>, size: usize) -> Result<Self> {
        let Some(channels) = pictures.first().map(LargePicture::channels) else {
            return Err(Error::NoImages);
        };
        if pictures
            .iter()
            .any(|picture| picture.channels() != channels)
        {
            return Err(Error::Image(
                "some have other channels than others; all pictures must have the same.".into(),
            ));
        }
        for picture in &pictures {
            picture.check_size(size)?;
        }
        Ok(Self {
            channels,
            size,
            count: pictures.len(),
            pixels: (pictures.iter().flat_map(|picture| picture.middle(size))).collect(),
            labels: None,
            pictures: Some(pictures),
        })
    }

    /// The same images, `labels[i]` being the class of image i.
    ///
    /// # Errors
    /// [`Error::Image`] when there is not one label for each image.
    pub fn with_labels(mut self, labels: Vec<u32>) -> Result<Self> {
        if labels.len() != self.count {
            return Err(Error::Image(format!(
                "there are {} of them, but {} labels.",
                self.count,
                labels.len()
            )));
        }
        self.labels = Some(labels);
        Ok(self)
    }

    /// The same images without labels.
    pub fn without_labels(mut self) -> Self {
        self.labels = None;
        self
    }

    /// The class of each image, where they have one.
    pub fn labels(&self) -> Option<&[u32]> {
        self.labels.as_deref()
    }

    /// Image `index` alone.
    ///
    /// # Errors
    /// What [`Dataset::get`] refuses.
    pub fn only(&self, index: usize) -> Result<Self> {
        self.get(index)?;
        Ok(self.filtered(|other| other == index))
    }

    /// The images of one class.
    pub fn of_class(&self, class: u32) -> Self {
        self.filtered(|index| {
            self.labels
                .as_ref()
                .is_some_and(|labels| labels[index] == class)
        })
    }

    fn filtered(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.count).filter(|index| keep(*index)).collect();
        Self {
            channels: self.channels,
            size: self.size,
            count: kept.len(),
            pixels: kept
                .iter()
                .flat_map(|index| self.image(*index))
                .copied()
                .collect(),
            labels: self
                .labels
                .as_ref()
                .map(|labels| kept.iter().map(|index| labels[*index]).collect()),
            pictures: (self.pictures.as_ref())
                .map(|all| kept.iter().map(|index| all[*index].clone()).collect()),
        }
    }

    /// That the model of `config` is for such images.
    ///
    /// # Errors
    /// [`Error::Image`] when they are of another size or have other channels, or are to be cropped
    /// by a model that is not trained so.
    pub fn check_fits(&self, config: &Config) -> Result<()> {
        if self.size != config.size {
            return Err(Error::Image(format!(
                "they are {0} × {0}, but the model is for {1} × {1}.",
                self.size, config.size
            )));
        }
        if self.channels != config.channels() {
            return Err(Error::Image(format!(
                "they have {} channels, but the model is for {}.",
                self.channels,
                config.channels()
            )));
        }
        if self.is_cropped() && !config.training.random_crop {
            return Err(Error::Image(
                "they are larger pictures to be cropped, but the model is trained on whole images; \
                 switch random_crop on."
                    .into(),
            ));
        }
        Ok(())
    }

    /// Whether training shows random crops of larger pictures.
    pub fn is_cropped(&self) -> bool {
        self.pictures.is_some()
    }

    /// How many different crops of image `index` training may show: 1 where it shows all of it.
    ///
    /// # Panics
    /// If there is no such image.
    pub(super) fn positions(&self, index: usize) -> usize {
        let pictures = self.pictures.as_ref();
        pictures.map_or(1, |pictures| pictures[index].positions(self.size))
    }

    /// What training shows of image `index` at `position`, below [`Dataset::positions`]:
    /// `[channels, size, size]`.
    ///
    /// # Panics
    /// If there is no such image or position.
    pub(super) fn shown(&self, index: usize, position: usize) -> Cow<'_, [f32]> {
        match &self.pictures {
            Some(pictures) => pictures[index].crop(position, self.size).into(),
            None => self.image(index).into(),
        }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Side of the images.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Values a pixel: 1, 3 or 4, and 0 of no images.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Every image that training shows, `[n or 2n, channels, size, size]`: with `random_flip` also
    /// mirrored.
    pub fn variants(&self, random_flip: bool) -> Vec<f32> {
        let mut pixels = self.pixels.clone();
        if random_flip {
            pixels.extend(mirror(&self.pixels, self.size));
        }
        pixels
    }

    /// Image `index`, `[channels, size, size]`.
    ///
    /// # Errors
    /// [`Error::NoImages`] when there are none, [`Error::NoSuchImage`] when there is none at
    /// `index`.
    pub fn get(&self, index: usize) -> Result<&[f32]> {
        match self.count {
            0 => Err(Error::NoImages),
            count if index >= count => Err(Error::NoSuchImage { index, count }),
            _ => Ok(self.image(index)),
        }
    }

    /// Image `index`, `[channels, size, size]`.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn image(&self, index: usize) -> &[f32] {
        let length = self.channels * self.size * self.size;
        &self.pixels[index * length..][..length]
    }
}

/// Images `[n, channels, size, size]` mirrored left to right.
pub fn mirror(pixels: &[f32], size: usize) -> Vec<f32> {
    pixels
        .chunks_exact(size.max(1))
        .flat_map(|row| row.iter().rev().copied())
        .collect()
}

/// The inverse of [`bytes_from_pixels`]. The colour of a pixel whose alpha is 0 becomes black.
pub(super) fn pixels_from_bytes(bytes: &[u8], area: usize, channels: usize) -> Vec<f32> {
    let mut pixels = vec![0.0; bytes.len()];
    for (image, bytes) in pixels
        .chunks_exact_mut(channels * area)
        .zip(bytes.chunks_exact(channels * area))
    {
        for (position, values) in bytes.chunks_exact(channels).enumerate() {
            let values = match values {
                [_, _, _, 0] => &[0; 4],
                values => values,
            };
            for (channel, byte) in values.iter().enumerate() {
                image[channel * area + position] = *byte as f32 / 127.5 - 1.0;
            }
        }
    }
    pixels
}

/// Images `[n, channels, height, width]` in model range to bytes, `channels` a pixel, rows of
/// pixels, one image after the other; values outside [-1, 1] are clamped. `area` is height · width.
pub fn bytes_from_pixels(pixels: &[f32], area: usize, channels: usize) -> Vec<u8> {
    let mut bytes = vec![0; pixels.len()];
    for (image, bytes) in pixels
        .chunks_exact(channels * area)
        .zip(bytes.chunks_exact_mut(channels * area))
    {
        for (position, values) in bytes.chunks_exact_mut(channels).enumerate() {
            for (channel, byte) in values.iter_mut().enumerate() {
                let value = (image[channel * area + position] + 1.0) * 127.5;
                *byte = value.clamp(0.0, 255.0).round() as u8;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_way_to_pixels_and_back() {
        let bytes: Vec<u8> = (0..2 * 4 * 4 * 3).map(|i| (i * 37 % 256) as u8).collect();
        let dataset = Dataset::from_rgb(&bytes, 2, 4).unwrap();
        assert_eq!(bytes_from_pixels(&dataset.pixels, 16, 3), bytes);
        assert!(dataset.pixels.iter().all(|x| (-1.0..=1.0).contains(x)));
        // Channel planes, not interleaved.
        assert_eq!(dataset.image(1)[16], bytes[48 + 1] as f32 / 127.5 - 1.0);
    }

    #[test]
    fn every_number_of_channels_survives_the_way_there_and_back() {
        for channels in [1, 4] {
            // No alpha is 0.
            let bytes: Vec<u8> = (0..2 * 9 * channels)
                .map(|i| (i * 37 % 255 + 1) as u8)
                .collect();
            let dataset = Dataset::from_bytes(&bytes, 2, 3, channels).unwrap();
            assert_eq!(
                (dataset.channels(), dataset.image(1).len()),
                (channels, 9 * channels)
            );
            assert_eq!(bytes_from_pixels(&dataset.pixels, 9, channels), bytes);
            assert_eq!(dataset.only(1).unwrap().image(0), dataset.image(1));
        }
    }

    #[test]
    fn colours_that_cannot_be_seen_are_black() {
        let seen = [9, 8, 7, 1];
        let bytes = [[9, 8, 7, 0], seen, [255, 0, 255, 0], [1, 2, 3, 255]].concat();
        let dataset = Dataset::from_bytes(&bytes, 1, 2, 4).unwrap();
        let expected = [[0; 4], seen, [0; 4], [1, 2, 3, 255]].concat();
        assert_eq!(bytes_from_pixels(dataset.image(0), 4, 4), expected);
    }

    #[test]
    fn wrong_numbers_of_labels_are_refused() {
        let dataset = Dataset::from_rgb(&[0; 96], 2, 4).unwrap();
        assert_eq!(dataset.labels(), None);
        let labelled = dataset.clone().with_labels(vec![1, 0]).unwrap();
        assert_eq!(labelled.labels(), Some(&[1, 0][..]));
        assert!(matches!(dataset.with_labels(vec![1]), Err(Error::Image(_))));
    }

    #[test]
    fn mirroring_reverses_rows() {
        assert_eq!(mirror(&[1.0, 2.0, 3.0, 4.0], 2), [2.0, 1.0, 4.0, 3.0]);
    }

    #[test]
    fn training_shows_mirrored_images_where_it_flips() {
        let bytes: Vec<u8> = (0..2 * 4 * 4 * 3).map(|i| (i * 37 % 256) as u8).collect();
        let dataset = Dataset::from_rgb(&bytes, 2, 4).unwrap();
        assert_eq!(dataset.variants(false), dataset.pixels);
        let both = dataset.variants(true);
        assert_eq!(both[..96], dataset.pixels);
        assert_eq!(both[96 + 48..], mirror(dataset.image(1), 4));
    }

    #[test]
    fn wrong_numbers_of_bytes_are_refused() {
        assert!(matches!(Dataset::from_rgb(&[], 0, 4), Err(Error::NoImages)));
        assert!(matches!(
            Dataset::from_rgb(&[0; 47], 1, 4),
            Err(Error::Image(_))
        ));
        // Their product comes round to 0.
        for (count, size) in [(4, 1 << (usize::BITS / 2 - 1)), (1, 0)] {
            assert!(matches!(
                Dataset::from_rgb(&[], count, size),
                Err(Error::Image(_))
            ));
        }
    }
}

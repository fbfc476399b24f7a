//! The training images.

use crate::error::{Error, Result};

/// Images `[n, 3, size, size]` in [-1, 1], with or without labels.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    size: usize,
    count: usize,
    pixels: Vec<f32>,
    labels: Option<Vec<u32>>,
}

impl Dataset {
    /// From RGB bytes, rows of pixels, one image after the other.
    ///
    /// # Errors
    /// [`Error::NoImages`] for none; [`Error::Image`] when the number of bytes does not fit.
    pub fn from_rgb(bytes: &[u8], count: usize, size: usize) -> Result<Self> {
        if count == 0 {
            return Err(Error::NoImages);
        }
        let needed = [size, size, 3]
            .iter()
            .try_fold(count, |n, side| n.checked_mul(*side));
        if size == 0 || needed != Some(bytes.len()) {
            return Err(Error::Image(format!(
                "{count} images of {size} × {size} RGB pixels do not take {} bytes.",
                bytes.len()
            )));
        }
        let area = size * size;
        let mut pixels = vec![0.0; bytes.len()];
        for (image, bytes) in pixels
            .chunks_exact_mut(3 * area)
            .zip(bytes.chunks_exact(3 * area))
        {
            for (position, rgb) in bytes.chunks_exact(3).enumerate() {
                for (channel, byte) in rgb.iter().enumerate() {
                    image[channel * area + position] = *byte as f32 / 127.5 - 1.0;
                }
            }
        }
        Ok(Self {
            size,
            count,
            pixels,
            labels: None,
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

    /// Every image that training shows, `[n or 2n, 3, size, size]`: with `random_flip` also
    /// mirrored.
    pub fn variants(&self, random_flip: bool) -> Vec<f32> {
        let mut pixels = self.pixels.clone();
        if random_flip {
            pixels.extend(mirror(&self.pixels, self.size));
        }
        pixels
    }

    /// Image `index`, `[3, size, size]`.
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

    /// Image `index`, `[3, size, size]`.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn image(&self, index: usize) -> &[f32] {
        let length = 3 * self.size * self.size;
        &self.pixels[index * length..][..length]
    }
}

/// Images `[n, 3, size, size]` mirrored left to right.
pub fn mirror(pixels: &[f32], size: usize) -> Vec<f32> {
    pixels
        .chunks_exact(size.max(1))
        .flat_map(|row| row.iter().rev().copied())
        .collect()
}

/// Images `[n, 3, size, size]` in model range to RGB bytes, rows of pixels, one image after the
/// other; values outside [-1, 1] are clamped.
pub fn rgb_from_pixels(pixels: &[f32], size: usize) -> Vec<u8> {
    let area = size * size;
    let mut bytes = vec![0; pixels.len()];
    for (image, bytes) in pixels
        .chunks_exact(3 * area)
        .zip(bytes.chunks_exact_mut(3 * area))
    {
        for (position, rgb) in bytes.chunks_exact_mut(3).enumerate() {
            for (channel, byte) in rgb.iter_mut().enumerate() {
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
        assert_eq!(rgb_from_pixels(&dataset.pixels, 4), bytes);
        assert!(dataset.pixels.iter().all(|x| (-1.0..=1.0).contains(x)));
        // Channel planes, not interleaved.
        assert_eq!(dataset.image(1)[16], bytes[48 + 1] as f32 / 127.5 - 1.0);
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

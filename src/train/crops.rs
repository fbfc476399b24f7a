//! Pictures larger than what a model trains on, of which every batch is shown random crops.

use super::dataset::pixels_from_bytes;
use crate::error::{Error, Result};

/// A picture of any shape, `[channels, height, width]` in [-1, 1].
#[derive(Debug, Clone, PartialEq)]
pub struct LargePicture {
    channels: usize,
    height: usize,
    width: usize,
    pixels: Vec<f32>,
}

impl LargePicture {
    /// From bytes, `channels` a pixel, in rows of pixels. Colours that cannot be seen become black,
    /// as [`super::Dataset::from_bytes`] has it.
    ///
    /// # Errors
    /// [`Error::Image`] when the number of bytes does not fit.
    pub fn from_bytes(bytes: &[u8], [height, width]: [usize; 2], channels: usize) -> Result<Self> {
        let needed = height
            .checked_mul(width)
            .and_then(|area| area.checked_mul(channels));
        if bytes.is_empty() || needed != Some(bytes.len()) {
            return Err(Error::Image(format!(
                "a picture of {width} × {height} pixels with {channels} channels does not take {} \
                 bytes.",
                bytes.len()
            )));
        }
        Ok(Self {
            channels,
            height,
            width,
            pixels: pixels_from_bytes(bytes, height * width, channels),
        })
    }

    /// Values of a pixel.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Height and width in pixels.
    pub fn shape(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// `[channels, height, width]`
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }

    /// That a crop of `size` × `size` can be taken.
    ///
    /// # Errors
    /// [`Error::Image`] when it is smaller than that.
    pub(super) fn check_size(&self, size: usize) -> Result<()> {
        if size == 0 || self.height < size || self.width < size {
            return Err(Error::Image(format!(
                "a picture of {} × {} pixels is too small for crops of {size} × {size}; use a \
                 larger picture or a smaller size.",
                self.width, self.height
            )));
        }
        Ok(())
    }

    /// How many different crops of `size` × `size` there are; at least one.
    pub(super) fn positions(&self, size: usize) -> usize {
        (self.height - size + 1) * (self.width - size + 1)
    }

    /// The crop at `position`, counted in rows from the upper left: `[channels, size, size]`.
    pub(super) fn crop(&self, position: usize, size: usize) -> Vec<f32> {
        let across = self.width - size + 1;
        self.crop_at([position / across, position % across], size)
    }

    /// The crop in the middle, `[channels, size, size]`.
    pub(super) fn middle(&self, size: usize) -> Vec<f32> {
        self.crop_at([(self.height - size) / 2, (self.width - size) / 2], size)
    }

    fn crop_at(&self, [top, left]: [usize; 2], size: usize) -> Vec<f32> {
        let mut crop = Vec::with_capacity(self.channels * size * size);
        for plane in self.pixels.chunks_exact(self.height * self.width) {
            for row in plane.chunks_exact(self.width).skip(top).take(size) {
                crop.extend_from_slice(&row[left..left + size]);
            }
        }
        crop
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Config, Dataset, batch::Batch};

    /// Every pixel says where it is: red the row, green the column, blue the picture.
    fn picture(index: u8, [height, width]: [usize; 2]) -> LargePicture {
        let bytes: Vec<u8> = (0..height * width)
            .flat_map(|at| [(at / width) as u8, (at % width) as u8, index])
            .collect();
        LargePicture::from_bytes(&bytes, [height, width], 3).unwrap()
    }

    fn byte(value: f32) -> usize {
        ((value + 1.0) * 127.5).round() as usize
    }

    fn config(size: usize) -> Config {
        let mut config = Config::for_crops(size);
        config.training.batch_size = 8;
        config
    }

    /// Where the crops of a batch come from: picture, row and column. Fails where one is not whole.
    fn places(batch: &Batch) -> Vec<[usize; 3]> {
        let size = batch.size;
        let area = size * size;
        let crops = batch.x_0.chunks_exact(3 * area);
        crops
            .map(|crop| {
                let at = |channel: usize, pixel: usize| byte(crop[channel * area + pixel]);
                let (top, left) = (at(0, 0), at(1, 0));
                for pixel in 0..area {
                    let expected = [top + pixel / size, left + pixel % size, at(2, 0)];
                    assert_eq!([0, 1, 2].map(|channel| at(channel, pixel)), expected);
                }
                [at(2, 0), top, left]
            })
            .collect()
    }

    #[test]
    fn crops_are_whole_and_uniform_over_positions() {
        let shapes = [[6, 9], [4, 5]];
        let pictures = vec![picture(0, shapes[0]), picture(1, shapes[1])];
        let dataset = Dataset::of_pictures(pictures, 4).unwrap();
        let mut counts = std::collections::BTreeMap::new();
        let steps = 1000;
        for step in 0..steps {
            for place in places(&Batch::at(step, 0..8, &dataset, &config(4))) {
                *counts.entry(place).or_insert(0.0) += 1.0;
            }
        }
        // Each picture is shown as often, and in it every position: 3 × 6 of them and 1 × 2.
        assert_eq!(counts.len(), 18 + 2);
        for (index, positions) in [(0, 18.0), (1, 2.0)] {
            let expected = 4.0 * steps as f64 / positions;
            let of_picture = counts.iter().filter(|(place, _)| place[0] == index);
            let chi2: f64 = of_picture
                .map(|(_, count): (_, &f64)| (count - expected).powi(2) / expected)
                .sum();
            // Mean and five standard deviations of a χ² of positions - 1 degrees of freedom.
            let freedom: f64 = positions - 1.0;
            assert!(chi2 < freedom + 5.0 * (2.0 * freedom).sqrt(), "{chi2}");
        }
    }

    #[test]
    fn crops_are_a_function_of_seed_and_step_whatever_the_shards() {
        let dataset = Dataset::of_pictures(vec![picture(0, [12, 16])], 4).unwrap();
        let config = config(4);
        let whole = Batch::at(7, 0..8, &dataset, &config);
        let mut joined = Batch::at(7, 0..3, &dataset, &config);
        joined.x_0.extend(Batch::at(7, 3..8, &dataset, &config).x_0);
        assert_eq!(joined.x_0, whole.x_0);
        assert_ne!(Batch::at(8, 0..8, &dataset, &config).x_0, whole.x_0);
        let reseeded = Config { seed: 1, ..config };
        assert_ne!(Batch::at(7, 0..8, &dataset, &reseeded).x_0, whole.x_0);
    }

    #[test]
    fn crops_are_mirrored_only_where_training_says_so() {
        let dataset = Dataset::of_pictures(vec![picture(0, [12, 16])], 4).unwrap();
        let rises = |batch: &Batch| {
            let greens = batch.x_0.chunks_exact(3 * 16).map(|crop| &crop[16..18]);
            greens.filter(|green| green[0] < green[1]).count()
        };
        let mut config = config(4);
        let all = |config: &Config| -> usize {
            (0..10)
                .map(|step| rises(&Batch::at(step, 0..8, &dataset, config)))
                .sum()
        };
        assert_eq!(all(&config), 80);
        config.training.random_flip = true;
        assert!((20..60).contains(&all(&config)));
    }

    #[test]
    fn what_stands_for_a_picture_is_its_middle() {
        let dataset =
            Dataset::of_pictures(vec![picture(0, [6, 8]), picture(5, [4, 4])], 4).unwrap();
        assert_eq!((dataset.len(), dataset.size()), (2, 4));
        let corner = |index: usize| [0, 1, 2].map(|c| byte(dataset.image(index)[16 * c]));
        assert_eq!(corner(0), [1, 2, 0]);
        assert_eq!(corner(1), [0, 0, 5]);
        assert_eq!(dataset.only(1).unwrap().image(0), dataset.image(1));
    }

    #[test]
    fn pictures_that_do_not_fit_are_refused() {
        let small = Dataset::of_pictures(vec![picture(0, [6, 3])], 4).unwrap_err();
        assert!(small.to_string().contains("3 × 6"), "{small}");
        assert!(matches!(
            Dataset::of_pictures(Vec::new(), 4),
            Err(Error::NoImages)
        ));
        for shape in [[2, 2], [0, 12], [usize::MAX, 2]] {
            assert!(LargePicture::from_bytes(&[0; 11], shape, 3).is_err());
        }
        let grey = LargePicture::from_bytes(&[0; 36], [6, 6], 1).unwrap();
        assert!(Dataset::of_pictures(vec![picture(0, [6, 6]), grey], 4).is_err());
        // A model that is not for crops.
        let dataset = Dataset::of_pictures(vec![picture(0, [6, 6])], 4).unwrap();
        let error = dataset.check_fits(&Config::for_size(4)).unwrap_err();
        assert!(error.to_string().contains("random_crop"), "{error}");
        dataset.check_fits(&Config::for_crops(4)).unwrap();
    }
}

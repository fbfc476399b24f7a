//! Memorisation: the training image nearest to a sample, and whether the sample is a copy of it.

use serde::Serialize;

use crate::train::{Dataset, dataset::mirror};

/// A sample counts as a copy when its distance to the nearest training image is below this share of
/// that to the second nearest (Yoon et al. 2023, "Diffusion probabilistic models generalize when
/// they fail to memorize"; Gu et al. 2023, "On memorization in diffusion models").
pub const COPY_RATIO: f64 = 1.0 / 3.0;

/// The training image nearest to a sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Nearest {
    /// Its position in the data set.
    pub index: usize,
    /// Whether it is nearest when mirrored left to right.
    pub mirrored: bool,
    /// Root mean square of the differences of values in [-1, 1].
    pub distance: f64,
    /// `distance` as a share of that to the second nearest image; `None` where there is no second.
    pub ratio: Option<f64>,
    /// Whether `ratio` is below [`COPY_RATIO`].
    pub copy: bool,
}

impl Nearest {
    /// The image of `images` nearest to `sample` `[channels, size, size]`, `None` of no images. With
    /// `random_flip` images also count mirrored, as training shows them.
    ///
    /// An image that is in the data set several times counts once: its twin as the second nearest
    /// would hide every copy of it.
    ///
    /// # Panics
    /// If the sample is of another size or number of channels than the images.
    pub fn of(sample: &[f32], images: &Dataset, random_flip: bool) -> Option<Self> {
        // Mirroring the sample is as good as mirroring every image.
        let flipped = random_flip.then(|| mirror(sample, images.size()));
        let squares: Vec<(f64, bool)> = (0..images.len())
            .map(|index| {
                let image = images.image(index);
                let plain = squared_distance(sample, image);
                match &flipped {
                    Some(flipped) => {
                        let mirrored = squared_distance(flipped, image);
                        (plain.min(mirrored), mirrored < plain)
                    }
                    None => (plain, false),
                }
            })
            .collect();
        let by_distance = |a: &usize, b: &usize| squares[*a].0.total_cmp(&squares[*b].0);
        let index = (0..images.len()).min_by(by_distance)?;
        let nearest = images.image(index);
        let nearest_flipped = random_flip.then(|| mirror(nearest, images.size()));
        let second = (0..images.len())
            .filter(|other| {
                let other = images.image(*other);
                other != nearest && nearest_flipped.as_deref() != Some(other)
            })
            .min_by(by_distance);
        let (square, mirrored) = squares[index];
        let ratio = second.map(|second| (square / squares[second].0).sqrt());
        Some(Self {
            index,
            mirrored,
            distance: (square / sample.len() as f64).sqrt(),
            ratio,
            copy: ratio.is_some_and(|ratio| ratio < COPY_RATIO),
        })
    }
}

/// ‖a - b‖², summed in several lanes, which compilers turn into SIMD.
fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    const LANES: usize = 16;
    let mut lanes = [0f32; LANES];
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_lanes.remainder().iter().zip(b_lanes.remainder());
    let rest: f32 = rest.map(|(a, b)| (a - b).powi(2)).sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += (a - b) * (a - b);
        }
    }
    lanes.iter().map(|lane| *lane as f64).sum::<f64>() + rest as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, Stream};

    const SIZE: usize = 8;
    const LENGTH: usize = 3 * SIZE * SIZE;

    /// Images of random bytes: any two are about equally far apart.
    fn images(count: usize) -> Dataset {
        let random = Random::new(1);
        let bytes: Vec<u8> = (0..count * LENGTH)
            .map(|i| random.below(256, Stream::Weights, 0, i as u64) as u8)
            .collect();
        Dataset::from_rgb(&bytes, count, SIZE).unwrap()
    }

    fn noise(scale: f32) -> Vec<f32> {
        let numbers = Random::new(2).normals(Stream::InitialNoise, 0, 0, LENGTH);
        numbers.iter().map(|value| scale * value).collect()
    }

    #[test]
    fn a_copy_has_next_to_no_ratio() {
        let images = images(5);
        let found = Nearest::of(images.image(3), &images, false).unwrap();
        assert_eq!((found.index, found.mirrored), (3, false));
        assert_eq!((found.distance, found.ratio), (0.0, Some(0.0)));
        assert!(found.copy);

        let rough: Vec<f32> = images
            .image(3)
            .iter()
            .zip(noise(0.05))
            .map(|(image, noise)| image + noise)
            .collect();
        let found = Nearest::of(&rough, &images, false).unwrap();
        assert_eq!(found.index, 3);
        assert!((found.distance - 0.05).abs() < 0.01, "{found:?}");
        assert!(found.copy && found.ratio.unwrap() > 0.0, "{found:?}");
    }

    #[test]
    fn a_mirrored_copy_is_found_where_training_mirrors() {
        let images = images(5);
        let mirrored = mirror(images.image(2), SIZE);
        let with = Nearest::of(&mirrored, &images, true).unwrap();
        assert_eq!((with.index, with.mirrored, with.copy), (2, true, true));
        let without = Nearest::of(&mirrored, &images, false).unwrap();
        assert!(!without.copy && !without.mirrored, "{without:?}");
    }

    #[test]
    fn noise_and_mixtures_are_no_copies() {
        let images = images(5);
        let mixture: Vec<f32> = images
            .image(0)
            .iter()
            .zip(images.image(1))
            .map(|(a, b)| (a + b) / 2.0)
            .collect();
        for sample in [noise(1.0), mixture] {
            for random_flip in [false, true] {
                let found = Nearest::of(&sample, &images, random_flip).unwrap();
                assert!(!found.copy && found.ratio.unwrap() > 0.8, "{found:?}");
            }
        }
    }

    #[test]
    fn twins_in_the_data_set_do_not_hide_a_copy() {
        let bytes: Vec<u8> = (0..LENGTH).map(|i| (i * 37 % 256) as u8).collect();
        let other: Vec<u8> = bytes.iter().rev().map(|byte| byte / 2).collect();
        let images = Dataset::from_rgb(&[bytes.clone(), bytes, other].concat(), 3, SIZE).unwrap();
        let found = Nearest::of(images.image(1), &images, false).unwrap();
        assert!(found.copy, "{found:?}");
    }

    #[test]
    fn one_image_alone_has_no_ratio() {
        assert_eq!(Nearest::of(&[], &Dataset::default(), true), None);
        let images = images(1);
        let found = Nearest::of(images.image(0), &images, true).unwrap();
        assert_eq!((found.ratio, found.copy), (None, false));
    }
}

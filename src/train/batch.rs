//! What one training step sees: images, timesteps and noise, each a function of (seed, step) alone.

use std::ops::Range;

use super::{Config, Dataset, dataset::mirror};
use crate::random::{Normals, Random, Stream};

/// One step's data, or a shard of it; images are `[batch, channels, size, size]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Values of a pixel.
    pub channels: usize,
    /// Side of the images.
    pub size: usize,
    /// t, uniform over 0..num_train_timesteps, one per image.
    pub timesteps: Vec<usize>,
    /// The images.
    pub x_0: Vec<f32>,
    /// ε, the noise that the images get.
    pub eps: Normals,
    /// Where the network knows classes, that of each image: the null class for images without a
    /// label and for those whose label was dropped (Ho & Salimans 2022, algorithm 1).
    pub class_labels: Option<Vec<usize>>,
}

impl Batch {
    /// Items `shard` of the batch of `step`, counted from 0: the same whatever the shards. The
    /// images come in a fresh random order every epoch; of larger pictures a crop is shown, every
    /// position being as likely.
    ///
    /// # Panics
    /// If the data set is empty or `shard` exceeds the batch.
    pub fn at(step: u64, shard: Range<usize>, dataset: &Dataset, config: &Config) -> Self {
        let random = Random::new(config.seed);
        // Streams count steps in 32 bits, which is 130 years of training at a step a second.
        let stream_step = step as u32;
        let length = dataset.image(0).len();
        let eps = Normals {
            seed: config.seed,
            stream: Stream::TrainingNoise,
            step: stream_step,
            first: (shard.start * length) as u64,
        };
        let timesteps: Vec<usize> = shard
            .clone()
            .map(|item| {
                let count = config.scheduler.num_train_timesteps;
                random.below(count, Stream::Timesteps, stream_step, item as u64)
            })
            .collect();
        let label_of = |item: usize, index: usize, null: usize| {
            let kept = config.training.class_dropout_prob
                <= random.uniform(Stream::LabelDropout, stream_step, item as u64);
            match dataset.labels() {
                Some(labels) if kept => labels[index] as usize,
                _ => null,
            }
        };
        let indices = image_indices(&random, step, config.training.batch_size, dataset.len());
        let class_labels = config.unet.null_class().map(|null| {
            let items = shard.clone();
            items
                .map(|item| label_of(item, indices[item], null))
                .collect()
        });
        let mut x_0 = Vec::with_capacity(shard.len() * length);
        for item in shard {
            let index = indices[item];
            let positions = dataset.positions(index);
            let position = random.below(positions, Stream::Crop, stream_step, item as u64);
            let shown = dataset.shown(index, position);
            let flip = config.training.random_flip
                && random.uniform(Stream::Flip, stream_step, item as u64) < 0.5;
            if flip {
                x_0.extend(mirror(&shown, dataset.size()));
            } else {
                x_0.extend_from_slice(&shown);
            }
        }
        Self {
            channels: dataset.channels(),
            size: dataset.size(),
            timesteps,
            x_0,
            eps,
            class_labels,
        }
    }

    /// Shape of the images, `[batch, channels, size, size]`.
    pub fn shape(&self) -> [usize; 4] {
        [self.timesteps.len(), self.channels, self.size, self.size]
    }
}

/// Which images `step` uses: the next `size` of an endless sequence of shuffled epochs.
fn image_indices(random: &Random, step: u64, size: usize, count: usize) -> Vec<usize> {
    let first = step * size as u64;
    let mut current: Option<(u64, Vec<usize>)> = None;
    (first..first + size as u64)
        .map(|position| {
            let epoch = position / count as u64;
            if current.as_ref().is_none_or(|(known, _)| *known != epoch) {
                let order = random.permutation(count, Stream::Order, epoch as u32);
                current = Some((epoch, order));
            }
            let order = current.as_ref().map_or(&[][..], |(_, order)| order);
            order[(position % count as u64) as usize]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{backend::Flex, train::Trainer};

    #[test]
    fn every_epoch_uses_every_image_once() {
        let random = Random::new(1);
        let indices: Vec<usize> = (0..5)
            .flat_map(|step| image_indices(&random, step, 7, 5))
            .collect();
        for epoch in indices.chunks_exact(5) {
            let mut epoch = epoch.to_vec();
            epoch.sort_unstable();
            assert_eq!(epoch, [0, 1, 2, 3, 4]);
        }
    }

    #[test]
    fn shards_of_a_batch_make_up_the_batch() {
        let mut config = Config::for_size(4).with_labels(vec!["a".into(), "b".into()]);
        config.training.class_dropout_prob = 0.5;
        config.training.batch_size = 7;
        config.training.random_flip = true;
        let bytes: Vec<u8> = (0..5 * 48).map(|i| (i * 37 % 256) as u8).collect();
        let dataset = Dataset::from_rgb(&bytes, 5, 4).unwrap();
        let dataset = dataset.with_labels(vec![0, 1, 0, 1, 1]).unwrap();
        let at = |shard| Batch::at(3, shard, &dataset, &config);
        let trainer = Trainer::<Flex>::new(config.clone(), Default::default()).unwrap();
        let whole = at(0..7);
        let mut joined = at(0..3);
        let noised = |batch: &Batch| trainer.step_inputs(batch).noised_on_host();
        let mut noised_joined = noised(&joined);
        for shard in [at(3..4), at(4..7)] {
            for (joined, part) in noised_joined.iter_mut().zip(noised(&shard)) {
                joined.extend(part);
            }
            joined.timesteps.extend(shard.timesteps);
            joined.x_0.extend(shard.x_0);
            let labels = joined.class_labels.as_mut().unwrap();
            labels.extend(shard.class_labels.unwrap());
        }
        assert_eq!(joined, whole);
        assert_eq!(noised_joined, noised(&whole));
    }

    #[test]
    fn labels_follow_their_images_and_some_are_dropped() {
        let mut config = Config::for_size(4).with_labels(vec!["a".into(), "b".into(), "c".into()]);
        config.training.batch_size = 9;
        // Image i is of the grey level and of the class i.
        let bytes: Vec<u8> = (0..3).flat_map(|i| [i * 100; 48]).collect();
        let plain = Dataset::from_rgb(&bytes, 3, 4).unwrap();
        let labelled = plain.clone().with_labels(vec![0, 1, 2]).unwrap();
        let mut dropped = 0;
        for step in 0..200 {
            let batch = Batch::at(step, 0..9, &labelled, &config);
            for (item, label) in batch.class_labels.unwrap().into_iter().enumerate() {
                if label == 3 {
                    dropped += 1;
                } else {
                    let grey = batch.x_0[item * 48];
                    assert_eq!(grey, (label * 100) as f32 / 127.5 - 1.0);
                }
            }
        }
        // Five standard deviations around a tenth of 1,800.
        assert!((116..=244).contains(&dropped), "{dropped}");
        let unlabelled = Batch::at(0, 0..9, &plain, &config);
        assert_eq!(unlabelled.class_labels, Some(vec![3; 9]));
    }
}

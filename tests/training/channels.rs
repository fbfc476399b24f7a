//! Grey images and images with alpha, from bytes to samples and back.

use std::time::Duration;

use pollster::block_on;
use unnoise::{
    backend::{Candle, Flex, WebGpu},
    diagnostics::Subject,
    diffusion::VarianceType,
    error::Error,
    format::Checkpoint,
    ops::Kernels,
    pipeline::{DenoiserKind, Picture},
    sampler::{Edit, SamplerConfig, SamplingOptions},
    session::Session,
    train::{Config, Dataset},
};

use crate::tiny;

const COUNT: usize = 4;
const AREA: usize = tiny::SIZE * tiny::SIZE;
/// Of gradients between backends, relative to the norm of the whole: sums in another order.
const TOLERANCE: f64 = 1e-4;

fn config(channels: usize) -> Config {
    tiny::config().with_channels(channels)
}

/// The images of [`tiny::rgb`]: their red, or with a hole that wanders from image to image.
fn bytes(channels: usize) -> Vec<u8> {
    let pixels = tiny::rgb(COUNT);
    let pixel = |(index, rgb): (usize, &[u8])| match channels {
        1 => vec![rgb[0]],
        4 => {
            let (image, column) = (index / AREA, index % tiny::SIZE);
            let alpha = if column.abs_diff(2 * image) < 2 {
                0
            } else {
                255
            };
            [rgb, &[alpha]].concat()
        }
        _ => rgb.to_vec(),
    };
    pixels.chunks_exact(3).enumerate().flat_map(pixel).collect()
}

fn session<B: Kernels>(config: Config) -> Session<B> {
    let channels = config.channels();
    let mut session = Session::new(config, Default::default()).unwrap();
    session
        .set_images(&bytes(channels), COUNT, tiny::SIZE)
        .unwrap();
    session
}

fn trained(config: Config) -> Session<Flex> {
    let mut session = session(config);
    block_on(session.train(Duration::from_secs(60), 5)).unwrap();
    session
}

fn options(sampler: SamplerConfig) -> SamplingOptions {
    SamplingOptions {
        sampler,
        steps: 50,
        count: 2,
        seed: 3,
        ..Default::default()
    }
}

fn last(session: &Session<Flex>, kind: DenoiserKind, edit: Option<&Edit>) -> Picture {
    let pipeline = session.pipeline(kind).unwrap();
    let sampler = SamplerConfig::Ddim {
        eta: 0.0,
        use_clipped_model_output: false,
    };
    let mut sampling = pipeline.sample(&options(sampler)).unwrap();
    if let Some(edit) = edit {
        sampling = sampling.edited(edit).unwrap();
    }
    let mut last = None;
    while let Some(picture) = block_on(sampling.next()).unwrap() {
        last = Some(picture);
    }
    last.unwrap()
}

fn backends_agree<B: Kernels>(start: &[u8], config: &Config, loss: f32, grads: &[f32]) {
    let mut session = session::<B>(config.clone());
    session.load(start).unwrap();
    let batch = 0..config.training.batch_size;
    let (actual_loss, actual) = block_on(session.gradients(batch)).unwrap();
    assert!(
        (actual_loss / loss - 1.0).abs() < 1e-4,
        "{actual_loss} {loss}"
    );
    let norm = |values: &mut dyn Iterator<Item = f32>| {
        values.map(|x| (x as f64).powi(2)).sum::<f64>().sqrt()
    };
    let difference = norm(&mut actual.iter().zip(grads).map(|(a, b)| a - b));
    let size = norm(&mut grads.iter().copied());
    assert!(difference < TOLERANCE * size, "{difference} of {size}");
}

#[test]
fn gradients_agree_on_every_backend() {
    for (channels, variance_type) in [
        (1, VarianceType::FixedSmall),
        (4, VarianceType::FixedSmall),
        (1, VarianceType::LearnedRange),
        (4, VarianceType::LearnedRange),
    ] {
        let mut config = tiny::config();
        config.scheduler.variance_type = variance_type;
        let config = config.with_channels(channels);
        // The last layer starts from zeros, and then nothing before it has a gradient.
        let flex = trained(config.clone());
        let start = block_on(flex.checkpoint()).unwrap().to_bytes().unwrap();
        let batch = 0..config.training.batch_size;
        let (loss, grads) = block_on(flex.gradients(batch)).unwrap();
        backends_agree::<Candle>(&start, &config, loss, &grads);
        backends_agree::<WebGpu>(&start, &config, loss, &grads);
    }
}

#[test]
fn training_lowers_the_loss() {
    for channels in [1, 4] {
        let mut session = session::<Flex>(config(channels));
        let mut mean = |steps: usize| {
            let report = block_on(session.train(Duration::from_secs(600), steps)).unwrap();
            report.losses.iter().sum::<f32>() / steps as f32
        };
        let first = mean(30);
        mean(120);
        let last = mean(30);
        assert!(last < 0.6 * first, "{channels} channels: {first} {last}");
    }
}

#[test]
fn samples_have_the_channels_of_the_images() {
    for channels in [1, 4] {
        let session = trained(config(channels));
        let picture = last(&session, DenoiserKind::Ema, None);
        assert_eq!(picture.x_t.len(), 2 * AREA * channels);
        let checkpoint = block_on(session.checkpoint()).unwrap();
        let read = Checkpoint::from_bytes(&checkpoint.to_bytes().unwrap()).unwrap();
        assert_eq!(read, checkpoint);
        assert_eq!(read.config.channels(), channels);

        // What the ideal denoiser draws are the images, and the nearest image says so.
        let ideal = last(&session, DenoiserKind::Ideal, None);
        for sample in ideal.x_t.chunks_exact(AREA * channels) {
            let nearest = session.nearest(sample).unwrap();
            assert!(nearest.distance < 0.02 && nearest.copy, "{nearest:?}");
        }
        let noisy = session.noisy(1, 50, 0).unwrap();
        for image in [
            noisy.x_0,
            noisy.x_t,
            noisy.eps,
            session.chain(1, 50, 0).unwrap(),
        ] {
            assert_eq!(image.len(), AREA * channels);
        }
    }
}

#[test]
fn edits_keep_what_they_are_to_keep() {
    for channels in [1, 4] {
        let session = trained(config(channels));
        let image = session.dataset().image(2).to_vec();
        let whole = bytes(channels);
        let given = &whole[2 * AREA * channels..][..AREA * channels];
        let fill: Vec<bool> = (0..AREA).map(|pixel| pixel % tiny::SIZE < 4).collect();
        let inpaint = Edit::Inpaint {
            image: image.clone(),
            fill: fill.clone(),
            resampling: Default::default(),
        };
        let filled = last(&session, DenoiserKind::Ema, Some(&inpaint));
        for sample in filled.x_t.chunks_exact(AREA * channels) {
            let pixels = sample
                .chunks_exact(channels)
                .zip(given.chunks_exact(channels));
            for ((pixel, given), fill) in pixels.zip(&fill) {
                // The colour of what cannot be seen is black.
                let seen = given.get(3) != Some(&0);
                assert!(*fill || !seen || pixel == given, "{pixel:?} {given:?}");
                assert!(*fill || seen || pixel == [0; 4], "{pixel:?}");
            }
        }
        let strength = 0.02;
        let redrawn = last(
            &session,
            DenoiserKind::Ema,
            Some(&Edit::Img2Img { image, strength }),
        );
        let nearest = session.nearest(&redrawn.x_t[..AREA * channels]).unwrap();
        assert_eq!(nearest.index, 2);
    }
}

/// Bits per dimension: as many dimensions of the same values are as many bits for each.
#[test]
fn the_bound_is_that_of_a_dimension() {
    let grey = bytes(1);
    let prior = |channels: usize| {
        let repeated: Vec<u8> = grey
            .iter()
            .flat_map(|level| std::iter::repeat_n(*level, channels))
            .collect();
        let mut session = Session::<Flex>::new(config(channels), Default::default()).unwrap();
        session.set_images(&repeated, COUNT, tiny::SIZE).unwrap();
        let mut bound = session
            .bound(Subject::Training(1), 5, DenoiserKind::Ema)
            .unwrap();
        let part = block_on(bound.next()).unwrap().unwrap();
        assert!(part.terms.vb.is_finite());
        part.prior_bpd
    };
    let expected = prior(3);
    assert!(expected > 0.0);
    for channels in [1, 4] {
        let actual = prior(channels);
        assert!(
            (actual / expected - 1.0).abs() < 1e-5,
            "{actual} {expected}"
        );
    }
}

#[test]
fn images_of_other_channels_are_refused_or_dropped() {
    let mut session = trained(config(1));
    let colour = tiny::dataset();
    assert!(matches!(session.set_dataset(colour), Err(Error::Image(_))));
    assert!(matches!(
        session.set_images(&bytes(4), COUNT, tiny::SIZE),
        Err(Error::Image(_))
    ));
    assert_eq!(session.dataset().len(), COUNT);
    let alpha = Dataset::from_bytes(&bytes(4), COUNT, tiny::SIZE, 4).unwrap();
    let pipeline = session.pipeline(DenoiserKind::Ema).unwrap();
    let noise = unnoise::vlb::EvaluationNoise::Seeded(0);
    assert!(matches!(
        pipeline.evaluate(alpha, noise),
        Err(Error::Image(_))
    ));

    let other = block_on(trained(config(4)).checkpoint()).unwrap();
    session.load(&other.to_bytes().unwrap()).unwrap();
    assert!(session.dataset().is_empty());
    assert_eq!(session.trainer().config().channels(), 4);
}

//! Training on crops, and sampling at another shape than theirs.

use std::time::Duration;

use pollster::block_on;
use unnoise::{
    backend::{Candle, Flex},
    ops::Kernels,
    pipeline::DenoiserKind,
    sampler::SamplingOptions,
    session::Session,
    train::{Dataset, LargePicture},
};

use crate::tiny;

/// One picture of 20 × 12.
fn pictures() -> Dataset {
    let bytes: Vec<u8> = (0..20 * 12 * 3).map(|i| (i * 37 % 256) as u8).collect();
    let picture = LargePicture::from_bytes(&bytes, [12, 20], 3).unwrap();
    Dataset::of_pictures(vec![picture], tiny::SIZE).unwrap()
}

fn session<B: Kernels>() -> Session<B> {
    let mut config = tiny::config();
    config.training.random_crop = true;
    let mut session = Session::new(config, Default::default()).unwrap();
    session.set_dataset(pictures()).unwrap();
    session
}

fn samples<B: Kernels>(session: &Session<B>, options: &SamplingOptions) -> Vec<u8> {
    let pipeline = session.pipeline(DenoiserKind::Ema).unwrap();
    let mut sampling = pipeline.sample(options).unwrap();
    let mut last = Vec::new();
    while let Some(picture) = block_on(sampling.next()).unwrap() {
        last = picture.x_t;
    }
    last
}

#[test]
fn shards_of_crops_add_up_and_what_needs_whole_images_is_refused() {
    let session = session::<Flex>();
    let (whole, _) = block_on(session.gradients(0..4)).unwrap();
    let (first, _) = block_on(session.gradients(0..1)).unwrap();
    let (rest, _) = block_on(session.gradients(1..4)).unwrap();
    assert!(
        (whole - first - rest).abs() < 1e-6,
        "{whole} {first} {rest}"
    );

    let refused = |error: unnoise::error::Error| {
        assert_eq!(error.code(), "bad-config");
        assert!(error.to_string().contains("crops"), "{error}");
    };
    refused(session.optimal_loss(4).err().unwrap());
    refused(session.pipeline(DenoiserKind::Ideal).err().unwrap());
    refused(session.nearest(&[0; 192]).err().unwrap());
    // One crop can be noised, and its bound measured.
    assert_eq!(session.noisy(0, 50, 1).unwrap().x_t.len(), 192);
}

#[test]
fn pictures_stay_with_a_model_that_crops_and_leave_with_another() {
    let mut session = session::<Flex>();
    let own = block_on(session.checkpoint()).unwrap().to_bytes().unwrap();
    session.load(&own).unwrap();
    assert_eq!(session.dataset().len(), 1);
    let whole = Session::<Flex>::new(tiny::config(), Default::default()).unwrap();
    let other = block_on(whole.checkpoint()).unwrap().to_bytes().unwrap();
    session.load(&other).unwrap();
    assert!(session.dataset().is_empty());
}

#[test]
fn backends_agree_at_other_shapes() {
    let mut flex = session::<Flex>();
    block_on(flex.train(Duration::MAX, 8)).unwrap();
    let model = block_on(flex.checkpoint()).unwrap();
    let candle = Session::<Candle>::resume(model, Default::default()).unwrap();
    let options = SamplingOptions {
        steps: 4,
        count: 2,
        height: Some(10),
        width: Some(34),
        ..Default::default()
    };
    let (flex, candle) = (samples(&flex, &options), samples(&candle, &options));
    assert_eq!(flex.len(), 2 * 10 * 34 * 3);
    // Rounding of one byte to the next.
    let apart = flex.iter().zip(&candle).map(|(a, b)| a.abs_diff(*b));
    assert!(apart.max().unwrap() <= 1);
}

#[test]
fn a_shape_is_checked_and_the_usual_one_changes_nothing() {
    let session = session::<Flex>();
    let options = |height, width| SamplingOptions {
        steps: 3,
        count: 2,
        height,
        width,
        ..Default::default()
    };
    let usual = samples(&session, &options(None, None));
    assert_eq!(samples(&session, &options(Some(8), Some(8))), usual);
    assert_ne!(
        samples(&session, &options(Some(8), Some(10)))[..192],
        usual[..192]
    );
    let pipeline = session.pipeline(DenoiserKind::Ema).unwrap();
    for (height, width) in [(Some(9), None), (None, Some(0)), (Some(258), Some(8))] {
        let error = pipeline.sample(&options(height, width)).err().unwrap();
        assert_eq!(error.code(), "bad-config", "{error}");
    }
}

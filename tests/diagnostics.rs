//! Diagnostics of a session's model, against the definitions it stands for.

use pollster::block_on;
use unnoise::{
    backend::Flex,
    diagnostics::{OptimalLossPart, Subject},
    diffusion::{LossWeighting, PredictionType},
    error::Error,
    model::UNetConfig,
    pipeline::DenoiserKind,
    random::{Random, Stream},
    sampler::SamplingOptions,
    session::Session,
    train::{Config, Dataset},
    vlb::{BoundPart, EvaluationNoise},
};

const SIZE: usize = 8;
const COUNT: usize = 4;
const LENGTH: usize = 3 * SIZE * SIZE;

/// A network that has learnt nothing, of the smallest size.
fn config(random_flip: bool) -> Config {
    let mut config = Config::for_size(SIZE);
    config.unet = UNetConfig {
        norm_num_groups: 4,
        ..UNetConfig::with_widths(vec![8, 16])
    };
    config.scheduler.num_train_timesteps = 100;
    // The loss is then one of the errors that the bound's terms come with.
    config.scheduler.prediction_type = PredictionType::Epsilon;
    config.training.loss_weighting = LossWeighting::Simple;
    config.training.random_flip = random_flip;
    config
}

/// Images of random bytes.
fn rgb() -> Vec<u8> {
    let byte = |i| Random::new(1).below(256, Stream::Weights, 0, i);
    (0..(COUNT * LENGTH) as u64)
        .map(|i| byte(i) as u8)
        .collect()
}

fn session(random_flip: bool) -> Session<Flex> {
    let mut session = Session::new(config(random_flip), Default::default()).unwrap();
    session.set_images(&rgb(), COUNT, SIZE).unwrap();
    session
}

fn bound(session: &Session<Flex>, subject: Subject, timesteps: usize) -> Vec<BoundPart> {
    let mut estimate = session
        .bound(subject, timesteps, DenoiserKind::Ema)
        .unwrap();
    let mut parts = Vec::with_capacity(estimate.left());
    while let Some(part) = block_on(estimate.next()).unwrap() {
        parts.push(part);
    }
    parts
}

fn optimal_loss(session: &Session<Flex>, timesteps: usize) -> Vec<OptimalLossPart> {
    let mut estimate = session.optimal_loss(timesteps).unwrap();
    let mut parts = Vec::with_capacity(estimate.left());
    while let Some(part) = block_on(estimate.next()).unwrap() {
        parts.push(part);
    }
    parts
}

#[test]
fn the_bound_of_every_timestep_is_that_of_the_evaluation() {
    let session = session(false);
    let config = session.trainer().config();
    let pipeline = session.pipeline(DenoiserKind::Ema).unwrap();
    let evaluation = pipeline
        .evaluate(
            Dataset::from_rgb(&rgb()[2 * LENGTH..3 * LENGTH], 1, SIZE).unwrap(),
            EvaluationNoise::Seeded(config.seed),
        )
        .unwrap();
    let exact = block_on(evaluation.finish(|_| {})).unwrap();
    let parts = bound(&session, Subject::Training(2), 100);
    assert_eq!(parts.len(), 100);
    for (part, vb) in parts.iter().rev().zip(&exact.vb) {
        assert_eq!((part.width, part.terms.vb), (1, *vb));
    }
    let last = parts.last().unwrap();
    assert_eq!((last.terms.t, last.left), (0, 0));
    assert_eq!(
        (last.prior_bpd, last.decoder_bpd),
        (exact.prior_bpd, exact.vb[0])
    );
    assert!((last.total_bpd() - exact.total_bpd).abs() < 1e-9 * exact.total_bpd);

    // With ε as the target and equal weights the loss is the error of ε.
    for part in &parts {
        assert!((part.loss - part.terms.eps_mse).abs() < 1e-6 * part.loss);
    }
}

#[test]
fn few_timesteps_stand_for_all() {
    let session = session(false);
    let exact = bound(&session, Subject::Training(0), 100);
    let some = bound(&session, Subject::Training(0), 25);
    assert_eq!(some.iter().map(|part| part.width).sum::<usize>(), 100);
    let totals = [exact, some].map(|parts| parts.last().unwrap().total_bpd());
    assert!((totals[1] / totals[0] - 1.0).abs() < 0.1, "{totals:?}");
}

#[test]
fn images_are_measured_alike_from_within_and_without_the_training_set() {
    let session = session(false);
    let rgb = rgb();
    let held_out = Subject::HeldOut(&rgb[LENGTH..2 * LENGTH]);
    assert_eq!(
        bound(&session, Subject::Training(1), 10),
        bound(&session, held_out, 10)
    );
    let refused = |subject, timesteps| {
        let estimate = session.bound(subject, timesteps, DenoiserKind::Ema);
        estimate.err().map(|error| error.code())
    };
    assert_eq!(refused(Subject::Training(COUNT), 10), Some("no-such-image"));
    assert_eq!(refused(Subject::HeldOut(&rgb), 10), Some("bad-image"));
    assert_eq!(refused(Subject::Training(0), 1), Some("bad-config"));
}

#[test]
fn the_optimal_loss_is_the_mean_over_timesteps_and_counts_mirrored_images() {
    let plain = session(false);
    let parts = optimal_loss(&plain, 100);
    let mean = parts.iter().map(|part| part.optimal_loss).sum::<f64>() / 100.0;
    let last = parts.last().unwrap();
    assert_eq!((parts.len(), last.left, last.t), (100, 0, 99));
    assert!((last.mean - mean).abs() < 1e-12);
    let estimate = optimal_loss(&plain, 25).last().unwrap().mean;
    assert!((estimate / mean - 1.0).abs() < 0.2, "{estimate} {mean}");
    // Twice as many images are harder to tell apart.
    assert!(optimal_loss(&session(true), 100).last().unwrap().mean > 1.2 * mean);
}

#[test]
fn a_network_that_is_told_the_class_need_only_know_its_images() {
    let labels = ["a", "b", "c", "d"].map(String::from).to_vec();
    let mut config = config(false).with_labels(labels);
    config.training.class_dropout_prob = 0.25;
    let mut labelled = Session::<Flex>::new(config, Default::default()).unwrap();
    let images = Dataset::from_rgb(&rgb(), COUNT, SIZE).unwrap();
    let each_alone = images.with_labels(vec![0, 1, 2, 3]).unwrap();
    labelled.set_dataset(each_alone).unwrap();
    let mean = |session: &Session<Flex>| optimal_loss(session, 100).last().unwrap().mean;
    // Where the class says which image it is nothing is left to guess.
    let expected = 0.25 * mean(&session(false));
    assert!(
        (mean(&labelled) / expected - 1.0).abs() < 1e-3,
        "{expected}"
    );
}

#[test]
fn the_ideal_denoiser_draws_training_images_before_any_training() {
    let mut session = session(true);
    let options = SamplingOptions {
        steps: 100,
        count: 12,
        ..Default::default()
    };
    let mut run = session
        .pipeline(DenoiserKind::Ideal)
        .unwrap()
        .sample(&options)
        .unwrap();
    let mut last = None;
    while let Some(picture) = block_on(run.next()).unwrap() {
        last = Some(picture.x_t);
    }
    let mut mirrored = 0;
    for sample in last.unwrap().chunks_exact(LENGTH) {
        let nearest = session.nearest(sample).unwrap();
        assert!(nearest.copy && nearest.distance < 0.02, "{nearest:?}");
        mirrored += usize::from(nearest.mirrored);
    }
    assert!((1..12).contains(&mirrored), "{mirrored}");

    session = Session::new(config(true), Default::default()).unwrap();
    let refused = session
        .pipeline(DenoiserKind::Ideal)
        .and_then(|pipeline| pipeline.sample(&options))
        .err();
    assert!(matches!(refused, Some(Error::NoImages)));
}

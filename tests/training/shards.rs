//! Work divided among workers is the work of one.

use pollster::block_on;
use unnoise::{
    backend::{Candle, Flex, WebGpu},
    format::Checkpoint,
    pipeline::DenoiserKind,
    sampler::SamplingOptions,
    session::Session,
};

use crate::tiny;

fn session() -> Session<Flex> {
    let mut session = Session::new(tiny::config(), Default::default()).unwrap();
    session.set_images(&tiny::rgb(4), 4, tiny::SIZE).unwrap();
    session
}

/// The sum of what two shards of unlike size contribute.
fn sharded_gradients(sessions: [&Session<Flex>; 2]) -> (f32, Vec<f32>) {
    let (loss, mut grads) = block_on(sessions[0].gradients(0..1)).unwrap();
    let (other_loss, others) = block_on(sessions[1].gradients(1..4)).unwrap();
    for (grad, other) in grads.iter_mut().zip(others) {
        *grad += other;
    }
    (loss + other_loss, grads)
}

#[test]
fn sessions_may_be_sent_to_other_threads() {
    fn is_send<T: Send>() {}
    is_send::<Session<Flex>>();
    is_send::<Session<Candle>>();
    is_send::<Session<WebGpu>>();
}

#[test]
fn shards_add_up_to_the_batch() {
    let session = session();
    let (loss, grads) = block_on(session.gradients(0..4)).unwrap();
    let (sharded_loss, sharded) = sharded_gradients([&session, &session]);
    assert!((loss - sharded_loss).abs() < 1e-6, "{loss} {sharded_loss}");
    // Only the order of summation differs.
    let largest = grads.iter().fold(0f32, |max, grad| max.max(grad.abs()));
    assert!(largest > 0.0);
    for (grad, sharded) in grads.iter().zip(&sharded) {
        let difference = (grad - sharded).abs();
        assert!(difference < 1e-5 * largest, "{grad} {sharded} of {largest}");
    }
}

#[test]
fn replicas_stay_equal_and_a_resumed_one_goes_on() {
    let mut sessions = [session(), session()];
    let mut straight = tiny::trainer::<Flex>();
    let checkpoint = |session: &Session<Flex>| block_on(session.checkpoint()).unwrap();
    for (step, expected) in tiny::train(&mut straight, 10).into_iter().enumerate() {
        if step == 5 {
            let bytes = checkpoint(&sessions[0]).to_bytes().unwrap();
            sessions[1] =
                Session::resume(Checkpoint::from_bytes(&bytes).unwrap(), Default::default())
                    .unwrap();
            sessions[1]
                .set_images(&tiny::rgb(4), 4, tiny::SIZE)
                .unwrap();
        }
        let (loss, grads) = sharded_gradients([&sessions[0], &sessions[1]]);
        for session in &mut sessions {
            session.apply(&grads).unwrap();
        }
        assert_eq!(checkpoint(&sessions[0]), checkpoint(&sessions[1]));
        // As for losses of different backends: Adam magnifies rounding where gradients are small.
        assert!(
            (loss - expected).abs() < 2e-4,
            "step {step}: {loss}, not {expected}"
        );
    }
}

#[test]
fn impossible_shards_and_gradients_are_refused() {
    let mut session = session();
    let code = |shard| block_on(session.gradients(shard)).unwrap_err().code();
    assert_eq!(code(0..5), "bad-config");
    assert_eq!(code(2..2), "bad-config");
    assert_eq!(session.apply(&[0.0; 3]).unwrap_err().code(), "bad-config");
    assert_eq!(session.trainer().state().step, 0);
}

#[test]
fn sampled_images_do_not_depend_on_how_they_are_divided() {
    let session = session();
    let last = |first, count| {
        let options = SamplingOptions {
            sampler: unnoise::sampler::SamplerConfig::Ddpm { variance: None },
            steps: 4,
            first,
            count,
            seed: 7,
            ..Default::default()
        };
        let mut sampling = session
            .pipeline(DenoiserKind::Ema)
            .unwrap()
            .sample(&options)
            .unwrap();
        let mut pixels = Vec::new();
        while let Some(picture) = block_on(sampling.next()).unwrap() {
            pixels = picture.x_t;
        }
        pixels
    };
    let mut divided = last(0, 2);
    divided.extend(last(2, 3));
    assert_eq!(divided, last(0, 5));
}

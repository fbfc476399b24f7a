//! Checkpoints: a resumed run is the same run, and what is broken is refused with nothing changed.

use half::f16;
use pollster::block_on;
use safetensors::SafeTensors;
use unnoise::{
    backend::{Candle, Flex, WebGpu},
    diffusion::BetaSchedule,
    error::Error,
    format::{Checkpoint, tensors::floats},
    model::UNetConfig,
    ops::Kernels,
    pipeline::DenoiserKind,
    sampler::SamplingOptions,
    session::Session,
    train::{Config, Trainer},
};

use crate::tiny;

fn bytes_of<B: Kernels>(trainer: &Trainer<B>) -> Vec<u8> {
    block_on(Checkpoint::of(trainer))
        .unwrap()
        .to_bytes()
        .unwrap()
}

fn reload<B: Kernels>(bytes: &[u8]) -> Trainer<B> {
    let checkpoint = Checkpoint::from_bytes(bytes).unwrap();
    checkpoint.into_trainer(Default::default()).unwrap()
}

fn resumed_run_continues<B: Kernels>() {
    let mut straight = tiny::trainer::<B>();
    tiny::train(&mut straight, 6);
    let mut resumed = reload::<B>(&bytes_of(&straight));
    assert_eq!(resumed.state().step, 6);
    let expected = tiny::train(&mut straight, 4);
    assert_eq!(tiny::train(&mut resumed, 4), expected);
    let of = |trainer: &Trainer<B>| block_on(Checkpoint::of(trainer)).unwrap();
    assert_eq!(of(&resumed), of(&straight));
}

#[test]
fn resumed_run_continues_bit_for_bit_on_flex() {
    resumed_run_continues::<Flex>();
}

#[test]
fn resumed_run_continues_bit_for_bit_on_candle() {
    resumed_run_continues::<Candle>();
}

/// Trains a session a little and gives its file and the pictures it samples.
fn trained_session<B: Kernels>() -> Session<B> {
    let mut session = Session::<B>::new(tiny::config(), Default::default()).unwrap();
    session.set_images(&tiny::rgb(4), 4, tiny::SIZE).unwrap();
    block_on(session.train(std::time::Duration::from_secs(60), 3)).unwrap();
    session
}

fn pictures<B: Kernels>(session: &Session<B>) -> Vec<Vec<u8>> {
    let options = SamplingOptions {
        steps: 5,
        count: 2,
        seed: 7,
        ..Default::default()
    };
    let mut sampling = session
        .pipeline(DenoiserKind::Ema)
        .unwrap()
        .sample(&options)
        .unwrap();
    let mut frames = Vec::new();
    while let Some(picture) = block_on(sampling.next()).unwrap() {
        frames.push(picture.x_t);
    }
    assert_eq!(frames.len(), 6);
    frames
}

fn loading_gives_the_same_samples<B: Kernels>() {
    let session = trained_session::<B>();
    let bytes = block_on(session.checkpoint()).unwrap().to_bytes().unwrap();
    let mut other = Session::<B>::new(Config::for_size(16), Default::default()).unwrap();
    other.load(&bytes).unwrap();
    assert_eq!(pictures(&other), pictures(&session));
}

#[test]
fn loading_gives_the_same_samples_on_every_backend() {
    loading_gives_the_same_samples::<Flex>();
    loading_gives_the_same_samples::<Candle>();
    loading_gives_the_same_samples::<WebGpu>();
}

#[test]
fn shared_files_hold_the_averaged_weights_in_half_precision() {
    let mut trainer = tiny::trainer::<Flex>();
    tiny::train(&mut trainer, 3);
    let whole = bytes_of(&trainer);
    let checkpoint = block_on(Checkpoint::of(&trainer)).unwrap();
    let shared = checkpoint.to_shared_bytes().unwrap();
    assert!(shared.len() < whole.len() / 6);
    let [whole, rounded] = [&whole, &shared].map(|bytes| SafeTensors::deserialize(bytes).unwrap());
    for (name, view) in rounded.tensors() {
        assert!(name.starts_with("ema."), "{name}");
        let averaged = floats(&whole.tensor(&name).unwrap()).unwrap();
        let expected: Vec<f32> = averaged
            .iter()
            .map(|v| f16::from_f32(*v).to_f32())
            .collect();
        assert_eq!(floats(&view).unwrap(), expected, "{name}");
    }
    let mut resumed = reload::<Flex>(&shared);
    assert_eq!(resumed.state().step, 3);
    // Training can go on from it.
    assert!(
        tiny::train(&mut resumed, 2)
            .iter()
            .all(|loss| loss.is_finite())
    );
}

#[test]
fn broken_files_are_refused_and_change_nothing() {
    let mut session = trained_session::<Flex>();
    let before = pictures(&session);
    let good = block_on(session.checkpoint()).unwrap().to_bytes().unwrap();

    let code = |bytes: &[u8], session: &mut Session<Flex>| {
        session
            .load(bytes)
            .map_err(|error| error.code())
            .unwrap_err()
    };
    assert_eq!(code(b"", &mut session), "truncated");
    assert_eq!(
        code(b"These are just words, not a model.", &mut session),
        "bad-checkpoint"
    );
    assert_eq!(code(&good[..100], &mut session), "truncated");
    assert_eq!(code(&good[..good.len() - 1], &mut session), "truncated");

    // The description of a wider network around the tensors of this one.
    let mut wider = tiny::config();
    wider.unet = UNetConfig {
        norm_num_groups: 4,
        ..UNetConfig::with_widths(vec![8, 24])
    };
    let wider = Trainer::<Flex>::new(wider, Default::default()).unwrap();
    let mut bytes = bytes_of(&wider);
    let text = b"[8,24]";
    let escaped = bytes
        .windows(text.len())
        .position(|window| window == text)
        .unwrap();
    bytes[escaped..escaped + text.len()].copy_from_slice(b"[8,16]");
    assert_eq!(code(&bytes, &mut session), "shape-mismatch");

    assert_eq!(session.dataset().len(), 4);
    assert_eq!(session.trainer().state().step, 3);
    assert_eq!(pictures(&session), before);
}

#[test]
fn impossible_configurations_are_refused_by_name() {
    let refused = |change: &dyn Fn(&mut Config)| {
        let mut config = tiny::config();
        change(&mut config);
        match Trainer::<Flex>::new(config, Default::default()) {
            Err(Error::Config(reason)) => reason,
            _ => panic!("accepted"),
        }
    };
    assert!(refused(&|c| c.unet.norm_num_groups = 3).contains("norm_num_groups"));
    assert!(refused(&|c| c.size = 9).contains("size"));
    assert!(refused(&|c| c.training.batch_size = 0).contains("batch_size"));
    assert!(refused(&|c| c.scheduler.beta_end = 2.0).contains("beta_end"));
    let linear = |c: &mut Config, range: (f64, f64)| {
        c.scheduler.beta_schedule = BetaSchedule::Linear;
        (c.scheduler.beta_start, c.scheduler.beta_end) = range;
    };
    assert!(refused(&|c| linear(c, (1e-20, 0.02))).contains("beta_start"));
    assert!(refused(&|c| linear(c, (0.9, 0.99))).contains("beta_end"));
    assert!(refused(&|c| c.scheduler.num_train_timesteps = 1).contains("num_train_timesteps"));
}

//! Class labels: the same run on every backend, whatever it is divided into, and what guidance
//! does.

use std::{sync::Arc, time::Duration};

use burn::tensor::Tensor;
use pollster::block_on;
use unnoise::{
    backend::{Candle, Flex, WebGpu},
    denoiser::{Denoiser, Guidance, Guided, NetworkDenoiser},
    diffusion::{NoiseLevel, PredictionType},
    error::Error,
    format::Checkpoint,
    model::{UNet, UNetConfig, Weights},
    ops::Kernels,
    pipeline::DenoiserKind,
    random::{Random, Stream},
    sampler::{SamplerConfig, SamplingOptions},
    session::Session,
    train::{Config, Dataset, Trainer, batch::Batch, read_losses},
};

use crate::tiny;

fn config() -> Config {
    let mut config = tiny::config().with_labels(vec!["even".into(), "odd".into()]);
    // So that ten steps of four images drop some.
    config.training.class_dropout_prob = 0.3;
    config
}

fn dataset() -> Dataset {
    tiny::dataset().with_labels(vec![0, 1, 0, 1]).unwrap()
}

fn session<B: Kernels>() -> Session<B> {
    let mut session = Session::new(config(), Default::default()).unwrap();
    session.set_dataset(dataset()).unwrap();
    session
}

fn losses<B: Kernels>() -> Vec<f32> {
    let mut trainer = Trainer::<B>::new(config(), Default::default()).unwrap();
    let losses = (0..10).map(|_| trainer.step(&dataset()).unwrap()).collect();
    block_on(read_losses(losses)).unwrap()
}

#[test]
fn losses_agree_on_all_backends() {
    let flex = losses::<Flex>();
    for (name, losses) in [
        ("candle", losses::<Candle>()),
        ("webgpu", losses::<WebGpu>()),
    ] {
        for (loss, reference) in losses.iter().zip(&flex) {
            // As for models without labels.
            assert!(
                (loss - reference).abs() < 2e-4,
                "{name}: {losses:?} {flex:?}"
            );
        }
    }
}

#[test]
fn only_the_classes_of_a_batch_have_gradients() {
    let mut session = session::<Flex>();
    // The last layer starts from zeros, and then nothing before it has a gradient.
    block_on(session.train(Duration::from_secs(60), 3)).unwrap();
    let trainer = session.trainer();
    let specs = trainer.unet().parameters();
    let name = "class_embedding.weight";
    let place = specs
        .iter()
        .position(|spec| spec.tensors[0].name == name)
        .unwrap();
    assert_eq!(specs[place].shape, [3, 32]);
    let start: usize = specs[..place].iter().map(|spec| spec.count()).sum();
    let (_, grads) = block_on(session.gradients(0..1)).unwrap();
    let batch = Batch::at(3, 0..1, &dataset(), &config());
    let [label] = batch.class_labels.unwrap()[..] else {
        panic!("one image has one label");
    };
    for (class, row) in grads[start..][..3 * 32].chunks_exact(32).enumerate() {
        let moves = row.iter().any(|grad| *grad != 0.0);
        assert_eq!(moves, class == label, "{class} {label}");
    }
}

#[test]
fn shards_add_up_to_the_batch() {
    let mut session = session::<Flex>();
    block_on(session.train(Duration::from_secs(60), 3)).unwrap();
    let (loss, grads) = block_on(session.gradients(0..4)).unwrap();
    let mut sum = 0.0;
    let mut sharded = vec![0.0; grads.len()];
    for shard in [0..1, 1..4] {
        let (loss, grads) = block_on(session.gradients(shard)).unwrap();
        sum += loss;
        for (total, grad) in sharded.iter_mut().zip(grads) {
            *total += grad;
        }
    }
    assert!((loss - sum).abs() < 1e-6);
    let largest = grads.iter().fold(0f32, |max, grad| max.max(grad.abs()));
    for (grad, sharded) in grads.iter().zip(&sharded) {
        assert!((grad - sharded).abs() < 1e-5 * largest, "{grad} {sharded}");
    }
}

/// The last pictures of a run.
fn pictures<B: Kernels>(session: &Session<B>, options: &SamplingOptions) -> Vec<u8> {
    let mut sampling = session
        .pipeline(DenoiserKind::Raw)
        .unwrap()
        .sample(options)
        .unwrap();
    let mut pixels = Vec::new();
    while let Some(picture) = block_on(sampling.next()).unwrap() {
        pixels = picture.x_t;
    }
    pixels
}

#[test]
fn labels_are_cycled_over_the_images_of_a_seed() {
    let mut session = session::<Flex>();
    block_on(session.train(Duration::from_secs(60), 3)).unwrap();
    for guidance in [1.0, 3.0] {
        let options = |first, count| SamplingOptions {
            sampler: SamplerConfig::Ddpm { variance: None },
            steps: 4,
            labels: vec![Some(1), Some(0), None],
            guidance,
            first,
            count,
            ..Default::default()
        };
        let whole = pictures(&session, &options(0, 5));
        let mut divided = pictures(&session, &options(0, 2));
        divided.extend(pictures(&session, &options(2, 3)));
        assert!(whole == divided, "guidance {guidance}");
        let any = SamplingOptions {
            labels: Vec::new(),
            ..options(0, 5)
        };
        assert!(whole != pictures(&session, &any));
    }
}

/// A denoiser with random weights, also those that training would start from zeros.
fn denoiser(unet: UNetConfig) -> NetworkDenoiser<Flex> {
    let unet = UNet::new(unet).unwrap();
    let random = Random::new(5);
    let values: Vec<Vec<f32>> = unet
        .parameters()
        .iter()
        .enumerate()
        .map(|(place, spec)| {
            let values = random.normals(Stream::Weights, place as u32, 0, spec.count());
            values.into_iter().map(|value| value * 0.3).collect()
        })
        .collect();
    NetworkDenoiser {
        weights: Weights::from_diffusers(unet.parameters(), &values, &Default::default()),
        unet: Arc::new(unet),
        prediction_type: PredictionType::VPrediction,
    }
}

#[test]
fn guidance_goes_on_from_the_null_class_through_the_label() {
    let mut unet = config().unet;
    unet.out_channels = 6;
    let mut guided = Guided {
        denoiser: denoiser(unet),
        guidance: Guidance {
            class_labels: Vec::new(),
            null_class: 2,
            scale: 1.0,
        },
    };
    let level = NoiseLevel {
        signal: 0.6,
        noise: 0.8,
        t: 50.0,
    };
    let x = Random::new(1).normals(Stream::InitialNoise, 0, 0, 2 * 3 * 64);
    let x = Tensor::<Flex, 1>::from_floats(x.as_slice(), &Default::default()).reshape([2, 3, 8, 8]);
    let mut output = |class_labels: [usize; 2], scale: f64| {
        guided.guidance.class_labels = class_labels.into();
        guided.guidance.scale = scale;
        let output = guided.output(x.clone(), level, None);
        let values = |tensor: Tensor<Flex, 4>| tensor.into_data().to_vec::<f32>().unwrap();
        (values(output.values), values(output.var_values.unwrap()))
    };
    let (of_null, _) = output([2, 2], 4.0);
    let (of_class, variance) = output([0, 1], 1.0);
    assert!(
        of_null
            .iter()
            .zip(&of_class)
            .any(|(a, b)| (a - b).abs() > 1e-2)
    );
    for scale in [0.0, 0.5, 3.0] {
        let (guided, guided_variance) = output([0, 1], scale);
        for (guided, (null, class)) in guided.iter().zip(of_null.iter().zip(&of_class)) {
            let expected = null + scale as f32 * (class - null);
            assert!(
                (guided - expected).abs() < 1e-4,
                "{scale}: {guided} {expected}"
            );
        }
        assert_eq!(guided_variance, variance);
    }
    // Without being asked for anything, it draws anything.
    let unasked: Vec<f32> = guided
        .denoiser
        .output(x, level, None)
        .values
        .into_data()
        .to_vec()
        .unwrap();
    assert_eq!(unasked, of_null);
}

#[test]
fn files_keep_the_names_and_loading_forgets_labels_of_other_models() {
    let labelled = session::<Flex>();
    let bytes = block_on(labelled.checkpoint())
        .unwrap()
        .to_shared_bytes()
        .unwrap();
    let checkpoint = Checkpoint::from_bytes(&bytes).unwrap();
    assert_eq!(checkpoint.config.labels, ["even", "odd"]);
    assert_eq!(checkpoint.config.label_index("odd").unwrap(), 1);

    let mut other = Session::<Flex>::new(
        tiny::config().with_labels(vec!["a".into(), "b".into(), "c".into()]),
        Default::default(),
    )
    .unwrap();
    other
        .set_dataset(tiny::dataset().with_labels(vec![0, 1, 2, 2]).unwrap())
        .unwrap();
    other.load(&bytes).unwrap();
    assert_eq!(other.dataset().len(), 4);
    assert_eq!(other.dataset().labels(), None);

    // One name too few for the rows of the embedding.
    let (names, fewer) = (br#"[\"even\",\"odd\"]"#, br#"[\"even and odd\"]"#);
    let mut damaged = bytes;
    let place = damaged
        .windows(names.len())
        .position(|window| window == names)
        .unwrap();
    damaged[place..][..fewer.len()].copy_from_slice(fewer);
    let error = Checkpoint::from_bytes(&damaged).unwrap_err();
    assert!(error.to_string().contains("num_class_embeds"), "{error}");
}

#[test]
fn impossible_labels_are_refused() {
    let mut session = session::<Flex>();
    let refused = |options: SamplingOptions| {
        let error = session
            .pipeline(DenoiserKind::Ema)
            .and_then(|pipeline| pipeline.sample(&options))
            .err()
            .unwrap();
        assert!(matches!(error, Error::Config(_)), "{error}");
    };
    refused(SamplingOptions {
        labels: vec![Some(2)],
        ..Default::default()
    });
    refused(SamplingOptions {
        guidance: -1.0,
        ..Default::default()
    });
    refused(SamplingOptions {
        guidance: f64::NAN,
        ..Default::default()
    });
    session
        .set_dataset(tiny::dataset().with_labels(vec![0, 1, 0, 3]).unwrap())
        .unwrap();
    assert!(matches!(
        block_on(session.gradients(0..1)),
        Err(Error::Image(_))
    ));
    let unlabelled = Session::<Flex>::new(tiny::config(), Default::default()).unwrap();
    let options = SamplingOptions {
        labels: vec![Some(0)],
        ..Default::default()
    };
    assert!(
        unlabelled
            .pipeline(DenoiserKind::Ema)
            .unwrap()
            .sample(&options)
            .is_err()
    );
    let any = SamplingOptions {
        labels: vec![None],
        ..Default::default()
    };
    assert!(
        unlabelled
            .pipeline(DenoiserKind::Ema)
            .unwrap()
            .sample(&any)
            .is_ok()
    );
}

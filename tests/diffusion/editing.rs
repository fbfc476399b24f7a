//! Edits with the ideal denoiser, whose samples are training images.

use burn::tensor::{Tensor, TensorData};
use unnoise::{
    backend::Flex,
    denoiser::IdealDenoiser,
    diffusion::{PredictionType, SchedulerConfig},
    error::Error,
    random::{Random, Stream},
    sampler::{Edit, Interpolation, Resampling, SamplerConfig, SamplingOptions, Trajectory},
};

const COUNT: usize = 12;
const LENGTH: usize = 192;
const IMAGE: [usize; 3] = [3, 8, 8];

/// Random training images: telling them apart takes no more than a part of each.
fn images() -> Vec<Vec<f32>> {
    let numbers = Random::new(2).normals(Stream::Weights, 0, 0, COUNT * LENGTH);
    let pixels: Vec<f32> = numbers.iter().map(|x| (0.5 * x).clamp(-1.0, 1.0)).collect();
    pixels.chunks_exact(LENGTH).map(<[f32]>::to_vec).collect()
}

fn run(options: &SamplingOptions, edit: Option<&Edit>) -> Result<Trajectory<Flex>, Error> {
    run_of(&SchedulerConfig::default(), options, edit)
}

fn run_of(
    config: &SchedulerConfig,
    options: &SamplingOptions,
    edit: Option<&Edit>,
) -> Result<Trajectory<Flex>, Error> {
    let device = Default::default();
    let data = TensorData::new(images().concat(), [COUNT, 3, 8, 8]);
    let denoiser = IdealDenoiser::new(Tensor::from_data(data, &device));
    let run = Trajectory::new(
        options.sampler(config)?,
        Box::new(denoiser),
        options.noise(IMAGE, device)?,
    );
    match edit {
        None => Ok(run),
        Some(edit) => edit.apply(run, options, [options.count, 3, 8, 8], &device),
    }
}

/// x at every point of a run.
fn points(mut run: Trajectory<Flex>) -> Vec<Vec<f32>> {
    let mut points = Vec::new();
    while let Some(frame) = run.advance().unwrap() {
        points.push(frame.x_t.into_data().to_vec().unwrap());
    }
    points
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

fn options(sampler: SamplerConfig, steps: usize, count: usize) -> SamplingOptions {
    SamplingOptions {
        sampler,
        steps,
        count,
        seed: 3,
        ..Default::default()
    }
}

fn ddim(eta: f64) -> SamplerConfig {
    SamplerConfig::Ddim {
        eta,
        use_clipped_model_output: false,
    }
}

#[test]
fn between_two_seeds_the_ends_are_their_own_images() {
    for sampler in SamplerConfig::ALL {
        let of_seed = |seed| {
            let options = SamplingOptions {
                seed,
                ..options(sampler, 20, 1)
            };
            points(run(&options, None).unwrap())
        };
        let total = 7;
        let between = |first, count| {
            let options = SamplingOptions {
                first,
                interpolate: Some(Interpolation {
                    to: 9,
                    total: Some(total),
                }),
                ..options(sampler, 20, count)
            };
            points(run(&options, None).unwrap())
        };
        // Alone, so that not even the order of sums differs: bit for bit.
        assert_eq!(between(0, 1), of_seed(3));
        assert_eq!(between(total - 1, 1), of_seed(9));
        // Shards make up the whole.
        let (whole, part) = (between(0, total), between(2, 3));
        for (whole, part) in whole.iter().zip(&part) {
            assert!(distance(&whole[2 * LENGTH..5 * LENGTH], part) < 1e-5);
        }
    }
}

/// Too few images, or fewer than a part of them has.
#[test]
fn a_way_has_two_ends() {
    for (total, possible) in [(1, false), (3, false), (4, true)] {
        let options = SamplingOptions {
            interpolate: Some(Interpolation {
                to: 1,
                total: Some(total),
            }),
            ..options(ddim(0.0), 10, 4)
        };
        let refused = matches!(run(&options, None), Err(Error::Config(_)));
        assert_eq!(refused, !possible, "{total}");
    }
}

/// At strength 1 nothing but the remnant of the image at the noisiest level is different from
/// sampling from noise.
#[test]
fn the_whole_strength_is_plain_sampling_but_for_a_remnant() {
    for prediction_type in [PredictionType::Epsilon, PredictionType::Velocity] {
        let config = SchedulerConfig {
            prediction_type,
            ..Default::default()
        };
        for sampler in SamplerConfig::ALL {
            let options = options(sampler, 50, 4);
            let edit = Edit::Img2Img {
                image: images()[0].clone(),
                strength: 1.0,
            };
            let edited = run_of(&config, &options, Some(&edit)).unwrap();
            assert_eq!(edited.total(), 50);
            let plain = points(run_of(&config, &options, None).unwrap());
            let signal = options.sampler::<Flex>(&config).unwrap().levels()[0].signal as f32;
            let start = &points(edited)[0];
            for (sample, plain) in start
                .chunks_exact(LENGTH)
                .zip(plain[0].chunks_exact(LENGTH))
            {
                // Noise that starts from less than the full level is scaled to it, or not at all.
                let remnant: Vec<f32> = images()[0].iter().map(|x| x * signal).collect();
                let noise: Vec<f32> = sample.iter().zip(&remnant).map(|(x, y)| x - y).collect();
                assert!(distance(&noise, plain) < 0.02, "{sampler:?}");
            }
        }
    }
}

/// With little noise the nearest training image is the one that was put in, whatever the sampler.
#[test]
fn a_weak_edit_returns_the_training_image() {
    for sampler in SamplerConfig::ALL {
        let image = images()[5].clone();
        let edit = Edit::Img2Img {
            image: image.clone(),
            strength: 0.2,
        };
        let run = run(&options(sampler, 50, 3), Some(&edit)).unwrap();
        assert_eq!(run.total(), 10);
        let points = points(run);
        for sample in points[10].chunks_exact(LENGTH) {
            assert!(distance(sample, &image) < 0.02, "{sampler:?}");
        }
    }
}

#[test]
fn what_is_known_stays_and_the_rest_is_filled_in() {
    let image = images()[7].clone();
    // The right half and a corner.
    let fill: Vec<bool> = (0..64).map(|i| i % 8 >= 4 || i == 0).collect();
    for sampler in [SamplerConfig::Ddpm { variance: None }, ddim(0.0), ddim(1.0)] {
        // What is to be filled in does not matter.
        let torn: Vec<f32> = (0..LENGTH)
            .map(|i| if fill[i % 64] { 0.9 } else { image[i] })
            .collect();
        let edit = Edit::Inpaint {
            image: torn.clone(),
            fill: fill.clone(),
            resampling: Resampling::default(),
        };
        let run = run(&options(sampler, 100, 4), Some(&edit)).unwrap();
        // Nine jumps of ten steps, each taken back twice.
        assert_eq!(run.total(), 100 + 9 * 2 * 2 * 10);
        for sample in points(run).last().unwrap().chunks_exact(LENGTH) {
            for (i, x) in sample.iter().enumerate() {
                if fill[i % 64] {
                    assert!((x - image[i]).abs() < 0.03, "{sampler:?}: {i}");
                } else {
                    assert_eq!(*x, image[i], "{sampler:?}: {i}");
                }
            }
        }
    }
}

#[test]
fn senseless_edits_are_refused() {
    let image = images()[0].clone();
    let fill_in = |fill: Vec<bool>| Edit::Inpaint {
        image: image.clone(),
        fill,
        resampling: Resampling::default(),
    };
    let redraw = |strength| Edit::Img2Img {
        image: image.clone(),
        strength,
    };
    let refusal = |edit: Edit, options: SamplingOptions| {
        run(&options, Some(&edit)).err().map(|error| error.code())
    };
    let ddim = options(ddim(0.0), 10, 2);
    for strength in [0.0, -1.0, 1.1, f64::NAN] {
        assert_eq!(refusal(redraw(strength), ddim.clone()), Some("bad-config"));
    }
    assert_eq!(refusal(redraw(0.01), ddim.clone()), None);
    let small = Edit::Img2Img {
        image: vec![0.0; 48],
        strength: 0.5,
    };
    assert_eq!(refusal(small, ddim.clone()), Some("bad-image"));
    let none = fill_in(vec![false; 64]);
    assert_eq!(refusal(none, ddim.clone()), Some("bad-image"));
    let short = fill_in(vec![true; 63]);
    assert_eq!(refusal(short, ddim.clone()), Some("bad-image"));
    for sampler in [
        SamplerConfig::Heun {
            use_karras_sigmas: None,
        },
        SamplerConfig::DpmPp2M {
            use_karras_sigmas: None,
        },
        SamplerConfig::EulerFlow,
    ] {
        let edit = fill_in(vec![true; 64]);
        assert_eq!(refusal(edit, options(sampler, 10, 2)), Some("bad-config"));
    }
    let between = SamplingOptions {
        interpolate: Some(Interpolation { to: 1, total: None }),
        ..ddim
    };
    assert_eq!(refusal(redraw(0.5), between), Some("bad-config"));
}

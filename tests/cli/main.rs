//! The command line, through the compiled program: what it writes, and how it refuses.

mod channels;
mod crops;
mod diffusers;
mod editing;
mod evaluation;
#[expect(dead_code, reason = "its main is for cargo")]
#[path = "../../examples/train.rs"]
mod example;
mod folder;
mod kernels;
mod labels;
mod refusals;
mod sampling;
mod training;

use std::process::{Command, Output};

use serde_json::Value;

#[test]
fn schedule_prints_six_arrays() {
    let json: Value = serde_json::from_slice(&succeed("schedule --kind linear").stdout).unwrap();
    for name in [
        "betas",
        "alphas_cumprod",
        "posterior_variance",
        "posterior_mean_coef1",
        "posterior_mean_coef2",
        "snr",
    ] {
        assert_eq!(json[name].as_array().unwrap().len(), 1000, "{name}");
    }
    let close = |value: &Value, expected: f64| {
        let value = value.as_f64().unwrap();
        assert!(
            (value - expected).abs() < 1e-12,
            "{value} is not {expected}"
        );
    };
    close(&json["betas"][0], 1e-4);
    close(&json["betas"][999], 0.02);
    close(&json["alphas_cumprod"][0], 0.9999);
    // The first step leads to x_0, of which nothing is uncertain.
    close(&json["posterior_variance"][0], 0.0);
    close(&json["posterior_mean_coef1"][0], 1.0);
    close(&json["posterior_mean_coef2"][0], 0.0);

    for kind in ["cosine", "sigmoid"] {
        let output = succeed(&format!("schedule --kind {kind} --num-train-timesteps 7"));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["snr"].as_array().unwrap().len(), 7);
    }
}

#[test]
fn bench_times_steps_and_tells_their_losses() {
    let json: Value = serde_json::from_slice(&succeed("bench --steps 2 --json").stdout).unwrap();
    assert_eq!(json["parameters"], 1_046_883);
    let losses = json["losses"].as_array().unwrap();
    assert_eq!(losses.len(), 3);
    // The last layer starts from zeros, so the first loss is the weighted mean square of v, which
    // lies between those of ε (1) and of the images, whose bytes are uniform (1/3). Over the cosine
    // schedule weights of min-SNR are 0.32 on average.
    assert!((0.1..0.33).contains(&losses[0].as_f64().unwrap()), "{json}");
    for kind in ["training", "denoising"] {
        let times = &json[kind];
        assert_eq!(times["ms"].as_array().unwrap().len(), 2);
        assert!(times["median_ms"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn help_has_an_example() {
    for command in ["", "schedule ", "train ", "sample ", "bench "] {
        let output = succeed(&format!("{command}--help"));
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains("Example:\n  unnoise "), "{help}");
    }
}

/// examples/train.rs, which needs no program.
#[test]
fn the_example_writes_an_animation() {
    let folder = folder::Folder::new("example");
    let [images, out] =
        [&folder.images, &folder.path("samples.gif")].map(|path| path.to_str().unwrap().to_owned());
    example::run(&images, &out, 8, 2).unwrap();
    let mut file = std::io::BufReader::new(std::fs::File::open(out).unwrap());
    let decoder = image::codecs::gif::GifDecoder::new(&mut file).unwrap();
    let frames = image::AnimationDecoder::into_frames(decoder);
    assert_eq!(frames.count(), 21);
}

/// Runs the program where it needs no files.
fn succeed(arguments: &str) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_unnoise"))
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    assert!(output.status.success(), "unnoise {arguments}");
    output
}

//! `unnoise eval`, and models of every kind from training to samples.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use crate::folder::Folder;

fn bound(folder: &Folder, arguments: &str) -> Value {
    serde_json::from_str(&folder.output(&format!("eval --data {{images}} {arguments}"))).unwrap()
}

fn list(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn bounds_add_up_and_depend_on_the_seed_alone() {
    let folder = Folder::new("bound");
    let first = bound(&folder, "--model {model}");
    assert_eq!(first, bound(&folder, "--model {model}"));
    assert_ne!(first, bound(&folder, "--model {model} --seed 1"));
    let vb = list(&first["vb"]);
    assert_eq!(vb.len(), 100);
    assert_eq!(list(&first["x0_mse"]).len(), 100);
    assert_eq!(list(&first["eps_mse"]).len(), 100);
    let total = first["prior_bpd"].as_f64().unwrap() + vb.iter().sum::<f64>();
    assert!((total - first["total_bpd"].as_f64().unwrap()).abs() < 1e-9);
}

#[test]
fn given_noise_is_used_timestep_by_timestep() {
    let folder = Folder::new("bound-noise");
    let shape = vec![100, 5, 3, 8, 8];
    let row = shape[1..].iter().product::<usize>() * 4;
    let zeros = vec![0u8; shape[0] * row];
    // A half in every place of one timestep.
    let mut one = zeros.clone();
    for value in one[40 * row..41 * row].as_chunks_mut::<4>().0 {
        *value = 0.5f32.to_le_bytes();
    }
    for (name, bytes) in [("zeros", zeros), ("one", one)] {
        let noise = BTreeMap::from([("eps".to_string(), (shape.clone(), bytes))]);
        folder.write_tensors(&format!("{name}.safetensors"), &noise);
    }
    let given = bound(&folder, "--model {model} --noise zeros.safetensors");
    assert_ne!(given, bound(&folder, "--model {model}"));
    let other = bound(&folder, "--model {model} --noise one.safetensors");
    for (t, (a, b)) in list(&given["vb"])
        .iter()
        .zip(list(&other["vb"]))
        .enumerate()
    {
        assert_eq!(*a != b, t == 40, "vb[{t}]");
    }
    let short = BTreeMap::from([("eps".to_string(), (vec![1, 5, 3, 8, 8], vec![0u8; 3840]))]);
    folder.write_tensors("short.safetensors", &short);
    folder.refuse(
        "eval --model {model} --data {images} --noise short.safetensors",
        "[100, 5, 3, 8, 8]",
    );
}

#[test]
fn errors_at_timesteps_are_those_of_the_bound_before_clipping() {
    let folder = Folder::new("errors");
    let schedule = folder.output("schedule --kind cosine --num-train-timesteps 100");
    let schedule: Value = serde_json::from_str(&schedule).unwrap();
    let alphas_cumprod = list(&schedule["alphas_cumprod"]);
    let mut config: Value =
        serde_json::from_str(&fs::read_to_string(folder.path("config.json")).unwrap()).unwrap();
    // Estimates of x_0 are far out of range where ε is predicted at high noise.
    config["scheduler"]["prediction_type"] = "epsilon".into();
    for clip in [true, false] {
        config["scheduler"]["clip_sample"] = clip.into();
        fs::write(folder.path("clip.json"), config.to_string()).unwrap();
        folder.succeed("train --data {images} --config clip.json --steps 10 --out m.safetensors");
        let bound = list(&bound(&folder, "--model m.safetensors")["x0_mse"]);
        let errors = self::bound(&folder, "--model m.safetensors --timesteps 90,5,50");
        assert_eq!(errors["t"], json!([90, 5, 50]));
        for (i, t) in [90, 5, 50].into_iter().enumerate() {
            let [x0_mse, eps_mse, v_mse] =
                ["x0_mse", "eps_mse", "v_mse"].map(|name| list(&errors[name])[i]);
            if !clip {
                assert_eq!(x0_mse, bound[t]);
            } else if t == 90 {
                assert!(x0_mse > bound[t], "{x0_mse} is not above {}", bound[t]);
            }
            let noise_squared = 1.0 - alphas_cumprod[t];
            let signal_squared = alphas_cumprod[t];
            let near = |a: f64, b: f64| (a - b).abs() < 1e-4 * b;
            assert!(near(eps_mse, x0_mse * signal_squared / noise_squared));
            assert!(near(v_mse, x0_mse / noise_squared), "t = {t}");
        }
    }
    folder.refuse(
        "eval --data {images} --model {model} --timesteps 5,100",
        "no timestep 100",
    );
}

#[test]
fn every_kind_of_model_trains_measures_and_samples() {
    let folder = Folder::new("kinds");
    let base: Value =
        serde_json::from_str(&fs::read_to_string(folder.path("config.json")).unwrap()).unwrap();
    for (name, scheduler, training) in [
        (
            "epsilon",
            json!({ "prediction_type": "epsilon" }),
            json!({}),
        ),
        (
            "v",
            json!({ "prediction_type": "v_prediction", "rescale_betas_zero_snr": true }),
            json!({}),
        ),
        (
            "sample",
            json!({ "prediction_type": "sample" }),
            json!({ "loss_weighting": "min_snr" }),
        ),
        (
            "flow",
            json!({ "prediction_type": "flow_prediction", "shift": 2.0 }),
            json!({}),
        ),
        (
            "learned",
            json!({ "variance_type": "learned_range" }),
            json!({}),
        ),
        (
            "vlb",
            json!({ "prediction_type": "sample" }),
            json!({ "loss_weighting": "vlb" }),
        ),
    ] {
        let mut config = base.clone();
        for (part, fields) in [("scheduler", &scheduler), ("training", &training)] {
            for (field, value) in fields.as_object().unwrap() {
                config[part][field] = value.clone();
            }
        }
        if name == "learned" {
            config["unet"]["out_channels"] = 6.into();
        }
        fs::write(folder.path("kind.json"), config.to_string()).unwrap();
        folder.succeed("train --data {images} --config kind.json --steps 150 --log log.jsonl --log-every 50 --out kind.safetensors");
        let log = fs::read_to_string(folder.path("log.jsonl")).unwrap();
        let losses: Vec<f64> = log
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["loss"]
                    .as_f64()
                    .unwrap()
            })
            .collect();
        assert!(losses[2] < 0.8 * losses[0], "{name}: {losses:?}");
        let bound = bound(&folder, "--model kind.safetensors");
        let total = bound["total_bpd"].as_f64().unwrap();
        assert!(total.is_finite() && total > 0.0, "{name}: {total}");
        for sampler in ["ddpm", "ddim --eta 0.5", "heun", "dpmpp2m", "euler-flow"] {
            folder.succeed(&format!(
                "sample --model kind.safetensors --sampler {sampler} --steps 5 --count 2 --out \
                 x.safetensors"
            ));
            let (_, bytes) = &folder.tensors("x.safetensors")["x_0"];
            let values = bytes
                .as_chunks()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes));
            let largest = values.fold(0f32, |max, value| {
                assert!(value.is_finite(), "{name} {sampler}");
                max.max(value.abs())
            });
            assert!(largest < 20.0, "{name} {sampler}: {largest}");
        }
    }
}

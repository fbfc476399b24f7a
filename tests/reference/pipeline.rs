//! Folders of diffusers pipelines, as `save_pretrained` writes them, read and written again.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use unnoise::{
    diffusion::{Schedule, VarianceType},
    format::{
        Checkpoint,
        diffusers::{self, Files},
        tensors::{self, NamedTensor, Precision},
    },
    model::{UNet, UNetConfig},
};

use crate::golden;

const WEIGHTS: &str = "unet/diffusion_pytorch_model.safetensors";
const SCHEDULER: &str = "scheduler/scheduler_config.json";
/// diffusers computes its schedules in f32.
const TOLERANCE: f64 = 1e-5;

#[derive(Deserialize)]
struct Golden {
    pipelines: Vec<Pipeline>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Pipeline {
    name: String,
    files: HashMap<String, String>,
    indices: Vec<usize>,
    alphas_cumprod: Option<Vec<f64>>,
    sigmas: Option<Vec<f64>>,
}

#[derive(Deserialize)]
struct Refused {
    word: String,
    files: HashMap<String, String>,
}

fn golden() -> Golden {
    golden::json("pipelines.json")
}

fn named(name: &str) -> Pipeline {
    let mut pipelines = golden().pipelines.into_iter();
    pipelines.find(|pipeline| pipeline.name == name).unwrap()
}

fn files(texts: &HashMap<String, String>) -> Files {
    let bytes = |(path, text): (&String, &String)| (path.clone(), text.clone().into_bytes());
    texts.iter().map(bytes).collect()
}

fn parsed(files: &Files, path: &str) -> Value {
    serde_json::from_slice(&files[path]).unwrap()
}

impl Pipeline {
    /// With weights that differ from one another; `rename` has the last word on their names.
    fn files(&self, rename: impl Fn(String) -> String) -> Files {
        let mut files = files(&self.files);
        let config = UNetConfig::from_diffusers(&parsed(&files, "unet/config.json")).unwrap();
        let mut number = 0.0;
        let weights: Vec<NamedTensor> = UNet::new(config)
            .unwrap()
            .parameters()
            .iter()
            .flat_map(|spec| &spec.tensors)
            .map(|tensor| NamedTensor {
                name: rename(tensor.name.clone()),
                shape: tensor.shape.clone(),
                values: std::iter::repeat_with(|| {
                    number += 0.25;
                    number
                })
                .take(tensor.count())
                .collect(),
            })
            .collect();
        let bytes = tensors::write(&weights, HashMap::new(), Precision::Full).unwrap();
        files.insert(WEIGHTS.into(), bytes);
        files
    }

    fn read(&self) -> Checkpoint {
        diffusers::read(&self.files(|name| name)).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }
}

/// Every field of `actual` is in `expected`, with the same value; numbers by value.
fn assert_part_of(actual: &Value, expected: &Value, name: &str) {
    for (field, value) in actual.as_object().unwrap() {
        let other = &expected[field];
        let same = match (value.as_f64(), other.as_f64()) {
            (Some(value), Some(other)) => value == other,
            _ => value == other,
        };
        assert!(same, "{name}: {field} is {value}, not {other}");
    }
}

#[test]
fn processes_are_read_as_diffusers_means_them() {
    for pipeline in golden().pipelines {
        let schedule = Schedule::new(&pipeline.read().config.scheduler).unwrap();
        for (i, &t) in pipeline.indices.iter().enumerate() {
            let level = schedule.level(Some(t));
            let (actual, expected) = match (&pipeline.alphas_cumprod, &pipeline.sigmas) {
                (Some(values), _) => (schedule.alphas_cumprod[t], values[i]),
                (None, values) => (level.noise, values.as_ref().unwrap()[i]),
            };
            assert!(
                (actual - expected).abs() < TOLERANCE,
                "{} at {t}: {actual}, not {expected}",
                pipeline.name
            );
        }
    }
}

#[test]
fn what_is_written_is_what_diffusers_writes() {
    for pipeline in golden().pipelines {
        let name = &pipeline.name;
        let model = pipeline.read();
        let written = diffusers::write(&model).unwrap();
        let original = pipeline.files(|name| name);
        let scheduler = parsed(&written, SCHEDULER);
        let index = parsed(&written, "model_index.json");
        assert_eq!(index["scheduler"][1], scheduler["_class_name"], "{name}");
        assert_part_of(
            &parsed(&written, "unet/config.json"),
            &parsed(&original, "unet/config.json"),
            name,
        );
        // Solvers are ways to sample: their models go out with the process's own scheduler.
        if index["scheduler"] == parsed(&original, "model_index.json")["scheduler"] {
            assert_eq!(index["unet"], parsed(&original, "model_index.json")["unet"]);
            assert_part_of(&scheduler, &parsed(&original, SCHEDULER), name);
        }
        assert_eq!(diffusers::read(&written).unwrap(), model, "{name}");
    }
}

#[test]
fn absent_fields_have_the_values_of_diffusers() {
    for pipeline in golden().pipelines {
        // Made without a word about their process.
        if !["defaults", "flow"].contains(&pipeline.name.as_str()) {
            continue;
        }
        let mut files = pipeline.files(|name| name);
        let class = parsed(&files, SCHEDULER)["_class_name"].clone();
        let text = serde_json::json!({ "_class_name": class }).to_string();
        files.insert(SCHEDULER.into(), text.into_bytes());
        assert_eq!(diffusers::read(&files).unwrap(), pipeline.read());
    }
    let unet = UNetConfig::from_diffusers(&serde_json::json!({})).unwrap();
    assert_eq!(unet.block_out_channels, [224, 448, 672, 896]);
    assert_eq!((unet.layers_per_block, unet.norm_num_groups), (2, 32));
}

#[test]
fn a_model_may_lie_deeper_or_without_its_pipeline() {
    let pipeline = &golden().pipelines[0];
    let model = pipeline.read();
    let files = pipeline.files(|name| name);
    let moved = |to: &dyn Fn(&str) -> String| -> Checkpoint {
        let files = files.iter().map(|(path, bytes)| (to(path), bytes.clone()));
        diffusers::read(&files.collect()).unwrap()
    };
    assert_eq!(moved(&|path| format!("downloads/faces/{path}")), model);
    let last = |path: &str| path.rsplit('/').next().unwrap().to_string();
    assert_eq!(moved(&last), model);
}

#[test]
fn attention_layers_may_have_their_old_names() {
    let pipeline = named("attention");
    let old = pipeline.files(|name| {
        name.replace(".to_q.", ".query.")
            .replace(".to_k.", ".key.")
            .replace(".to_v.", ".value.")
            .replace(".to_out.0.", ".proj_attn.")
    });
    assert_eq!(diffusers::read(&old).unwrap(), pipeline.read());
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let golden = golden();
    for Refused { word, files: texts } in &golden.refused {
        let error = diffusers::read(&files(texts)).unwrap_err();
        assert_eq!(error.code(), "bad-config", "{word}: {error}");
        assert!(error.to_string().contains(word), "{word}: {error}");
    }

    let original = golden.pipelines[0].files(|name| name);
    let refused = |change: &dyn Fn(&mut Files)| {
        let mut files = original.clone();
        change(&mut files);
        diffusers::read(&files).unwrap_err().to_string()
    };
    let replace = |path: &'static str, from: &'static str, to: &'static str| {
        refused(&|files| {
            let text = String::from_utf8(files[path].clone()).unwrap();
            assert!(text.contains(from));
            files.insert(path.into(), text.replace(from, to).into_bytes());
        })
    };
    let conditional = replace("unet/config.json", "UNet2DModel", "UNet2DConditionModel");
    assert!(conditional.contains("UNet2DConditionModel"));
    let latent = replace("model_index.json", "{", r#"{ "vqvae": ["a", "VQModel"],"#);
    assert!(latent.contains("vqvae"), "{latent}");
    assert!(replace("unet/config.json", "{", "[").contains("unet/config.json"));
    for path in [WEIGHTS, SCHEDULER, "unet/config.json"] {
        let error = refused(&|files| {
            files.remove(path);
        });
        assert!(error.starts_with(path), "{error}");
    }
    let pickle = refused(&|files| {
        files.remove(WEIGHTS);
        files.insert("unet/diffusion_pytorch_model.bin".into(), Vec::new());
    });
    assert!(pickle.contains("pickle"), "{pickle}");
    let short = refused(&|files| {
        files.get_mut(WEIGHTS).unwrap().pop();
    });
    assert!(short.contains("cut short"), "{short}");
    let other = refused(&|files| {
        let attention = &golden.pipelines[1].files(|name| name)[WEIGHTS];
        files.insert(WEIGHTS.into(), attention.clone());
    });
    assert!(other.contains("tensor"), "{other}");
}

#[test]
fn flows_beyond_diffusers_are_not_written() {
    let mut model = named("flow").read();
    model.config.scheduler.thresholding = true;
    let error = diffusers::write(&model).unwrap_err().to_string();
    assert!(error.contains("thresholding"), "{error}");
    model.config.scheduler.thresholding = false;
    model.config.scheduler.variance_type = VarianceType::LearnedRange;
    let error = diffusers::write(&model).unwrap_err().to_string();
    assert!(error.contains("learned_range"), "{error}");
}

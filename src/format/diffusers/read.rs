//! Reading.

use safetensors::SafeTensors;
use serde_json::Value;

use super::{
    Files, INDEX, SCHEDULER, SCHEDULER_CONFIG, STEP, TRAINING_STATE, UNET, UNET_CONFIG, WEIGHTS,
    scheduler,
};
use crate::{
    error::{Error, Result},
    format::{Checkpoint, checkpoint::Values, metadata, tensors},
    model::{ParameterSpec, StateDictTensor, UNet, UNetConfig},
    train::Config,
};

/// Weights as diffusers saved them before it had safetensors.
const PICKLE: &str = "diffusion_pytorch_model.bin";

/// Many times what a configuration takes.
const MAX_JSON: usize = 1 << 20;

/// Parts of names of attention layers, and what they were before diffusers 0.17.
const RENAMED: &[(&str, &str)] = &[
    (".to_q.", ".query."),
    (".to_k.", ".key."),
    (".to_v.", ".value."),
    (".to_out.0.", ".proj_attn."),
];

/// Reads a small unconditional model: a pipeline's folder, with `unet` and `scheduler` in it, or
/// one that holds a `UNet2DModel` and its `scheduler_config.json`; either may lie deeper. With
/// [`TRAINING_STATE`] in it, the run goes on as if it had never left.
///
/// # Errors
/// [`Error::File`] or [`Error::FileJson`] for a file that is missing or not JSON, [`Error::Config`]
/// for a model of another kind, [`Error::Truncated`], [`Error::Checkpoint`] or
/// [`Error::ShapeMismatch`] for its weights, [`Error::File`] for the state of a run that does not
/// belong to these.
pub fn read(files: &Files) -> Result<Checkpoint> {
    let folder = Folder::find(files);
    folder.refuse_other_parts()?;
    let unet = folder.json(UNET, UNET_CONFIG)?;
    let class = unet["_class_name"].as_str().unwrap_or("UNet2DModel");
    if class != "UNet2DModel" {
        return Err(Error::Config(format!(
            "its network is a {class}, but only an unconditional UNet2DModel is supported."
        )));
    }
    let network = UNetConfig::from_diffusers(&unet)?;
    let scheduler = scheduler::read(&folder.json(SCHEDULER, SCHEDULER_CONFIG)?)?;
    let size = metadata::size(&unet)
        .ok_or_else(|| Error::Config("sample_size must be one whole number.".into()))?;
    let mut config = Config {
        unet: network,
        scheduler,
        ..Config::for_size(size)
    };
    // What is not supported is said before weights are looked for.
    config.validate()?;
    let bytes = folder.weights()?;
    let file = tensors::open(bytes)?;
    let metadata = tensors::metadata(bytes)?;
    config.labels = metadata::labels(&metadata)?;
    if metadata::has_training(&metadata) {
        metadata::read_training(&metadata, &mut config)?;
    }
    config.validate()?;
    let step = metadata::step(&metadata, STEP)?;
    let network = UNet::new(config.unet.clone())?;
    tensors::require_count(&file, network.state_dict_len())?;
    let weights = read_weights(&file, network.parameters())?;
    folder.run_of(Checkpoint::of_weights(config, step, weights))
}

/// The values of every parameter, each checked.
fn read_weights(file: &SafeTensors, specs: &[ParameterSpec]) -> Result<Values> {
    let present = |name: &str| file.tensor(name).is_ok();
    let read = |tensor: &StateDictTensor| {
        let name = &tensor.name;
        let old = RENAMED
            .iter()
            .map(|(new, old)| name.replace(new, old))
            .find(|old| !present(name) && present(old));
        tensors::weights(file, old.as_ref().unwrap_or(name), &tensor.shape)
    };
    specs.iter().map(|spec| spec.stacked(read)).collect()
}

/// Where in some files the model is.
struct Folder<'a> {
    files: &'a Files,
    /// What the paths of the model's files start with.
    root: &'a str,
}

impl<'a> Folder<'a> {
    fn find(files: &'a Files) -> Self {
        let root = |path: &'a String| {
            let folder = path.strip_suffix(UNET_CONFIG)?;
            let root = folder.strip_suffix("unet/").unwrap_or(folder);
            (root.is_empty() || root.ends_with('/')).then_some(root)
        };
        let roots = files.keys().filter_map(root);
        Self {
            files,
            root: roots.min_by_key(|root| root.len()).unwrap_or_default(),
        }
    }

    /// Where `name` of `part` is, or else should be.
    fn path(&self, part: &str, name: &str) -> String {
        let beside = format!("{}{name}", self.root);
        if self.files.contains_key(&beside) {
            beside
        } else {
            format!("{}{part}/{name}", self.root)
        }
    }

    fn file(&self, path: &str) -> Result<&'a [u8]> {
        let reason = "a diffusers model needs this file, but it is not there.";
        let bytes = self.files.get(path).map(Vec::as_slice);
        bytes.ok_or_else(|| file_error(path, reason))
    }

    fn json(&self, part: &str, name: &str) -> Result<Value> {
        let path = self.path(part, name);
        parse(&path, self.file(&path)?)
    }

    /// Refuses a pipeline in which the network is not all there is between noise and images.
    fn refuse_other_parts(&self) -> Result<()> {
        let path = format!("{}{INDEX}", self.root);
        let Some(bytes) = self.files.get(&path) else {
            return Ok(());
        };
        let index = parse(&path, bytes)?;
        let mut parts = index.as_object().into_iter().flatten();
        let other = parts.find(|(name, part)| {
            part[1].is_string() && ![UNET, SCHEDULER].contains(&name.as_str())
        });
        match other {
            Some((name, _)) => Err(Error::Config(format!(
                "this pipeline also has a {name}, but only a unet and a scheduler are supported."
            ))),
            None => Ok(()),
        }
    }

    /// The run that `model` is the outcome of, if the folder has it; otherwise `model`.
    fn run_of(&self, model: Checkpoint) -> Result<Checkpoint> {
        let path = format!("{}{TRAINING_STATE}", self.root);
        let Some(bytes) = self.files.get(&path) else {
            return Ok(model);
        };
        let run = Checkpoint::from_bytes(bytes)?;
        if !run.has_weights_of(&model) {
            let reason = "this is the training state of other weights than those in the folder. \
                          Remove it to go on from the weights alone.";
            return Err(file_error(&path, reason));
        }
        Ok(run)
    }

    fn weights(&self) -> Result<&'a [u8]> {
        let pickle = self.path(UNET, PICKLE);
        let path = self.path(UNET, WEIGHTS);
        if !self.files.contains_key(&path) && self.files.contains_key(&pickle) {
            let reason = "this is a Python pickle, which could run any program when it is opened, \
                          and so is not read. Save the pipeline anew with safe_serialization=True.";
            return Err(file_error(&pickle, reason));
        }
        self.file(&path)
    }
}

fn parse(path: &str, bytes: &[u8]) -> Result<Value> {
    if bytes.len() > MAX_JSON {
        return Err(file_error(path, "this is larger than any configuration."));
    }
    // Python writes numbers that JSON does not have; no field that is read holds one.
    let text = String::from_utf8_lossy(bytes).replace("-Infinity", "null");
    let value: Value = serde_json::from_str(&text).map_err(|source| Error::FileJson {
        path: path.into(),
        source,
    })?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(file_error(path, "this is not a JSON object."))
    }
}

fn file_error(path: &str, reason: &str) -> Error {
    Error::File {
        path: path.into(),
        reason: reason.into(),
    }
}

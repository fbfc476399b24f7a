//! Checkpoints: one safetensors file with everything a run needs to go on, or with the averaged
//! weights alone, to share.
//!
//! Tensors are `ema.<name>`, `raw.<name>`, `adam.exp_avg.<name>`, `adam.exp_avg_sq.<name>` with
//! diffusers' names and layouts. Metadata: `unnoise.version`, `unet`, `scheduler` and `training`
//! (JSON), `step`, `moments_since` (the step at which the optimizer started), `seed`, and
//! with labels `unnoise.labels`, the list of their names.

use std::sync::Arc;

use burn::tensor::ops::FloatTensor;
use safetensors::SafeTensors;
use serde_json::Value;

use super::{
    diffusers::scheduler,
    metadata::{self, Metadata},
    tensors::{self, NamedTensor, Precision},
};
use crate::{
    error::{Error, Result},
    model::{ParameterSpec, StateDictTensor, UNet, UNetConfig, Weights},
    ops::{Kernels, ParameterState},
    pipeline::{DenoiserKind, Pipeline},
    train::{Config, MixedPrecision, Trainer, TrainingState, capacity::Room, read_all},
};

/// Raised when a file can no longer be read by older versions.
const FORMAT_VERSION: &str = "1";

/// The metadata key of the optimizer's start step.
const OPTIMIZER_START_STEP: &str = "moments_since";

const EMA: &str = "ema";
const RAW: &str = "raw";
const EXP_AVG: &str = "adam.exp_avg";
const EXP_AVG_SQ: &str = "adam.exp_avg_sq";

/// Values of every parameter, in diffusers' layout, in the order of the network's parameters.
pub(super) type Values = Vec<Vec<f32>>;

/// What the optimizer needs to go on.
#[derive(Debug, Clone, PartialEq)]
struct OptimizerValues {
    raw: Values,
    exp_avg: Values,
    exp_avg_sq: Values,
}

/// A checkpoint in memory, checked against its own configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The run that the checkpoint is of.
    pub config: Config,
    /// Optimizer steps taken.
    pub step: u64,
    optimizer_start_step: u64,
    ema: Values,
    /// Absent from files made to share.
    optimizer: Option<OptimizerValues>,
}

impl Checkpoint {
    /// Reads the state of a trainer off its device.
    ///
    /// # Errors
    /// [`Error::Device`] when the device was lost.
    pub async fn of<B: Kernels>(trainer: &Trainer<B>) -> Result<Self> {
        let specs = trainer.unet().parameters();
        let state = trainer.state();
        let parameters = &state.parameters;
        type Field<B> = fn(&ParameterState<B>) -> &FloatTensor<B>;
        let fields: [Field<B>; 4] = [|p| &p.ema, |p| &p.value, |p| &p.exp_avg, |p| &p.exp_avg_sq];
        let tensors = fields
            .iter()
            .flat_map(|field| parameters.iter().map(move |p| field(p).clone()));
        let mut values = read_all::<B>(tensors.collect()).await?.into_iter();
        let mut next = || -> Values {
            specs
                .iter()
                .zip(values.by_ref())
                .map(|(spec, values)| spec.diffusers_from_channels_last(&values))
                .collect()
        };
        Ok(Self {
            config: trainer.config().clone(),
            step: state.step,
            optimizer_start_step: state.optimizer_start_step,
            ema: next(),
            optimizer: Some(OptimizerValues {
                raw: next(),
                exp_avg: next(),
                exp_avg_sq: next(),
            }),
        })
    }

    /// A checkpoint of weights alone: one vector per parameter of the network of `config`, in
    /// diffusers' layout.
    pub(super) fn of_weights(config: Config, step: u64, weights: Values) -> Self {
        Self {
            config,
            step,
            optimizer_start_step: step,
            ema: weights,
            optimizer: None,
        }
    }

    /// Whether both hold the same averaged weights, to the bit.
    pub(super) fn has_weights_of(&self, other: &Self) -> bool {
        self.ema == other.ema
    }

    /// The model, ready to use without a trainer.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the raw weights are asked for and the file has only the averaged
    /// ones, [`Error::NoImages`] for the ideal denoiser, since a file has no images.
    pub fn pipeline<B: Kernels>(
        &self,
        kind: DenoiserKind,
        device: B::Device,
    ) -> Result<Pipeline<B>> {
        let values = match (kind, &self.optimizer) {
            (DenoiserKind::Ema, _) => &self.ema,
            (DenoiserKind::Raw, Some(optimizer)) => &optimizer.raw,
            (DenoiserKind::Raw, None) => {
                return Err(Error::Checkpoint(
                    "it holds only averaged weights, so raw ones cannot be chosen.".into(),
                ));
            }
            (DenoiserKind::Ideal, _) => return Err(Error::NoImages),
        };
        let unet = UNet::new(self.config.unet.clone())?;
        self.room::<B>(&unet, &device).check_weights()?;
        let weights = Weights::from_diffusers(unet.parameters(), values, &device);
        Ok(Pipeline::new(
            self.config.clone(),
            Arc::new(unet),
            weights,
            device,
        ))
    }

    fn room<'a, B: Kernels>(&self, unet: &'a UNet, device: &B::Device) -> Room<'a> {
        Room::new::<B>(unet, self.config.size, MixedPrecision::No, device)
    }

    /// A trainer that goes on from here. From averaged weights alone, Adam starts afresh.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration cannot work.
    pub fn into_trainer<B: Kernels>(self, device: B::Device) -> Result<Trainer<B>> {
        let unet = Arc::new(UNet::new(self.config.unet.clone())?);
        self.room::<B>(&unet, &device).check_state()?;
        let specs = unet.parameters();
        let upload = |spec: &ParameterSpec, values: &[f32]| {
            spec.tensor::<B>(spec.channels_last_from_diffusers(values), &device)
        };
        let parameters = specs
            .iter()
            .enumerate()
            .map(|(i, spec)| {
                let zeros = vec![0.0; spec.count()];
                let optimizer = self.optimizer.as_ref();
                let moments = |values: fn(&OptimizerValues) -> &Values| {
                    upload(spec, optimizer.map_or(&zeros, |o| &values(o)[i]))
                };
                ParameterState {
                    value: upload(spec, optimizer.map_or(&self.ema[i], |o| &o.raw[i])),
                    exp_avg: moments(|o| &o.exp_avg),
                    exp_avg_sq: moments(|o| &o.exp_avg_sq),
                    ema: upload(spec, &self.ema[i]),
                }
            })
            .collect();
        let state = TrainingState {
            step: self.step,
            optimizer_start_step: match self.optimizer {
                Some(_) => self.optimizer_start_step,
                None => self.step,
            },
            parameters,
        };
        Trainer::resume(self.config, unet, state, device)
    }

    /// The whole checkpoint as a file.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when a value is not finite: loading would refuse the file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.write(Precision::Full)
    }

    /// The averaged weights alone, in half precision: an eighth of the size, enough to sample.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when a value is not finite, or not in half precision: loading would
    /// refuse the file.
    pub fn to_shared_bytes(&self) -> Result<Vec<u8>> {
        let shared = Self {
            optimizer: None,
            ..self.clone()
        };
        shared.write(Precision::Half)
    }

    fn write(&self, precision: Precision) -> Result<Vec<u8>> {
        let unet = UNet::new(self.config.unet.clone())?;
        let mut sets = vec![(EMA, &self.ema)];
        if let Some(optimizer) = &self.optimizer {
            sets.push((RAW, &optimizer.raw));
            sets.push((EXP_AVG, &optimizer.exp_avg));
            sets.push((EXP_AVG_SQ, &optimizer.exp_avg_sq));
        }
        let named: Vec<NamedTensor> = sets
            .into_iter()
            .flat_map(|(prefix, values)| named(&unet, values, format!("{prefix}.")))
            .collect();
        if let Some(bad) = named.iter().find(|tensor| !precision.holds(&tensor.values)) {
            return Err(Error::Checkpoint(format!(
                "values of its tensor {} would not be finite numbers.",
                bad.name
            )));
        }
        tensors::write(&named, self.metadata()?, precision)
    }

    /// The averaged weights, under diffusers' names.
    pub(super) fn ema_tensors(&self) -> Result<Vec<NamedTensor>> {
        let unet = UNet::new(self.config.unet.clone())?;
        Ok(named(&unet, &self.ema, String::new()).collect())
    }

    fn metadata(&self) -> Result<Metadata> {
        let unet = self.config.unet.to_diffusers(self.config.size)?;
        let scheduler = scheduler::describe(&self.config.scheduler)?;
        let mut metadata = Metadata::from([
            ("unnoise.version".into(), FORMAT_VERSION.into()),
            ("unet".into(), unet.to_string()),
            ("scheduler".into(), scheduler.to_string()),
            ("step".into(), self.step.to_string()),
            (
                OPTIMIZER_START_STEP.into(),
                self.optimizer_start_step.to_string(),
            ),
        ]);
        metadata::insert_training(&mut metadata, &self.config)?;
        metadata::insert_labels(&mut metadata, &self.config.labels);
        Ok(metadata)
    }

    /// Reads a checkpoint and checks every shape and name.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Checkpoint`], [`Error::Config`] or [`Error::ShapeMismatch`],
    /// each saying what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let file = tensors::open(bytes)?;
        let metadata = tensors::metadata(bytes)?;
        let config = read_config(&metadata)?;
        let unet = UNet::new(config.unet.clone())?;
        let step = metadata::step(&metadata, "step")?;
        let has_optimizer = (file.names().iter()).any(|name| name.starts_with(RAW));
        // Before any is read: what is read is then no more than the file has.
        let sets = if has_optimizer { 4 } else { 1 };
        tensors::require_count(&file, sets * unet.state_dict_len())?;
        let read = |prefix: &str| read_values(&file, prefix, unet.parameters());
        let optimizer = if has_optimizer {
            Some(OptimizerValues {
                raw: read(RAW)?,
                exp_avg: read(EXP_AVG)?,
                exp_avg_sq: read(EXP_AVG_SQ)?,
            })
        } else {
            None
        };
        let ema = read(EMA)?;
        Ok(Self {
            config,
            step,
            optimizer_start_step: metadata::step(&metadata, OPTIMIZER_START_STEP)?.min(step),
            ema,
            optimizer,
        })
    }
}

/// The tensors `<prefix><name>`.
fn named<'a>(
    unet: &'a UNet,
    values: &'a Values,
    prefix: String,
) -> impl Iterator<Item = NamedTensor> + 'a {
    let parameters = unet.parameters().iter().zip(values);
    let tensors = parameters.flat_map(|(spec, values)| spec.unstacked(values));
    tensors.map(move |(tensor, values)| NamedTensor {
        name: format!("{prefix}{}", tensor.name),
        shape: tensor.shape.clone(),
        values: values.to_vec(),
    })
}

/// The tensors `<prefix>.<name>`, each checked.
fn read_values(file: &SafeTensors, prefix: &str, specs: &[ParameterSpec]) -> Result<Values> {
    let read = |tensor: &StateDictTensor| {
        tensors::weights(file, &format!("{prefix}.{}", tensor.name), &tensor.shape)
    };
    specs.iter().map(|spec| spec.stacked(read)).collect()
}

fn read_config(metadata: &Metadata) -> Result<Config> {
    match metadata.get("unnoise.version").map(String::as_str) {
        Some(FORMAT_VERSION) => {}
        Some(version) => {
            return Err(Error::NewerFormat {
                version: version.into(),
            });
        }
        None => {
            return Err(Error::Checkpoint(
                "it is a safetensors file, but it was not saved by Unnoise.".into(),
            ));
        }
    }
    let unet: Value = metadata::part(metadata, "unet")?;
    let mut config = Config {
        size: metadata::size(&unet).unwrap_or(0),
        unet: UNetConfig::from_diffusers(&unet)?,
        scheduler: metadata::part(metadata, "scheduler")?,
        labels: metadata::labels(metadata)?,
        ..Config::default()
    };
    metadata::read_training(metadata, &mut config)?;
    config.validate()?;
    Ok(config)
}

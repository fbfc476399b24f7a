//! Everything that describes a training run.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Optimizer, TrainingConfig};
use crate::{
    diffusion::{
        BetaSchedule, LossWeighting, Objective, PredictionType, Schedule, SchedulerConfig,
        VarianceType,
    },
    error::{Error, Result},
    model::UNetConfig,
};

/// A whole run: the network, the diffusion process, and how they are trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Side of the images in pixels.
    pub size: usize,
    /// Seed of everything random in training.
    pub seed: u64,
    /// The network.
    pub unet: UNetConfig,
    /// The diffusion process.
    pub scheduler: SchedulerConfig,
    /// How the network is trained.
    pub training: TrainingConfig,
    /// What the classes are called, in the order of their indices. Empty without labels, and for a
    /// network whose classes have numbers only.
    pub labels: Vec<String>,
}

/// Levels of a network for crops: each doubles how far a pixel sees.
const CROP_WIDTHS: [usize; 2] = [32, 64];

/// The size where none is asked for.
const USUAL_SIZE: usize = 32;

impl Default for Config {
    fn default() -> Self {
        Self::for_size(USUAL_SIZE)
    }
}

impl Config {
    /// The default configuration for images of `size` × `size`.
    pub fn for_size(size: usize) -> Self {
        Self {
            size,
            seed: 0,
            unet: UNetConfig::default(),
            // At this size the linear schedule drowns images in its first third; the cosine gives
            // every noise level its share of the training (Nichol & Dhariwal 2021, section 3.2).
            // v, because ε says nothing of x_0 where there is next to no signal, which is where
            // every sample starts from; what that costs is measured in docs/recipe.md.
            scheduler: SchedulerConfig {
                beta_schedule: BetaSchedule::SquaredcosCapV2,
                prediction_type: PredictionType::VPrediction,
                ..Default::default()
            },
            // Measured in docs/recipe.md.
            training: TrainingConfig {
                optimizer: Optimizer::Muon,
                min_snr_floor: 0.2,
                loss_weighting: LossWeighting::MinSnr,
                ..Default::default()
            },
            labels: Vec::new(),
        }
    }

    /// The default configuration for crops of `size` × `size` of one picture, or a few.
    ///
    /// The network sees little around a pixel and attends to nothing, as those of SinDDM (Kulikov et
    /// al. 2023) and SinDiffusion (Wang et al. 2022): one that sees all of the picture learns to draw
    /// that again, while one that sees patches learns what patches look like, which it can put
    /// together in other ways and at other sizes. With these levels a pixel sees 30 pixels around it,
    /// so that in the middle of a crop of 64 it sees nothing of the padding around that, of which a
    /// large sample has next to none.
    pub fn for_crops(size: usize) -> Self {
        let mut config = Self::for_size(size);
        config.unet = UNetConfig::with_widths(CROP_WIDTHS.to_vec());
        config.training.random_crop = true;
        config
    }

    /// The same for images of these classes: the network has a row for each and one for none.
    pub fn with_labels(mut self, labels: Vec<String>) -> Self {
        self.unet.num_class_embeds = (!labels.is_empty()).then_some(labels.len() + 1);
        self.labels = labels;
        self
    }

    /// Reads and checks a configuration; absent fields take their defaults.
    ///
    /// # Errors
    /// [`Error::Config`] saying which field is wrong.
    pub fn from_json(json: &str) -> Result<Self> {
        let config = Self::parse_json(json, None)?;
        config.validate()?;
        Ok(config)
    }

    /// As [`Config::from_json`], absent fields at any depth included, but with `size`, if there is
    /// one, in place of that in `json`, and leaves [`Config::validate`] to a caller who still
    /// changes fields. With `random_crop` absent fields are those of [`Config::for_crops`]. Levels are
    /// plain blocks unless `down_block_types` and `up_block_types` say
    /// otherwise; `labels` alone make a network that knows them, and a learned `variance_type` one
    /// that predicts it.
    ///
    /// # Errors
    /// [`Error::ConfigJson`] for what is not JSON or a field of the wrong type, [`Error::Config`]
    /// for an unknown field: a misspelt one would otherwise go unnoticed for a whole training run.
    pub fn parse_json(json: &str, size: Option<usize>) -> Result<Self> {
        let wrong = |source| Error::ConfigJson { part: "", source };
        let mut given: Value = serde_json::from_str(json).map_err(wrong)?;
        if let (Some(size), Some(fields)) = (size, given.as_object_mut()) {
            fields.insert("size".into(), size.into());
        }
        let levels = given["unet"]["block_out_channels"].as_array().map(Vec::len);
        let outputs_are_given = !given["unet"]["out_channels"].is_null();
        let is_cropped = given["training"]["random_crop"] == true;
        let mut value = json!(if is_cropped {
            Self::for_crops(USUAL_SIZE)
        } else {
            Self::default()
        });
        if let Some(levels) = levels {
            value["unet"]["down_block_types"] = json!(vec!["DownBlock2D"; levels]);
            value["unet"]["up_block_types"] = json!(vec!["UpBlock2D"; levels]);
        }
        overlay(&mut value, given, "")?;
        let mut config: Self = serde_json::from_value(value).map_err(wrong)?;
        if !outputs_are_given {
            config.unet.out_channels = config.outputs();
        }
        Ok(match config.unet.num_class_embeds {
            None => {
                let labels = config.labels.clone();
                config.with_labels(labels)
            }
            Some(_) => config,
        })
    }

    /// Values of a pixel: 1 of grey images, 3 of RGB, 4 of RGB and alpha.
    pub fn channels(&self) -> usize {
        self.unet.in_channels
    }

    /// The same for images of so many channels.
    pub fn with_channels(mut self, channels: usize) -> Self {
        self.unet.in_channels = channels;
        self.unet.out_channels = self.outputs();
        self
    }

    /// A learned variance takes as many channels again as the prediction.
    fn outputs(&self) -> usize {
        match self.scheduler.variance_type {
            VarianceType::LearnedRange => self.channels().saturating_mul(2),
            VarianceType::FixedSmall | VarianceType::FixedLarge | VarianceType::FixedForward => {
                self.channels()
            }
        }
    }

    /// Checks every part, and that they fit each other.
    ///
    /// # Errors
    /// [`Error::Config`] saying which field is wrong.
    pub fn validate(&self) -> Result<()> {
        self.unet.validate()?;
        self.scheduler.validate()?;
        self.training.validate()?;
        let multiple = self.unet.size_multiple();
        if !(4..=256).contains(&self.size) || !self.size.is_multiple_of(multiple) {
            return Err(Error::Config(format!(
                "size is {}, but a network of {} levels needs a multiple of {multiple} between 4 \
                 and 256.",
                self.size,
                self.unet.block_out_channels.len()
            )));
        }
        self.validate_labels()?;
        if self.training.loss_weighting == LossWeighting::Previous
            && self.scheduler.variance_type == VarianceType::LearnedRange
        {
            return Err(Error::Config(
                "with the loss_weighting previous targets are noisy, and a variance cannot be \
                 learned from them; choose the variance_type fixed_small or fixed_large."
                    .into(),
            ));
        }
        let (channels, out_channels) = (self.channels(), self.outputs());
        if ![1, 3, 4].contains(&channels) {
            return Err(Error::Config(format!(
                "in_channels is {channels}, but images have 1 (grey), 3 (RGB) or 4 (RGB and alpha)."
            )));
        }
        if self.unet.out_channels != out_channels {
            return Err(Error::Config(format!(
                "in_channels {channels} takes out_channels {out_channels}: as many, or twice as \
                 many with the variance_type learned_range."
            )));
        }
        Ok(())
    }

    fn validate_labels(&self) -> Result<()> {
        let refuse = |reason: String| Err(Error::Config(reason));
        let count = self.labels.len();
        if count > 0 && self.unet.null_class() != Some(count) {
            return refuse(format!(
                "there are {count} labels, so num_class_embeds must be {}, with one more for any.",
                count + 1
            ));
        }
        let mut sorted: Vec<&str> = self.labels.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        if sorted.first().is_some_and(|name| name.is_empty()) {
            return refuse("a label must have a name.".into());
        }
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return refuse(format!("the label {:?} is there twice.", pair[0]));
        }
        Ok(())
    }

    /// The index of the class that `label` names: its name, or else its number.
    ///
    /// # Errors
    /// [`Error::Config`] when there is none, with those that there are.
    pub fn label_index(&self, label: &str) -> Result<usize> {
        let Some(count) = self.unet.null_class() else {
            return Err(Error::Config(
                "this model was trained without labels, so none can be asked for.".into(),
            ));
        };
        let named = self.labels.iter().position(|name| name == label);
        let numbered = || label.parse().ok().filter(|index| *index < count);
        named.or_else(numbered).ok_or_else(|| {
            let known = match self.labels.len() {
                0 => format!("the numbers 0 to {}", count - 1),
                _ => self.labels.join(", "),
            };
            Error::Config(format!("there is no label {label:?}; there are {known}."))
        })
    }

    /// What training minimises.
    ///
    /// # Errors
    /// [`Error::Config`] for a schedule that cannot be computed with.
    pub fn objective(&self) -> Result<Objective> {
        Ok(Objective {
            schedule: Schedule::new(&self.scheduler)?,
            prediction_type: self.scheduler.prediction_type,
            variance_type: self.scheduler.variance_type,
            weighting: self.training.loss_weighting,
            min_snr_gamma: self.training.min_snr_gamma,
            min_snr_floor: self.training.min_snr_floor,
            vlb_weight: self.training.vlb_weight,
        })
    }
}

/// Replaces fields of `defaults` by those `given`, at any depth, and refuses unknown ones. Names
/// that start with an underscore are diffusers' remarks (`_class_name`) and are dropped.
fn overlay(defaults: &mut Value, given: Value, path: &str) -> Result<()> {
    let name = path.trim_end_matches('.');
    let name = if name.is_empty() { "it" } else { name };
    let Value::Object(defaults) = defaults else {
        let may_be_absent = given.is_null() && MAY_BE_NULL.contains(&name);
        if let Some(kind) = wanted(defaults, &given).filter(|_| !may_be_absent) {
            return Err(Error::Config(format!(
                "{name} must be {kind}, not {given}."
            )));
        }
        *defaults = given;
        return Ok(());
    };
    let Value::Object(given) = given else {
        return Err(Error::Config(format!(
            "{name} must be a JSON object {{ … }}."
        )));
    };
    for (name, value) in given {
        match defaults.get_mut(&name) {
            Some(default) => overlay(default, value, &format!("{path}{name}."))?,
            None if name.starts_with('_') => {}
            None => {
                let names: Vec<&str> = defaults.keys().map(String::as_str).collect();
                return Err(Error::Config(format!(
                    "there is no field {path}{name}; possible here are {}.",
                    names.join(", ")
                )));
            }
        }
    }
    Ok(())
}

/// Fields that have a default and may still be null.
const MAY_BE_NULL: [&str; 1] = ["unet.attention_head_dim"];

/// What a field must be, by its default, if `given` is something else.
fn wanted(default: &Value, given: &Value) -> Option<&'static str> {
    match default {
        Value::Number(number) if number.is_u64() => {
            (!given.is_u64()).then_some("a whole number from 0 on")
        }
        Value::Number(_) => (!given.is_number()).then_some("a number"),
        Value::Bool(_) => (!given.is_boolean()).then_some("true or false"),
        Value::String(_) => (!given.is_string()).then_some("text"),
        Value::Array(_) => (!given.is_array()).then_some("a list"),
        // Fields that are null by default have nothing to go by.
        Value::Null | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_configuration_survives_json() {
        let config = Config::for_size(64);
        assert_eq!(
            Config::from_json(&json!(config).to_string()).unwrap(),
            config
        );
    }

    #[test]
    fn widths_alone_make_plain_blocks() {
        let json = r#"{ "unet": { "block_out_channels": [8, 16], "norm_num_groups": 4 } }"#;
        let config = Config::from_json(json).unwrap();
        assert_eq!(config.unet.down_block_types.len(), 2);
    }

    #[test]
    fn parts_keep_the_defaults_of_the_whole() {
        let json = r#"{ "scheduler": { "num_train_timesteps": 100 } }"#;
        let mut expected = Config::default();
        expected.scheduler.num_train_timesteps = 100;
        assert_eq!(Config::from_json(json).unwrap(), expected);
    }

    #[test]
    fn a_size_given_apart_comes_first() {
        let of = |json, size| Config::parse_json(json, size).unwrap();
        assert_eq!(of(r#"{ "size": 64 }"#, None), Config::for_size(64));
        assert_eq!(of(r#"{ "size": 16 }"#, Some(64)), Config::for_size(64));
    }

    #[test]
    fn a_learned_variance_makes_a_network_that_predicts_it() {
        let scheduler = r#""scheduler": { "variance_type": "learned_range" }"#;
        let config = Config::from_json(&format!("{{ {scheduler} }}")).unwrap();
        assert_eq!(config.unet.out_channels, 6);
        let json = format!(r#"{{ {scheduler}, "unet": {{ "out_channels": 3 }} }}"#);
        assert!(Config::from_json(&json).is_err());
    }

    #[test]
    fn images_may_be_grey_or_have_alpha() {
        for (channels, learned) in [(1, false), (4, false), (1, true), (4, true)] {
            let kind = if learned {
                "learned_range"
            } else {
                "fixed_small"
            };
            let json = format!(
                r#"{{ "unet": {{ "in_channels": {channels} }}, "scheduler": {{ "variance_type": "{kind}" }} }}"#
            );
            let config = Config::from_json(&json).unwrap();
            let outputs = if learned { 2 * channels } else { channels };
            assert_eq!(
                (config.channels(), config.unet.out_channels),
                (channels, outputs)
            );
            assert_eq!(
                config.clone().with_channels(3).with_channels(channels),
                config
            );
        }
        for channels in [0, 2, 5, usize::MAX] {
            let json = format!(r#"{{ "unet": {{ "in_channels": {channels} }} }}"#);
            let error = Config::from_json(&json).unwrap_err().to_string();
            assert!(error.contains("in_channels"), "{error}");
        }
    }

    #[test]
    fn labels_make_a_network_that_knows_them() {
        let config = Config::from_json(r#"{ "labels": ["cat", "dog"] }"#).unwrap();
        assert_eq!(config.unet.num_class_embeds, Some(3));
        for (json, word) in [
            (r#"{ "labels": ["cat", "cat"] }"#, "twice"),
            (r#"{ "labels": ["cat", ""] }"#, "name"),
            (
                r#"{ "labels": ["cat"], "unet": { "num_class_embeds": 4 } }"#,
                "must be 2",
            ),
            (
                r#"{ "training": { "class_dropout_prob": 2 } }"#,
                "class_dropout_prob",
            ),
            (r#"{ "unet": { "num_class_embeds": 1 } }"#, "2 to 10001"),
        ] {
            let error = Config::from_json(json).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn what_could_only_give_infinities_is_refused_by_name() {
        for (json, name) in [
            (r#"{ "unet": { "freq_shift": 16 } }"#, "freq_shift"),
            (r#"{ "unet": { "norm_eps": 1e-50 } }"#, "norm_eps"),
            (
                r#"{ "training": { "adam_epsilon": 1e-50 } }"#,
                "adam_epsilon",
            ),
            (r#"{ "scheduler": { "shift": 1e-17 } }"#, "shift"),
        ] {
            let error = Config::from_json(json).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn misspelt_fields_are_refused_by_name() {
        for (json, name) in [
            (r#"{ "sise": 32 }"#, "sise"),
            (
                r#"{ "training": { "batchsize": 4 } }"#,
                "training.batchsize",
            ),
            (r#"{ "unet": 3 }"#, "unet"),
            (r#"{ "size": -1 }"#, "size must be a whole number"),
            (
                r#"{ "training": { "batch_size": 0.5 } }"#,
                "training.batch_size must be a whole number",
            ),
            (
                r#"{ "unet": { "block_out_channels": null } }"#,
                "unet.block_out_channels must be a list",
            ),
            ("[]", "object"),
        ] {
            let error = Config::from_json(json).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}

//! The network's hyper-parameters, with the fields of diffusers' `config.json`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Error, Result};

/// A resolution level on the way down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownBlockType {
    /// Residual blocks alone.
    DownBlock2D,
    /// With self-attention after every residual block.
    AttnDownBlock2D,
}

/// A resolution level on the way up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpBlockType {
    /// Residual blocks alone.
    UpBlock2D,
    /// With self-attention after every residual block.
    AttnUpBlock2D,
}

/// Hyper-parameters of [`super::UNet`]. Absent fields take the defaults of [`UNetConfig::default`];
/// [`UNetConfig::from_diffusers`] takes those of `UNet2DModel`, and checks its fields that only
/// have one supported value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UNetConfig {
    /// Channels of x_t.
    pub in_channels: usize,
    /// Channels of the prediction.
    pub out_channels: usize,
    /// Width of each level, finest first; the resolution halves between levels.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks per level on the way down; one more on the way up.
    pub layers_per_block: usize,
    /// The kind of each level's blocks on the way down, finest first.
    pub down_block_types: Vec<DownBlockType>,
    /// The kind of each level's blocks on the way up, coarsest first.
    pub up_block_types: Vec<UpBlockType>,
    /// Whether the middle block has self-attention.
    pub add_attention: bool,
    /// Channels of one attention head; `None` for one head as wide as the block.
    pub attention_head_dim: Option<usize>,
    /// Groups of every group norm; must divide every width.
    pub norm_num_groups: usize,
    /// Added to variances in group norms.
    pub norm_eps: f64,
    /// Time embedding: cosines before sines.
    pub flip_sin_to_cos: bool,
    /// Time embedding: shift of the frequencies.
    pub freq_shift: f64,
    /// Rows of the class embedding, which is added to the time embedding; `None` for a network
    /// that knows no classes. The last row is the null class, "any" (Ho & Salimans 2022).
    pub num_class_embeds: Option<usize>,
}

impl Default for UNetConfig {
    fn default() -> Self {
        Self::with_widths(vec![32, 64, 64])
    }
}

impl UNetConfig {
    /// One layer a level, no attention, eight groups.
    pub fn with_widths(block_out_channels: Vec<usize>) -> Self {
        let levels = block_out_channels.len();
        Self {
            in_channels: 3,
            out_channels: 3,
            block_out_channels,
            layers_per_block: 1,
            down_block_types: vec![DownBlockType::DownBlock2D; levels],
            up_block_types: vec![UpBlockType::UpBlock2D; levels],
            add_attention: false,
            attention_head_dim: Some(8),
            norm_num_groups: 8,
            norm_eps: 1e-5,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            num_class_embeds: None,
        }
    }

    /// The index of the null class, which is also the number of classes; `None` for a network that
    /// knows none.
    pub fn null_class(&self) -> Option<usize> {
        self.num_class_embeds.map(|count| count.saturating_sub(1))
    }

    /// Whether any block has self-attention.
    pub fn has_attention(&self) -> bool {
        self.add_attention
            || self
                .down_block_types
                .contains(&DownBlockType::AttnDownBlock2D)
            || self.up_block_types.contains(&UpBlockType::AttnUpBlock2D)
    }

    /// Reads the `config.json` of a `UNet2DModel`.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field whose value is not supported.
    pub fn from_diffusers(json: &Value) -> Result<Self> {
        /// Fields that have one supported value, besides being absent or null.
        const FIXED: &[(&str, &str)] = &[
            ("act_fn", "\"silu\""),
            ("attn_norm_num_groups", "null"),
            ("center_input_sample", "false"),
            ("class_embed_type", "null"),
            ("downsample_padding", "1"),
            ("downsample_type", "\"conv\""),
            ("dropout", "0"),
            ("mid_block_scale_factor", "1"),
            ("mid_block_type", "\"UNetMidBlock2D\""),
            ("resnet_time_scale_shift", "\"default\""),
            ("time_embedding_dim", "null"),
            ("time_embedding_type", "\"positional\""),
            ("upsample_type", "\"conv\""),
        ];
        refuse_unsupported(json, FIXED)?;
        if json.get("mid_block_type").is_some_and(Value::is_null) {
            return Err(Error::Config(
                "mid_block_type = null is not supported: the network needs its middle block."
                    .into(),
            ));
        }
        // What UNet2DModel takes where a file says nothing, and we take something else.
        let mut fields = json!({
            "add_attention": true,
            "block_out_channels": [224, 448, 672, 896],
            "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
            "layers_per_block": 2,
            "norm_num_groups": 32,
            "up_block_types": ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
        });
        for (name, value) in json.as_object().into_iter().flatten() {
            fields[name] = value.clone();
        }
        let config: Self = serde_json::from_value(fields).map_err(|source| Error::ConfigJson {
            part: "unet: ",
            source,
        })?;
        config.validate()?;
        Ok(config)
    }

    /// The `config.json` of a `UNet2DModel` for images of `sample_size` pixels a side.
    ///
    /// # Errors
    /// [`Error::Config`] when it cannot be written as JSON.
    pub fn to_diffusers(&self, sample_size: usize) -> Result<Value> {
        let mut json = serde_json::to_value(self).map_err(|source| Error::ConfigJson {
            part: "unet: ",
            source,
        })?;
        json["_class_name"] = json!("UNet2DModel");
        json["sample_size"] = json!(sample_size);
        Ok(json)
    }

    /// The side of images must be a multiple of this.
    pub fn size_multiple(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }

    /// Checks that a network of this shape exists and is of a sensible size.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field at fault.
    pub fn validate(&self) -> Result<()> {
        let levels = self.block_out_channels.len();
        let refuse = |reason: String| Err(Error::Config(reason));
        if !(1..=6).contains(&levels) {
            return refuse(format!(
                "block_out_channels has {levels} levels, but 1 to 6 are possible."
            ));
        }
        if self.down_block_types.len() != levels || self.up_block_types.len() != levels {
            return refuse(format!(
                "down_block_types and up_block_types must each have {levels} entries, one per \
                 level."
            ));
        }
        if !(1..=4).contains(&self.in_channels) || !(1..=8).contains(&self.out_channels) {
            return refuse("in_channels must be 1 to 4 and out_channels 1 to 8.".into());
        }
        if !(1..=8).contains(&self.layers_per_block) {
            return refuse("layers_per_block must be 1 to 8.".into());
        }
        if self
            .num_class_embeds
            .is_some_and(|count| !(2..=10_001).contains(&count))
        {
            return refuse(
                "num_class_embeds must be null or 2 to 10001: the classes and the null class."
                    .into(),
            );
        }
        for &width in &self.block_out_channels {
            if !(2..=1024).contains(&width) || width % 2 != 0 {
                return refuse(format!(
                    "a width of {width} in block_out_channels is not possible: even numbers from \
                     2 to 1024 are."
                ));
            }
            if self.norm_num_groups == 0 || width % self.norm_num_groups != 0 {
                return refuse(format!(
                    "norm_num_groups = {} does not divide the width {width}.",
                    self.norm_num_groups
                ));
            }
        }
        let mut attended: Vec<usize> = (0..levels)
            .filter(|&level| {
                self.down_block_types[level] == DownBlockType::AttnDownBlock2D
                    || self.up_block_types[levels - 1 - level] == UpBlockType::AttnUpBlock2D
            })
            .map(|level| self.block_out_channels[level])
            .collect();
        if self.add_attention {
            attended.push(self.block_out_channels[levels - 1]);
        }
        for width in attended {
            if self
                .attention_head_dim
                .is_some_and(|dim| dim == 0 || dim > width)
            {
                return refuse(format!(
                    "attention_head_dim must be between 1 and {width}, the width of a level with \
                     attention."
                ));
            }
        }
        // Networks compute in f32, where what is smaller is 0.
        if !(self.norm_eps as f32 > 0.0 && self.norm_eps < 1.0) {
            return refuse("norm_eps must be between 1e-45 and 1.".into());
        }
        let half = self.block_out_channels[0] / 2;
        if !(self.freq_shift >= 0.0 && self.freq_shift < half as f64) {
            return refuse(format!(
                "freq_shift must be at least 0 and below {half}, half of the first width."
            ));
        }
        Ok(())
    }
}

/// Refuses fields of a diffusers file whose value is neither absent, null, nor the one (as JSON)
/// that is supported.
///
/// # Errors
/// [`Error::Config`] naming the first such field.
pub(crate) fn refuse_unsupported(json: &Value, fixed: &[(&str, &str)]) -> Result<()> {
    for (field, supported) in fixed {
        let value = &json[*field];
        let expected: Value = serde_json::from_str(supported).unwrap_or_default();
        // Numbers by value: 0 is 0.0.
        let same_number = value.is_number() && value.as_f64() == expected.as_f64();
        if !value.is_null() && *value != expected && !same_number {
            return Err(Error::Config(format!(
                "{field} = {value} is not supported, only {supported}."
            )));
        }
    }
    Ok(())
}

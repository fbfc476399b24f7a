//! The U-Net: down through coarser and wider levels, through the middle, and up again, each level
//! on the way up seeing what its counterpart on the way down produced.

mod footprint;

use burn::tensor::{Tensor, TensorData};

pub use footprint::Footprint;

use super::{
    ParameterSpec, UNetConfig, Weights,
    attention::Attention,
    config::{DownBlockType, UpBlockType},
    embedding::timestep_embedding,
    layers::{Conv2d, Embedding, GroupNorm, Init, Scope, StackedLinear},
    parameters::ParameterList,
    resnet::ResnetBlock,
};
use crate::{
    error::Result,
    ops::{self, Kernels},
    random::Random,
};

/// A residual block and, where the level has attention, the attention that follows it.
#[derive(Debug)]
struct Layer {
    resnet: ResnetBlock,
    attention: Option<Attention>,
}

impl Layer {
    /// Of the input and of the output.
    fn channels(&self) -> [usize; 2] {
        self.resnet.channels
    }

    /// Heads of the attention and channels of all of them.
    fn attention(&self) -> Option<[usize; 2]> {
        let attention = self.attention.as_ref()?;
        Some([attention.heads, attention.heads * attention.head_dim])
    }

    fn forward<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
        skip: Option<Tensor<B, 4>>,
        time: &Tensor<B, 4>,
    ) -> Tensor<B, 4> {
        let x = self.resnet.forward(weights, x, skip, time.clone());
        match &self.attention {
            Some(attention) => attention.forward(weights, x),
            None => x,
        }
    }
}

/// The layers of one resolution and the convolution that leaves it.
#[derive(Debug)]
struct Level {
    layers: Vec<Layer>,
    /// Strided on the way down, after upsampling on the way up; absent at the last level.
    resample: Option<Conv2d>,
}

/// The conditioning of each item, beside the image: numbers for the host, tensors for the network.
#[derive(Debug, Clone)]
pub struct Conditioning<T> {
    /// The sinusoidal embedding of its time, `[n, 1, 1, block_out_channels[0]]`.
    pub time: T,
    /// Where the network knows classes, a 1 in the place of its own, `[n, 1, 1, num_class_embeds]`.
    pub class: Option<T>,
}

/// The structure of a `UNet2DModel`.
#[derive(Debug)]
pub struct UNet {
    config: UNetConfig,
    specs: Vec<ParameterSpec>,
    conv_in: Conv2d,
    time_linear_1: Conv2d,
    time_linear_2: Conv2d,
    class_embedding: Option<Embedding>,
    /// Of all residual blocks.
    time_emb_proj: StackedLinear,
    down: Vec<Level>,
    mid: [Layer; 2],
    up: Vec<Level>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl UNet {
    /// # Errors
    /// [`crate::error::Error::Config`] when [`UNetConfig::validate`] refuses.
    pub fn new(config: UNetConfig) -> Result<Self> {
        config.validate()?;
        let mut list = ParameterList::default();
        let mut root = Scope::root(&mut list);
        let widths = &config.block_out_channels;
        let finest = widths[0];
        let coarsest = widths[widths.len() - 1];
        let time_embed_dim = 4 * finest;

        let conv_in = Conv2d::new(
            root.child("conv_in"),
            [config.in_channels, finest],
            3,
            1,
            Init::Random,
        );
        let mut time_embedding = root.child("time_embedding");
        let time_linear_1 = Conv2d::linear(
            time_embedding.child("linear_1"),
            [finest, time_embed_dim],
            Init::Random,
        );
        let time_linear_2 = Conv2d::linear(
            time_embedding.child("linear_2"),
            [time_embed_dim, time_embed_dim],
            Init::Random,
        );
        let class_embedding = config
            .num_class_embeds
            .map(|rows| Embedding::new(root.child("class_embedding"), rows, time_embed_dim));
        let mut time_emb_proj = StackedLinear::new(time_embed_dim);
        let down = down_levels(root.child("down_blocks"), &mut time_emb_proj, &config);
        let mid_scope = root.child("mid_block");
        let mid = mid_layers(mid_scope, coarsest, &mut time_emb_proj, &config);
        let up = up_levels(root.child("up_blocks"), &mut time_emb_proj, &config);
        let conv_norm_out = GroupNorm::new(root.child("conv_norm_out"), finest, &config);
        let conv_out = Conv2d::new(
            root.child("conv_out"),
            [finest, config.out_channels],
            3,
            1,
            Init::Zero,
        );
        Ok(Self {
            specs: list.into_specs(),
            config,
            conv_in,
            time_linear_1,
            time_linear_2,
            class_embedding,
            time_emb_proj,
            down,
            mid,
            up,
            conv_norm_out,
            conv_out,
        })
    }

    /// What it was made from.
    pub fn config(&self) -> &UNetConfig {
        &self.config
    }

    /// Every parameter, in the order [`Weights`] has them.
    pub fn parameters(&self) -> &[ParameterSpec] {
        &self.specs
    }

    /// Number of values in all parameters.
    pub fn parameter_count(&self) -> usize {
        self.specs.iter().map(ParameterSpec::count).sum()
    }

    /// Number of tensors in diffusers' state dict.
    pub fn state_dict_len(&self) -> usize {
        self.specs.iter().map(|spec| spec.tensors.len()).sum()
    }

    /// Weights to start training from.
    pub fn initial_weights<B: Kernels>(&self, seed: u64, device: &B::Device) -> Weights<B> {
        let random = Random::new(seed);
        let specs = self.specs.iter();
        let tensors = specs.map(|spec| spec.tensor::<B>(spec.initial_values(&random), device));
        Weights::new(tensors.collect())
    }

    /// What [`UNet::forward_conditioned`] takes for `timesteps` and `class_labels`, one per item;
    /// see [`UNet::forward`].
    pub fn conditioning(
        &self,
        timesteps: &[f64],
        class_labels: Option<&[usize]>,
    ) -> Conditioning<TensorData> {
        let UNetConfig {
            flip_sin_to_cos,
            freq_shift,
            ..
        } = self.config;
        let dim = self.config.block_out_channels[0];
        let time = timestep_embedding(timesteps, dim, flip_sin_to_cos, freq_shift);
        Conditioning {
            time: TensorData::new(time, [timesteps.len(), 1, 1, dim]),
            class: self.config.null_class().map(|null| {
                let any = vec![null; timesteps.len()];
                ops::one_hot(class_labels.unwrap_or(&any), null + 1)
            }),
        }
    }

    /// The network's prediction for `x` `[n, in_channels, h, w]` at `timesteps` (one per item):
    /// `[n, out_channels, h, w]`. `h` and `w` must be multiples of
    /// [`UNetConfig::size_multiple`].
    ///
    /// `class_labels` (one per item, below [`UNetConfig::num_class_embeds`]) condition a network
    /// that knows classes; without them every item is of the null class.
    pub fn forward<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
        timesteps: &[f64],
        class_labels: Option<&[usize]>,
    ) -> Tensor<B, 4> {
        let device = weights.device();
        let Conditioning { time, class } = self.conditioning(timesteps, class_labels);
        let conditioning = Conditioning {
            time: Tensor::from_data(time, &device),
            class: class.map(|class| Tensor::from_data(class, &device)),
        };
        self.forward_conditioned(weights, x, conditioning)
    }

    /// [`UNet::forward`] with the conditioning already on the device.
    pub fn forward_conditioned<B: Kernels>(
        &self,
        weights: &Weights<B>,
        x: Tensor<B, 4>,
        conditioning: Conditioning<Tensor<B, 4>>,
    ) -> Tensor<B, 4> {
        let time = self.embedding(weights, conditioning);
        let mut x = self.conv_in.forward(weights, x.permute([0, 2, 3, 1]));
        let mut skips = vec![x.clone()];
        for level in &self.down {
            for layer in &level.layers {
                x = layer.forward(weights, x, None, &time);
                skips.push(x.clone());
            }
            if let Some(downsample) = &level.resample {
                x = downsample.forward(weights, x);
                skips.push(x.clone());
            }
        }
        for layer in &self.mid {
            x = layer.forward(weights, x, None, &time);
        }
        for level in &self.up {
            for layer in &level.layers {
                x = layer.forward(weights, x, skips.pop(), &time);
            }
            if let Some(upsample) = &level.resample {
                x = upsample.forward(weights, x);
            }
        }
        let x = self.conv_norm_out.forward_silu(weights, x);
        self.conv_out.forward(weights, x).permute([0, 3, 1, 2])
    }

    /// The projections of the time embedding for all residual blocks, `[n, 1, 1, ..]`. SiLU comes
    /// before, and the classes' embeddings are added before that.
    fn embedding<B: Kernels>(
        &self,
        weights: &Weights<B>,
        Conditioning { time, class }: Conditioning<Tensor<B, 4>>,
    ) -> Tensor<B, 4> {
        let hidden = self.time_linear_1.forward(weights, time);
        let mut embedding = self.time_linear_2.forward_after_silu(weights, hidden);
        if let (Some(table), Some(class)) = (&self.class_embedding, class) {
            embedding = embedding + table.forward(weights, class);
        }
        let projections = (self.time_emb_proj).forward_after_silu(weights, embedding.clone());
        projections.unwrap_or(embedding)
    }
}

/// A level's layers from the widths each sees and gives.
fn layers(
    scope: &mut Scope,
    widths: impl IntoIterator<Item = [usize; 2]>,
    attention: bool,
    time_emb_proj: &mut StackedLinear,
    config: &UNetConfig,
) -> Vec<Layer> {
    widths
        .into_iter()
        .enumerate()
        .map(|(index, widths)| Layer {
            resnet: ResnetBlock::new(
                scope.child(&format!("resnets.{index}")),
                widths,
                time_emb_proj,
                config,
            ),
            attention: attention.then(|| {
                Attention::new(
                    scope.child(&format!("attentions.{index}")),
                    widths[1],
                    config,
                )
            }),
        })
        .collect()
}

fn down_levels(
    mut scope: Scope,
    time_emb_proj: &mut StackedLinear,
    config: &UNetConfig,
) -> Vec<Level> {
    let widths = &config.block_out_channels;
    let last = widths.len() - 1;
    (0..widths.len())
        .map(|index| {
            let mut scope = scope.child(&index.to_string());
            let width = widths[index];
            let first = [widths[index.saturating_sub(1)], width];
            let rest = std::iter::repeat_n([width, width], config.layers_per_block - 1);
            let attention = config.down_block_types[index] == DownBlockType::AttnDownBlock2D;
            Level {
                layers: layers(
                    &mut scope,
                    std::iter::once(first).chain(rest),
                    attention,
                    time_emb_proj,
                    config,
                ),
                resample: (index != last).then(|| {
                    Conv2d::new(
                        scope.child("downsamplers.0.conv"),
                        [width, width],
                        3,
                        2,
                        Init::Random,
                    )
                }),
            }
        })
        .collect()
}

fn mid_layers(
    mut scope: Scope,
    width: usize,
    time_emb_proj: &mut StackedLinear,
    config: &UNetConfig,
) -> [Layer; 2] {
    let attention = config
        .add_attention
        .then(|| Attention::new(scope.child("attentions.0"), width, config));
    let mut resnet =
        |name: &str| ResnetBlock::new(scope.child(name), [width, width], time_emb_proj, config);
    [
        Layer {
            resnet: resnet("resnets.0"),
            attention,
        },
        Layer {
            resnet: resnet("resnets.1"),
            attention: None,
        },
    ]
}

fn up_levels(
    mut scope: Scope,
    time_emb_proj: &mut StackedLinear,
    config: &UNetConfig,
) -> Vec<Level> {
    // Coarsest first.
    let widths: Vec<usize> = config.block_out_channels.iter().rev().copied().collect();
    let last = widths.len() - 1;
    (0..widths.len())
        .map(|index| {
            let mut scope = scope.child(&index.to_string());
            let width = widths[index];
            let from_below = widths[index.saturating_sub(1)];
            // The last layer's skip comes from the entrance of the level on the way down, which
            // has the width of the next finer level.
            let finer = widths[(index + 1).min(last)];
            let layer_widths = (0..=config.layers_per_block).map(|layer| {
                let skip = if layer == config.layers_per_block {
                    finer
                } else {
                    width
                };
                let input = if layer == 0 { from_below } else { width };
                [input + skip, width]
            });
            let attention = config.up_block_types[index] == UpBlockType::AttnUpBlock2D;
            Level {
                layers: layers(&mut scope, layer_widths, attention, time_emb_proj, config),
                resample: (index != last).then(|| {
                    Conv2d::new(
                        scope.child("upsamplers.0.conv"),
                        [width, width],
                        3,
                        1,
                        Init::Random,
                    )
                    .upsampling()
                }),
            }
        })
        .collect()
}

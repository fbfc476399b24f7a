//! What the network's parameters are called, how they are laid out, and where they start.

use burn::tensor::{Tensor, TensorData, TensorMetadata, backend::Backend, ops::FloatTensor};

use crate::{
    ops::{MixedPrecision, from_primitive, into_primitive},
    random::{Random, Stream},
};

/// What a parameter is, which decides its layout and its initial values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// diffusers `[out, in, k, k]`, ours `[k, k, in, out]`.
    ConvWeight,
    /// diffusers `[out, in]`, ours `[1, 1, in, out]`.
    LinearWeight,
    /// A row for each class: diffusers `[classes, width]`, ours `[1, 1, classes, width]`.
    Embedding,
    /// Bias of a convolution or linear layer whose inputs number `fan_in`.
    Bias {
        /// Inputs of one output.
        fan_in: usize,
    },
    /// Scale of a group norm.
    NormWeight,
    /// Shift of a group norm.
    NormBias,
}

/// A tensor of diffusers' state dict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDictTensor {
    /// Its name there.
    pub name: String,
    /// Its shape there.
    pub shape: Vec<usize>,
    /// Its place among all tensors of the network, which picks its initial values.
    position: usize,
}

impl StateDictTensor {
    /// Number of values.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// One parameter tensor of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterSpec {
    /// What it is in diffusers' state dict: one tensor, or several that are stacked along the first
    /// axis.
    pub tensors: Vec<StateDictTensor>,
    /// Its shape in diffusers' layout.
    pub shape: Vec<usize>,
    /// What it is for, which decides its layout and its initial values.
    pub kind: ParameterKind,
    /// Whether training starts from zeros: the last layer of a residual branch and of the network
    /// (Ho et al. 2020, appendix B), so that every block starts as the identity.
    pub zero_init: bool,
}

impl ParameterSpec {
    /// Number of values.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The shape that the operations of [`crate::ops`] want.
    pub fn channels_last_shape(&self) -> Vec<usize> {
        match self.kind {
            ParameterKind::ConvWeight => {
                let [out, inputs, k] = [self.shape[0], self.shape[1], self.shape[2]];
                vec![k, k, inputs, out]
            }
            ParameterKind::LinearWeight => vec![1, 1, self.shape[1], self.shape[0]],
            ParameterKind::Embedding => vec![1, 1, self.shape[0], self.shape[1]],
            _ => self.shape.clone(),
        }
    }

    /// Index in diffusers' layout of each value in ours, in our order.
    fn diffusers_indices(&self) -> impl Iterator<Item = usize> {
        let [taps, inputs, outputs] = match self.kind {
            ParameterKind::ConvWeight => {
                [self.shape[2] * self.shape[3], self.shape[1], self.shape[0]]
            }
            ParameterKind::LinearWeight => [1, self.shape[1], self.shape[0]],
            // One "output" and as many "inputs" as values: the identity.
            _ => [1, self.count(), 1],
        };
        (0..taps).flat_map(move |tap| {
            (0..inputs).flat_map(move |input| {
                (0..outputs).map(move |output| (output * inputs + input) * taps + tap)
            })
        })
    }

    /// Values in diffusers' layout to ours.
    pub fn channels_last_from_diffusers(&self, values: &[f32]) -> Vec<f32> {
        self.diffusers_indices()
            .map(|index| values[index])
            .collect()
    }

    /// Values in our layout to diffusers'.
    pub fn diffusers_from_channels_last(&self, values: &[f32]) -> Vec<f32> {
        let mut result = vec![0.0; values.len()];
        for (value, index) in values.iter().zip(self.diffusers_indices()) {
            result[index] = *value;
        }
        result
    }

    /// Initial values in our layout: PyTorch's defaults, uniform within ±1/√fan_in for weights and
    /// biases and standard normal for embeddings, except where [`ParameterSpec::zero_init`] says
    /// zeros.
    pub fn initial_values(&self, random: &Random) -> Vec<f32> {
        let stacked: Vec<f32> = (self.tensors.iter())
            .flat_map(|tensor| {
                let alone = Self {
                    tensors: Vec::new(),
                    shape: tensor.shape.clone(),
                    ..*self
                };
                alone.diffusers_from_channels_last(&alone.draw(random, tensor.position))
            })
            .collect();
        self.channels_last_from_diffusers(&stacked)
    }

    /// [`ParameterSpec::initial_values`] of one tensor.
    fn draw(&self, random: &Random, position: usize) -> Vec<f32> {
        let count = self.count();
        let uniform = |fan_in: usize| {
            let bound = 1.0 / (fan_in as f64).sqrt();
            (0..count as u64)
                .map(|index| {
                    let u = random.uniform(Stream::Weights, position as u32, index);
                    ((2.0 * u - 1.0) * bound) as f32
                })
                .collect()
        };
        match self.kind {
            _ if self.zero_init => vec![0.0; count],
            ParameterKind::ConvWeight | ParameterKind::LinearWeight => {
                uniform(self.shape[1..].iter().product())
            }
            ParameterKind::Embedding => random.normals(Stream::Weights, position as u32, 0, count),
            ParameterKind::Bias { fan_in } => uniform(fan_in),
            ParameterKind::NormWeight => vec![1.0; count],
            ParameterKind::NormBias => vec![0.0; count],
        }
    }

    /// Values in diffusers' layout from those of each of [`ParameterSpec::tensors`].
    ///
    /// # Errors
    /// What `read` fails with.
    pub fn stacked<E>(
        &self,
        read: impl FnMut(&StateDictTensor) -> std::result::Result<Vec<f32>, E>,
    ) -> std::result::Result<Vec<f32>, E> {
        let values: std::result::Result<Vec<_>, E> = self.tensors.iter().map(read).collect();
        Ok(values?.concat())
    }

    /// Values in diffusers' layout, as the values of each of [`ParameterSpec::tensors`].
    pub fn unstacked<'a>(
        &'a self,
        values: &'a [f32],
    ) -> impl Iterator<Item = (&'a StateDictTensor, &'a [f32])> {
        self.tensors.iter().scan(values, |rest, tensor| {
            let (own, others) = rest.split_at(tensor.count());
            *rest = others;
            Some((tensor, own))
        })
    }

    /// A tensor of this parameter's shape from values in our layout.
    pub fn tensor<B: Backend>(&self, values: Vec<f32>, device: &B::Device) -> FloatTensor<B> {
        let data = TensorData::new(values, self.channels_last_shape());
        match self.kind {
            ParameterKind::ConvWeight | ParameterKind::LinearWeight | ParameterKind::Embedding => {
                into_primitive(Tensor::<B, 4>::from_data(data, device))
            }
            _ => into_primitive(Tensor::<B, 1>::from_data(data, device)),
        }
    }
}

/// A reference to a parameter of rank `D`: its position in the list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter<const D: usize>(usize);

/// Collects the parameters while the network's structure is built.
#[derive(Debug, Default)]
pub(super) struct ParameterList {
    specs: Vec<ParameterSpec>,
    /// Number of tensors in diffusers' state dict.
    tensors: usize,
}

impl ParameterList {
    pub(super) fn add<const D: usize>(
        &mut self,
        name: String,
        shape: Vec<usize>,
        kind: ParameterKind,
        zero_init: bool,
    ) -> Parameter<D> {
        let tensor = self.tensor(name, shape.clone());
        self.specs.push(ParameterSpec {
            tensors: vec![tensor],
            shape,
            kind,
            zero_init,
        });
        Parameter(self.specs.len() - 1)
    }

    /// Stacks a tensor of `rows` rows onto `parameter`.
    pub(super) fn stack<const D: usize>(
        &mut self,
        parameter: Parameter<D>,
        name: String,
        rows: usize,
    ) {
        let mut shape = self.specs[parameter.0].shape.clone();
        shape[0] = rows;
        let tensor = self.tensor(name, shape);
        let spec = &mut self.specs[parameter.0];
        spec.shape[0] += rows;
        spec.tensors.push(tensor);
    }

    fn tensor(&mut self, name: String, shape: Vec<usize>) -> StateDictTensor {
        self.tensors += 1;
        StateDictTensor {
            name,
            shape,
            position: self.tensors - 1,
        }
    }

    pub(super) fn into_specs(self) -> Vec<ParameterSpec> {
        self.specs
    }
}

/// The numbers of a network: one tensor per parameter, in the order of
/// [`super::UNet::parameters`], in our layout.
#[derive(Debug, Clone)]
pub struct Weights<B: Backend> {
    tensors: Vec<FloatTensor<B>>,
    mixed_precision: MixedPrecision,
}

impl<B: Backend> Weights<B> {
    /// Weights of `tensors`, one per parameter, in the network's order, with which everything is
    /// computed in f32.
    pub fn new(tensors: Vec<FloatTensor<B>>) -> Self {
        Self {
            tensors,
            mixed_precision: MixedPrecision::No,
        }
    }

    /// The same weights, with which feature maps are stored as `mixed_precision` says.
    pub fn with_mixed_precision(self, mixed_precision: MixedPrecision) -> Self {
        Self {
            mixed_precision,
            ..self
        }
    }

    /// Weights from values in diffusers' layout, one vector per parameter.
    pub fn from_diffusers(
        specs: &[ParameterSpec],
        values: &[Vec<f32>],
        device: &B::Device,
    ) -> Self {
        let tensors = specs.iter().zip(values).map(|(spec, values)| {
            spec.tensor::<B>(spec.channels_last_from_diffusers(values), device)
        });
        Self::new(tensors.collect())
    }

    /// The tensors, in the order of the parameters.
    pub fn tensors(&self) -> &[FloatTensor<B>] {
        &self.tensors
    }

    /// The device the weights live on.
    pub fn device(&self) -> B::Device {
        B::float_device(&self.tensors[0])
    }

    /// What feature maps computed with these weights are stored as.
    pub fn mixed_precision(&self) -> MixedPrecision {
        self.mixed_precision
    }

    pub(super) fn get<const D: usize>(&self, parameter: Parameter<D>) -> Tensor<B, D> {
        let tensor = self.tensors[parameter.0].clone();
        debug_assert_eq!(tensor.shape().num_dims(), D);
        from_primitive(tensor)
    }
}

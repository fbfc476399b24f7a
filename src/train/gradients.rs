//! Gradients of the loss, also on their way between workers.

use burn::{
    backend::Autodiff,
    tensor::{
        TensorMetadata,
        backend::{AutodiffBackend, Backend},
        ops::FloatTensor,
    },
};

use super::read_all;
use crate::{
    error::{Error, Result},
    model::{UNet, Weights},
    ops::{Kernels, ParameterState, sum_parts},
};

/// Gradients of the loss, one tensor per parameter of the network; partial sums until they are
/// summed, see [`Kernels`].
#[derive(Debug, Clone)]
pub struct Gradients<B: Backend>(pub(super) Vec<FloatTensor<B>>);

impl<B: Kernels> Gradients<B> {
    /// Those of `weights` among `grads`, the result of a backward pass.
    pub(super) fn of(
        weights: &Weights<Autodiff<B>>,
        grads: &<Autodiff<B> as AutodiffBackend>::Gradients,
    ) -> Self {
        let gradient = |leaf: &FloatTensor<Autodiff<B>>| {
            // A parameter outside the graph has no gradient; it then stays as it is.
            Autodiff::<B>::grad(leaf, grads).unwrap_or_else(|| {
                let value = Autodiff::<B>::inner(leaf.clone());
                B::float_mul_scalar(value, 0f32.into())
            })
        };
        Self(weights.tensors().iter().map(gradient).collect())
    }

    /// The gradients of `parameters` themselves, where these are partial sums.
    pub(super) fn summed(self, parameters: &[ParameterState<B>]) -> Self {
        let ranks = parameters
            .iter()
            .map(|state| state.value.shape().num_dims());
        let grads = self.0.into_iter().zip(ranks);
        Self(
            grads
                .map(|(grad, rank)| sum_parts::<B>(grad, rank))
                .collect(),
        )
    }

    /// All values in one list, in the order and layout of the parameters.
    ///
    /// # Errors
    /// [`Error::Device`] when the device was lost.
    pub async fn into_flat(self) -> Result<Vec<f32>> {
        Ok(read_all::<B>(self.0).await?.concat())
    }

    /// The opposite of [`Gradients::into_flat`].
    ///
    /// # Errors
    /// [`Error::Config`] when `values` are not one for each value of the parameters.
    pub fn from_flat(values: &[f32], unet: &UNet, device: &B::Device) -> Result<Self> {
        if values.len() != unet.parameter_count() {
            return Err(Error::Config(format!(
                "there are {} gradients for a network of {} values.",
                values.len(),
                unet.parameter_count()
            )));
        }
        let mut rest = values;
        let tensors = unet
            .parameters()
            .iter()
            .map(|spec| {
                let (own, others) = rest.split_at(spec.count());
                rest = others;
                spec.tensor::<B>(own.to_vec(), device)
            })
            .collect();
        Ok(Self(tensors))
    }
}

//! Gradients on their way between workers.

use burn::tensor::{backend::Backend, ops::FloatTensor};

use super::read_all;
use crate::{
    error::{Error, Result},
    model::UNet,
};

/// Gradients of the loss, one tensor per parameter of the network.
#[derive(Debug, Clone)]
pub struct Gradients<B: Backend>(pub(super) Vec<FloatTensor<B>>);

impl<B: Backend> Gradients<B> {
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

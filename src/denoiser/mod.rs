//! Denoisers: a network with its weights, alone or guided, and the ideal denoiser of a data set.

mod guided;
mod ideal;
mod network;

use burn::tensor::{Tensor, backend::Backend};

pub use guided::{Guidance, Guided};
pub use ideal::IdealDenoiser;
pub use network::NetworkDenoiser;

use crate::{
    diffusion::{ModelOutput, NoiseLevel, Prediction, PredictionType, X0Clipping},
    ops::Kernels,
};

/// A model of what x_t was before it was noised.
pub trait Denoiser<B: Backend> {
    /// How [`ModelOutput::values`] is to be read.
    fn prediction_type(&self) -> PredictionType;

    /// What it says about `x_t` `[batch, channels, height, width]`, all of it at `level`, whose
    /// images are of `class_labels`, one each. Without them images are of any class; a denoiser
    /// that knows no classes does not look at them.
    fn output(
        &self,
        x_t: Tensor<B, 4>,
        level: NoiseLevel,
        class_labels: Option<&[usize]>,
    ) -> ModelOutput<B>;

    /// What its output about `x_t` means for x_0, which is clipped, and ε; arguments as for
    /// [`Denoiser::output`].
    fn predict(
        &self,
        x_t: Tensor<B, 4>,
        level: NoiseLevel,
        class_labels: Option<&[usize]>,
        clipping: X0Clipping,
    ) -> Prediction<B>
    where
        B: Kernels,
    {
        let output = self.output(x_t.clone(), level, class_labels);
        Prediction::read(output, self.prediction_type(), x_t, level, clipping)
    }
}

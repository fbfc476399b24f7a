//! Everything that training changes.

use burn::{
    backend::Autodiff,
    tensor::{
        backend::{AutodiffBackend, Backend},
        ops::{FloatTensor, FloatTensorOps},
    },
};

use crate::{
    model::{UNet, Weights},
    ops::{Kernels, ParameterState},
};

/// Where training has arrived: enough to go on exactly as if it had never been interrupted.
#[derive(Debug, Clone)]
pub struct TrainingState<B: Backend> {
    /// Optimizer steps taken.
    pub step: u64,
    /// The step at which the optimizer started, with moments of zero: 0, or where training went on
    /// from weights alone. Bias correction and warm-up count from here.
    pub optimizer_start_step: u64,
    /// One per parameter of the network.
    pub parameters: Vec<ParameterState<B>>,
}

impl<B: Kernels> TrainingState<B> {
    /// The start: fresh weights, no steps.
    pub fn new(unet: &UNet, seed: u64, device: &B::Device) -> Self {
        let parameters = unet
            .initial_weights::<B>(seed, device)
            .tensors()
            .iter()
            .map(|value| {
                let zeros = || B::float_mul_scalar(value.clone(), 0f32.into());
                ParameterState {
                    value: value.clone(),
                    exp_avg: zeros(),
                    exp_avg_sq: zeros(),
                    // A copy of its own, so that the optimizer may write both in place.
                    ema: B::float_mul_scalar(value.clone(), 1f32.into()),
                }
            })
            .collect();
        Self {
            step: 0,
            optimizer_start_step: 0,
            parameters,
        }
    }

    fn collect(&self, field: impl Fn(&ParameterState<B>) -> &FloatTensor<B>) -> Weights<B> {
        Weights::new(self.parameters.iter().map(|p| field(p).clone()).collect())
    }

    /// The averaged weights, which give the better samples.
    pub fn ema_weights(&self) -> Weights<B> {
        self.collect(|parameter| &parameter.ema)
    }

    /// The weights as the optimizer left them.
    pub fn raw_weights(&self) -> Weights<B> {
        self.collect(|parameter| &parameter.value)
    }

    /// [`TrainingState::raw_weights`] as leaves of an autodiff graph.
    pub(super) fn weights_to_differentiate(&self) -> Weights<Autodiff<B>> {
        let leaf = |parameter: &ParameterState<B>| {
            let leaf = Autodiff::<B>::from_inner(parameter.value.clone());
            Autodiff::<B>::float_set_require_grad(leaf, true)
        };
        Weights::new(self.parameters.iter().map(leaf).collect())
    }
}
